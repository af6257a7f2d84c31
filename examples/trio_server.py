"""An SMTP server on trio, one task for each client, that looks recipients up while others are served.

python examples/trio_server.py PORT [--cert FILE]     PORT 0 chooses a free one
"""

from __future__ import annotations

import argparse
import ssl
from functools import partial

import trio

import smtpcore
from smtpcore import Step

MAILBOXES = {"postmaster", "alice", "bob", "list"}


async def decide(conn: smtpcore.ServerConnection, event: smtpcore.ServerEvent) -> None:
    """The policy.  It may take its time: nothing is read from this client meanwhile."""
    if isinstance(event, smtpcore.Rcpt):
        if await known(event.path.local_part):
            conn.accept(event)
        else:
            conn.reject(event, smtpcore.Reply(550, "No such user here", "5.1.1"))
    else:
        smtpcore.accept_all(conn, event)  # messages are taken, and dropped


async def known(local_part: str) -> bool:
    await trio.lowlevel.checkpoint()  # here a data base would be asked
    return local_part.lower() in MAILBOXES


async def converse(settings: smtpcore.ServerSettings, tls: ssl.SSLContext | None, stream: trio.abc.Stream) -> None:
    """The driver loop: pull, send, receive."""
    conn = smtpcore.ServerConnection(settings=settings)
    try:
        while conn.next_step is not Step.CLOSE:
            for event in conn.events():
                await decide(conn, event)
            if output := conn.data_to_send():
                with trio.fail_after(180):  # a client that does not read is not waited for
                    await stream.send_all(output)
            deadline = conn.tick(trio.current_time())
            if conn.next_step is Step.RECEIVE:
                with trio.move_on_at(deadline):  # when it has passed, the next tick says 421
                    conn.receive_data(bytes(await stream.receive_some(65536)))
            elif conn.next_step is Step.START_TLS and tls is not None:
                secure = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
                with trio.fail_after(settings.timeouts.tls):
                    await secure.do_handshake()
                stream = secure
                conn.tls_started()
    except (OSError, trio.BrokenResourceError, trio.TooSlowError):
        pass  # the client is gone
    finally:
        await stream.aclose()


async def serve(port: int, settings: smtpcore.ServerSettings, tls: ssl.SSLContext | None) -> None:
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host="127.0.0.1")
        print(f"listening on 127.0.0.1:{listeners[0].socket.getsockname()[1]}", flush=True)
        nursery.start_soon(partial(trio.serve_listeners, partial(converse, settings, tls), listeners))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--cert", help="certificate and key in PEM; offers STARTTLS")
    options = parser.parse_args()
    extensions = list(smtpcore.SERVER_EXTENSIONS)
    tls = None
    if options.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert)
        extensions.append(smtpcore.StartTlsExtension())
    settings = smtpcore.ServerSettings("localhost", extensions=extensions)
    try:
        trio.run(serve, options.port, settings, tls)
    except* KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
