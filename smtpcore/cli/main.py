"""The command line: finds the sub-command, runs it, and turns what goes wrong into a sentence and an exit status."""

from __future__ import annotations

import argparse
import sys
from typing import Callable, NoReturn, Sequence

from smtpcore import cli
from smtpcore.cli import demo, send, serve

_EPILOG = """\
exit status:
  0    all went well
  64   wrong use: an option, an address or a file that cannot be used
  69   refused for good (send), cannot listen (serve)
  74   the output was closed or cannot be written
  75   not taken now, try again later (send)
  130  stopped by Ctrl-C before the outcome was known (send)

`python -m smtpcore COMMAND --help` tells more about each command.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors end with 64, the status of wrong use."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(cli.USAGE, f"{self.prog}: {message}\nTry: {self.prog} --help\n")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(
        prog="python -m smtpcore",
        description="SMTP tools on top of smtpcore: look at a conversation, catch mail, send one message.",
        epilog=_EPILOG,
        formatter_class=raw,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (demo, serve, send):
        summary, _, more = (module.__doc__ or "").partition("\n\n")
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(name, help=summary, description=f"{summary}\n\n{more}", formatter_class=raw)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: that of the process) and return its exit status."""
    options = make_parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        status = run(options)
        sys.stdout.flush()
    except cli.Trouble as trouble:
        print(f"smtpcore: {trouble}", file=sys.stderr)
        return trouble.status
    except OSError as error:  # everything else that can fail is a Trouble: this is standard output
        cli.forget(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            print(f"smtpcore: standard output: {error.strerror}", file=sys.stderr)
        return cli.OUTPUT_LOST
    except KeyboardInterrupt:
        print("smtpcore: interrupted", file=sys.stderr)
        return cli.INTERRUPTED
    return status
