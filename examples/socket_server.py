"""An SMTP or LMTP server on blocking sockets, one thread for each client; it prints a line for each message.

python examples/socket_server.py PORT [--lmtp] [--cert FILE]     PORT 0 chooses a free one
"""

from __future__ import annotations

import argparse
import socket
import ssl
import threading
import time
from contextlib import suppress

import smtpcore
from smtpcore import Step, sasl

PASSWORDS = {"ann": "correct horse"}  # for AUTH PLAIN, which is offered under TLS only


class Mailbox:
    """The policy: whom to take mail for, and what to do with it."""

    def __init__(self) -> None:
        self.message = bytearray()

    def decide(self, conn: smtpcore.ServerConnection, event: smtpcore.ServerEvent) -> None:
        match event:
            case smtpcore.Rcpt() if event.path.local_part == "nobody":
                conn.reject(event, smtpcore.Reply(550, "No such user here", "5.1.1"))
            case smtpcore.Authenticate(credentials=sasl.PasswordCredentials(user, _, password)):
                if password == PASSWORDS.get(user):
                    conn.accept(event)
                else:
                    conn.reject(event, smtpcore.replies.AUTH_FAILED)
            case smtpcore.Body():
                self.message += event.data
            case smtpcore.EndOfMessage() if conn.session.envelope is not None:
                envelope = conn.session.envelope
                recipients = ", ".join(str(rcpt.path) for rcpt in envelope.recipients)
                print(f"{envelope.mail.path} -> {recipients}: {len(self.message)} octets", flush=True)
                self.message.clear()
                conn.accept(event)
            case smtpcore.TransactionAborted():
                self.message.clear()
            case _:
                smtpcore.accept_all(conn, event)


def converse(sock: socket.socket, settings: smtpcore.ServerSettings, tls: ssl.SSLContext | None) -> None:
    """The driver loop: pull, send, receive."""
    conn = smtpcore.ServerConnection(settings=settings)
    mailbox = Mailbox()
    try:
        while conn.next_step is not Step.CLOSE:
            for event in conn.events():
                mailbox.decide(conn, event)
            if output := conn.data_to_send():
                sock.sendall(output)
            now = time.monotonic()
            wait = conn.tick(now) - now
            if conn.next_step is Step.RECEIVE:
                sock.settimeout(wait)
                with suppress(TimeoutError):  # the next tick acts on it: 421, then close
                    conn.receive_data(sock.recv(65536))
            elif conn.next_step is Step.START_TLS and tls is not None:
                sock.settimeout(wait)
                sock = tls.wrap_socket(sock, server_side=True)
                conn.tls_started()
        if isinstance(sock, ssl.SSLSocket):
            sock.unwrap()  # says that nothing follows
    except OSError:
        pass  # the client is gone
    finally:
        sock.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--lmtp", action="store_true")
    parser.add_argument("--cert", help="certificate and key in PEM; offers STARTTLS, and AUTH under it")
    options = parser.parse_args()
    extensions = list(smtpcore.SERVER_EXTENSIONS)
    tls = None
    if options.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert)
        extensions += [smtpcore.StartTlsExtension(), smtpcore.AuthExtension()]
    settings = smtpcore.ServerSettings("localhost", extensions=extensions, lmtp=options.lmtp)
    with socket.create_server(("127.0.0.1", options.port)) as listener, suppress(KeyboardInterrupt):
        print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=converse, args=(sock, settings, tls), daemon=True).start()


if __name__ == "__main__":
    main()
