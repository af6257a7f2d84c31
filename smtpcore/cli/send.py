"""Send one message from a file or standard input, and tell what became of it.

The message goes as it stands, 8-bit octets included; only line ends are made CRLF.
Standard output has a line for each recipient, with the server's own words:

  <b@example.net>: delivered (250 2.0.0 Queued)

With --json it is one line: {"error", "status", "dropped", "recipients": a list of
{"to", "outcome", "code", "enhanced", "text"}}.  An outcome is delivered, refused (for
good), retry (not taken, try again) or unknown (the connection was lost after the end
of the message: it may have been taken, RFC 1047).

The exit status is 0 only when every recipient was taken; 69 when one was refused for
good; 75 when none was, but trying again later is needed; 64 for wrong use.

  python -m smtpcore send --from a@example.org --to b@example.net message.eml
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import ssl
import sys
from pathlib import Path
from typing import Final, Iterator, TypeVar

from smtpcore import cli
from smtpcore.addresses import AddressLiteral, Domain, ForwardPath, ReversePath
from smtpcore.cli.content import Content
from smtpcore.cli.wire import Conversation, Wire, client_context
from smtpcore.client import ClientConnection
from smtpcore.content import NewlinePolicy
from smtpcore.delivery import Delivery, Login, Message, TlsPolicy
from smtpcore.errors import ConnectionLost, SyntaxProblem
from smtpcore.events import Step
from smtpcore.report import Outcome, Report, Result
from smtpcore.sasl import PREFERENCE, ClientCredentials
from smtpcore.state import State

#: Seconds to wait for the connection.
CONNECT_WAIT: Final = 30.0
#: Chunks sent ahead of their replies; more would have to be kept in memory.
CHUNKS_AHEAD: Final = 16
PASSWORD: Final = "SMTPCORE_PASSWORD"
_TLS: Final[dict[str, TlsPolicy]] = {
    "none": "none",
    "opportunistic": "opportunistic",
    "required": "required",
    "implicit": "none",
}
P = TypeVar("P", ReversePath, ForwardPath)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `send`."""
    add = parser.add_argument
    add("file", nargs="?", default="-", metavar="FILE", help="the message (default: standard input)")
    add("--host", default="127.0.0.1", help="the server (default: %(default)s)")
    add("--port", type=int, default=2525, help="its port (default: %(default)s, as `serve` has it)")
    add("--from", dest="sender", required=True, metavar="A", help="sender; an empty text is the null path")
    add("--to", action="append", required=True, metavar="B", help="recipient; may be given more than once")
    add("--lmtp", action="store_true", help="speak LMTP (RFC 2033): a reply for each recipient")
    add("--json", action="store_true", help="the result as one line of JSON")
    add("--helo", metavar="NAME", help="the name to greet with (default: that of this machine, or its address)")
    add(
        "--newlines",
        choices=[policy.value for policy in NewlinePolicy],
        default=NewlinePolicy.REPAIR.value,
        help="CR or LF alone: repair them to CRLF (default), reject the message, or keep them",
    )
    add("--binary", action="store_true", help="not text: send by BDAT as BINARYMIME (RFC 3030)")
    add(
        "--tls",
        choices=list(_TLS),
        default="none",
        help="STARTTLS where offered (opportunistic, not verified) or always (required); TLS at once (implicit)",
    )
    add("--ca", metavar="FILE", help="authorities in PEM to verify the server by (default: the system's)")
    add("--no-verify", action="store_true", help="do not verify the server's certificate")
    add("--user", metavar="NAME", help=f"log in; the password is in {PASSWORD} or in --password-file")
    add("--password-file", metavar="FILE", help="its first line is the password")
    add("--mechanism", action="append", metavar="NAME", help="SASL mechanism to try, in this order (default: all)")
    add("--clear-text-auth", action="store_true", help="send the password without verified TLS, too")
    add("-v", "--verbose", action="store_true", help="write every event to standard error")


def run(options: argparse.Namespace) -> int:
    """Send, report, and give the exit status.  Raises `Trouble`."""
    newlines = NewlinePolicy(options.newlines)
    sender = _path(ReversePath, "--from", options.sender)
    recipients = tuple([_path(ForwardPath, "--to", each) for each in options.to])
    login = _login(options)
    context = _context(options)
    with Content(options.file, newlines, binary=options.binary) as content:
        message = Message(
            sender,
            recipients,
            size=content.size,
            eight_bit=content.eight_bit,
            utf8=content.utf8,
            binary=options.binary,
        )
        try:
            wire = _ClientWire(_connect(options.host, options.port), context, server_name=options.host)
            try:
                report = _deliver(options, wire, message, content, login)
            except BaseException:
                wire.sock.close()  # Ctrl-C does not wait for the server
                raise
            wire.close()
            if wire.tls_error:
                print(f"smtpcore: TLS: {wire.tls_error}", file=sys.stderr)
        except cli.Trouble as trouble:
            if trouble.status == cli.USAGE:
                raise
            report = _without_server(recipients, trouble)
    if report.exception is not None:
        print(f"smtpcore: {report.exception}", file=sys.stderr)
    return _tell(report, as_json=options.json)


def _without_server(recipients: tuple[ForwardPath, ...], trouble: cli.Trouble) -> Report:
    """The report when there was nobody to talk to."""
    outcome = Outcome.RETRY if trouble.status == cli.TRY_AGAIN else Outcome.REFUSED
    results = tuple([Result(path, outcome) for path in recipients])
    return Report(results, "connection-lost", exception=ConnectionLost(str(trouble)))


