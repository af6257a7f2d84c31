"""The peers' servers, one a process: peer_servers KIND PORT [--uvloop].  Each takes every message and drops it."""

# mypy: ignore-errors
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false

from __future__ import annotations

import argparse
import asyncio
import logging


def aiosmtpd_server(port: int, uvloop: bool) -> None:
    from aiosmtpd.smtp import SMTP

    logging.getLogger("mail.log").setLevel(logging.ERROR)

    class Taker:
        async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
            return "250 2.0.0 OK"

    def protocol() -> SMTP:
        # Without its limits: 20 calls of a verb in a session, and 32 MiB for a message.
        limits = {"command_call_limit": {"*": 1 << 30}, "data_size_limit": 1 << 30}
        return SMTP(Taker(), hostname="mx.example.org", enable_SMTPUTF8=True, **limits)

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, backlog=1024)
        await server.serve_forever()

    factory = None
    if uvloop:
        from uvloop import new_event_loop as factory
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve())


def twisted_server(port: int, uvloop: bool) -> None:
    from twisted.internet import reactor

    from tests.benchmarks.peer_twisted import TwistedFactory

    reactor.listenTCP(port, TwistedFactory(), backlog=1024, interface="127.0.0.1")
    reactor.run()


KINDS = {"aiosmtpd": aiosmtpd_server, "twisted": twisted_server}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peer_servers")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("port", type=int)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    KINDS[options.kind](options.port, options.uvloop)
