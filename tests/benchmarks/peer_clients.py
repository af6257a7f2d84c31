"""The peers' clients: python -m tests.benchmarks.peer_clients KIND PORT COUNT SIZE; prints what `send_many` prints.

Imports, building the message and connecting are not counted.
"""

# mypy: ignore-errors
# pyright: reportMissingImports=false, reportOptionalMemberAccess=false

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
from collections.abc import Callable
from email.message import EmailMessage

from tests.benchmarks.send_many import RECIPIENT, SENDER, content, now


def report(count: int, begin: tuple[float, float]) -> None:
    end = now()
    print(json.dumps({"n": count, "secs": end[0] - begin[0], "cpu": end[1] - begin[1]}))


def by_smtplib(port: int, count: int, body: bytes) -> None:
    import smtplib

    client = smtplib.SMTP("127.0.0.1", port, local_hostname="client.example.org")
    begin = now()
    for _ in range(count):
        client.sendmail(SENDER, [RECIPIENT], body)
    client.quit()
    report(count, begin)


def by_aiosmtplib(port: int, count: int, body: bytes) -> None:
    import aiosmtplib

    async def send() -> None:
        names = {"hostname": "127.0.0.1", "port": port, "local_hostname": "client.example.org"}
        client = aiosmtplib.SMTP(**names, use_tls=False, start_tls=False)
        await client.connect()
        begin = now()
        for _ in range(count):
            await client.sendmail(SENDER, [RECIPIENT], body)
        await client.quit()
        report(count, begin)

    asyncio.run(send())


def by_smtpproto(port: int, count: int, body: bytes) -> None:
    from smtpproto.client import AsyncSMTPClient

    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "load"
    message.set_content(body.decode().partition("\r\n\r\n")[2].replace("\r\n", "\n"))

    async def send() -> None:
        async with AsyncSMTPClient("127.0.0.1", port=port, domain="client.example.org").connect() as session:
            begin = now()
            for _ in range(count):
                await session.send_message(message)
        report(count, begin)

    asyncio.run(send())


def by_smtp_source(port: int, count: int, body: bytes) -> None:
    """Postfix's generator, as one connection; its start, connecting and the greeting are counted."""
    from tests.benchmarks import home
    from tests.benchmarks.servers import children

    names = ["-M", "client.example.org", "-f", SENDER, "-t", RECIPIENT]
    command = [home.program("smtp-source"), *names, "-d", "-s", "1", "-m", str(count), "-l", str(len(body))]
    used, begin = children(), now()[0]
    subprocess.run([*command, f"inet:127.0.0.1:{port}"], check=True)
    print(json.dumps({"n": count, "secs": now()[0] - begin, "cpu": children() - used}))


KINDS: dict[str, Callable[[int, int, bytes], None]] = {
    "smtplib": by_smtplib,
    "aiosmtplib": by_aiosmtplib,
    "smtpproto": by_smtpproto,
    "smtp-source": by_smtp_source,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peer_clients")
    parser.add_argument("kind", choices=KINDS)
    for name in ("port", "count", "size"):
        parser.add_argument(name, type=int)
    options = parser.parse_args()
    KINDS[options.kind](options.port, options.count, content(options.size))
