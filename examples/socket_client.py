"""Send a message over a blocking socket, with STARTTLS and AUTH when asked for; one line for each recipient.

python examples/socket_client.py HOST PORT SENDER RECIPIENT... < message
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import ssl
import sys
import time
from contextlib import suppress

import smtpcore
from smtpcore import Step, sasl


def deliver(
    sock: socket.socket, conn: smtpcore.ClientConnection, delivery: smtpcore.Delivery, tls: ssl.SSLContext, host: str
) -> None:
    """The driver loop: pull, send, receive."""
    while conn.next_step is not Step.CLOSE:
        for event in conn.events():
            delivery.handle(event)
        if output := conn.data_to_send():
            sock.sendall(output)
        now = time.monotonic()
        wait = conn.tick(now) - now
        if conn.next_step is Step.RECEIVE:
            sock.settimeout(min(wait, 600))
            with suppress(TimeoutError):  # the next tick acts on it
                conn.receive_data(sock.recv(65536))
        elif conn.next_step is Step.START_TLS:
            sock = tls.wrap_socket(sock, server_hostname=host)
            conn.tls_started(verified=True)
    sock.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("sender")
    parser.add_argument("recipients", nargs="+")
    parser.add_argument("--lmtp", action="store_true")
    parser.add_argument("--starttls", action="store_true", help="no mail without it")
    parser.add_argument("--ca", help="authorities in PEM to verify the server by, instead of the system's")
    parser.add_argument("--user", help="log in; the password is in the variable PASSWORD")
    options = parser.parse_args()

    login = None
    if options.user:
        credentials = sasl.ClientCredentials(options.user, os.environ["PASSWORD"])
        login = smtpcore.Login(credentials, nonce=secrets.token_urlsafe().encode())
    message = smtpcore.Message(options.sender, tuple(options.recipients), sys.stdin.buffer.read())
    # Lines end in CRLF in SMTP, in LF where most messages are written: REPAIR makes the one of the other.
    conn = smtpcore.ClientConnection(
        "client.example", lmtp=options.lmtp, newlines=smtpcore.NewlinePolicy.REPAIR, max_line=None
    )
    delivery = smtpcore.Delivery(conn, [message], tls="required" if options.starttls else "none", login=login)
    sock = socket.create_connection((options.host, options.port), timeout=30)
    try:
        deliver(sock, conn, delivery, ssl.create_default_context(cafile=options.ca), options.host)
    except OSError as error:
        print(f"the connection failed: {error}", file=sys.stderr)
    (report,) = delivery.reports
    for result in report:
        print(f"{result.recipient}: {result.outcome.value} ({result.reply or report.exception or report.error})")
    return 0 if report.complete else 1


if __name__ == "__main__":
    sys.exit(main())