def _path(kind: type[P], option: str, text: str) -> P:
    try:
        return kind.of(text)
    except SyntaxProblem as problem:
        raise cli.Trouble(f"{option} {text!r} is not an address: {problem.text}") from None


def _login(options: argparse.Namespace) -> Login | None:
    if options.user is None:
        return None
    password = os.environ.get(PASSWORD)
    if options.password_file:
        try:
            password = Path(options.password_file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise cli.Trouble(f"--password-file {options.password_file}: {error}") from None
    if not password:
        raise cli.Trouble(f"--user needs a password, in {PASSWORD} or in --password-file")
    return Login(
        ClientCredentials(options.user, password, token=password, host=options.host, port=options.port),
        mechanisms=tuple(name.upper() for name in options.mechanism or [n for n in PREFERENCE if "OAUTH" not in n]),
        nonce=base64.b64encode(os.urandom(18)),
        clear_text=options.clear_text_auth,
    )


def _context(options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.tls == "none":
        return None
    verify = options.tls != "opportunistic" and not options.no_verify  # RFC 7435: better than nothing
    try:
        return client_context(options.ca, verify=verify)
    except OSError as error:
        raise cli.Trouble(f"--ca {options.ca}: {error}") from None


def _connect(host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=CONNECT_WAIT)
    except socket.gaierror as error:
        status = cli.TRY_AGAIN if error.errno == socket.EAI_AGAIN else cli.UNAVAILABLE
        raise cli.Trouble(f"{host} has no address: {error.strerror}", status) from None
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise cli.Trouble(f"cannot connect to {host}, port {port}: {reason}", cli.TRY_AGAIN) from None


class _ClientWire(Wire):
    """Tells the connection whether the server was verified, without which no password goes out (RFC 4954 14)."""

    @property
    def verified(self) -> bool:
        """Whether the certificate is checked."""
        return self.context is not None and self.context.verify_mode is ssl.CERT_REQUIRED

    def secured(self, conn: Conversation) -> None:
        """The handshake is done."""
        assert isinstance(conn, ClientConnection)
        conn.tls_started(verified=self.verified)


def _deliver(
    options: argparse.Namespace, wire: _ClientWire, message: Message, content: Content, login: Login | None
) -> Report:
    """The driver loop: pull, send, receive; the content goes out piece by piece when it is wanted."""
    implicit = options.tls == "implicit"
    if implicit:
        try:
            wire.start_tls()
        except OSError as error:
            raise cli.Trouble(f"TLS with {options.host} failed: {error}", cli.TRY_AGAIN) from None
    conn = ClientConnection(
        _name(options.helo, wire.sock),
        lmtp=options.lmtp,
        tls=implicit,
        tls_verified=implicit and wire.verified,
        newlines=NewlinePolicy(options.newlines),
        max_line=None,
    )
    delivery = Delivery(conn, [message], tls=_TLS[options.tls], login=login)

    def pull() -> None:
        for event in conn.events():
            if options.verbose:
                print(cli.visible(repr(event)), file=sys.stderr)
            delivery.handle(event)

    while conn.next_step is not Step.CLOSE:
        pull()
        if delivery.current is None:
            wire.turn(conn)
            continue
        last = b""
        for piece in content.pieces():
            conn.send_body(last)
            last = piece
            wire.turn(conn)
            while len(conn.outstanding) > CHUNKS_AHEAD and conn.state is not State.CLOSED:
                wire.wait(conn)
                pull()
        conn.end_body(last)
    return delivery.reports[0]


def _name(given: str | None, sock: socket.socket) -> str:
    """The name for EHLO: as given, this machine's when it is a domain, else its address (RFC 5321 4.1.4)."""
    try:
        if given is not None:
            return given if given.startswith("[") else str(Domain(given).to_ascii())
        return str(Domain(socket.gethostname()).to_ascii())
    except SyntaxProblem as problem:
        if given is not None:
            raise cli.Trouble(f"--helo {given!r} is not a domain: {problem.text}") from None
    return str(AddressLiteral.from_ip(sock.getsockname()[0].partition("%")[0]))


def _tell(report: Report, *, as_json: bool) -> int:
    """Write the result; gives the exit status."""
    outcomes = {result.outcome for result in report}
    if report.error == "invalid-argument":
        status = cli.USAGE
    elif Outcome.REFUSED in outcomes:
        status = cli.UNAVAILABLE
    else:
        status = cli.OK if report.complete else cli.TRY_AGAIN
    try:
        for line in _as_json(report, status) if as_json else _as_text(report):
            print(line)
        sys.stdout.flush()
    except OSError:
        cli.forget(sys.stdout)  # what became of the message does not hang on who reads about it
    return status


def _as_text(report: Report) -> Iterator[str]:
    for result in report:
        reply = result.reply
        said = str(report.exception or report.error) if reply is None else str(reply).replace("\n", " / ")
        yield cli.visible(f"{result.recipient}: {result.outcome.value} ({said})")


def _as_json(report: Report, status: int) -> Iterator[str]:
    found = {
        "error": report.error,
        "status": status,
        "dropped": report.dropped,
        "recipients": [
            {
                "to": str(result.recipient)[1:-1],
                "outcome": result.outcome.value,
                "code": result.reply and result.reply.code,
                "enhanced": result.reply and result.reply.enhanced and str(result.reply.enhanced),
                "text": result.reply and result.reply.text,
            }
            for result in report
        ],
    }
    yield json.dumps(found)
