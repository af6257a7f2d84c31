"""Send many messages over one connection on trio: each follows right behind the one before (RFC 2920).

python examples/trio_client.py HOST PORT SENDER RECIPIENT FILE... [--lmtp] [--starttls [--ca FILE]]
"""

from __future__ import annotations

import argparse
import ssl
import sys
from pathlib import Path

import trio

import smtpcore
from smtpcore import Step


async def deliver(
    stream: trio.abc.Stream,
    conn: smtpcore.ClientConnection,
    delivery: smtpcore.Delivery,
    tls: ssl.SSLContext,
    host: str,
) -> None:
    """The driver loop: pull, send, receive."""
    async with stream:
        while conn.next_step is not Step.CLOSE:
            for event in conn.events():
                delivery.handle(event)
            if output := conn.data_to_send():
                await stream.send_all(output)
            deadline = conn.tick(trio.current_time())
            if conn.next_step is Step.RECEIVE:
                with trio.move_on_at(deadline):  # when it has passed, the next tick acts on it
                    conn.receive_data(bytes(await stream.receive_some(65536)))
            elif conn.next_step is Step.START_TLS:
                stream = trio.SSLStream(stream, tls, server_hostname=host, https_compatible=True)
                with trio.move_on_at(deadline):
                    await stream.do_handshake()
                    conn.tls_started(verified=True)


async def run(options: argparse.Namespace) -> tuple[smtpcore.Report, ...]:
    messages = [
        smtpcore.Message(options.sender, (options.recipient,), await trio.Path(path).read_bytes())
        for path in options.files
    ]
    # A bare CR or LF in a file is refused before anything of it is sent: the default, NewlinePolicy.REJECT.
    conn = smtpcore.ClientConnection("client.example", lmtp=options.lmtp)
    delivery = smtpcore.Delivery(conn, messages, tls="required" if options.starttls else "none")
    tls = ssl.create_default_context(cafile=options.ca)
    try:
        stream = await trio.open_tcp_stream(options.host, options.port)
        await deliver(stream, conn, delivery, tls, options.host)
    except (OSError, trio.BrokenResourceError) as error:
        print(f"the connection failed: {error}", file=sys.stderr)
    return delivery.reports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("sender")
    parser.add_argument("recipient")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--lmtp", action="store_true")
    parser.add_argument("--starttls", action="store_true", help="no mail without it")
    parser.add_argument("--ca", help="authorities in PEM to verify the server by, instead of the system's")
    options = parser.parse_args()
    reports = trio.run(run, options)
    for path, report in zip(options.files, reports, strict=True):
        for result in report:
            print(f"{path.name}: {result.outcome.value} ({result.reply or report.exception or report.error})")
    return 0 if all(report.complete for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
