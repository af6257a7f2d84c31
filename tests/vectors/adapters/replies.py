"""Replies, greetings and EHLO responses: `smtpcore.replies` and `smtpcore.capabilities`."""

from __future__ import annotations

import re

from smtpcore.capabilities import Capabilities
from smtpcore.errors import SyntaxProblem
from smtpcore.replies import Reply, ReplyReader
from tests.vectors.cases import Adapter, Cut, Json, UnknownFormat, difference, octets


def _read(reader: ReplyReader, case: Json, cut: Cut) -> tuple[Reply | None, bytes]:
    """The reply, and the octets behind it.  Only CRLF ends a line; enhanced codes stand where EHLO has been."""
    held = b""
    reply: Reply | None = None
    for piece in cut.pieces(octets(case["input"])):
        held += piece
        while reply is None and (end := held.find(b"\r\n")) >= 0:
            line, held = held[:end], held[end + 2 :]
            reply = reader.push(line, enhanced=case["kind"] == "reply")
    if reply is None and (b"\n" in held or b"\r" in held[:-1]):
        reply = reader.push(held, enhanced=False)
    return reply, held


def judge(case: Json, cut: Cut) -> list[str]:
    wanted = None if case["valid"] else case["reason"]
    try:
        reply, rest = _read(ReplyReader(), case, cut)
        reason = "incomplete" if reply is None else None
    except SyntaxProblem as problem:
        return [] if problem.reason == wanted else [difference("reason", wanted, problem)]
    if reply is None or reason != wanted:
        return [] if reason == wanted else [difference("reason", wanted, reason)]
    found = [] if not rest else [difference("octets behind the reply", b"", rest)]
    match case["kind"]:
        case "reply":
            found += _compare(case, reply)
        case "greeting":
            found += _compare(case, reply)
            domain = (reply.lines[0].split(" ")[0] or None) if reply.code == 220 else None
            if domain != case.get("domain"):
                found.append(difference("domain", case.get("domain"), domain))
        case "ehlo":
            capabilities = Capabilities.parse(reply)
            if _table(capabilities) != case["capabilities"]:
                found.append(difference("capabilities", case["capabilities"], _table(capabilities)))
            if "domain" in case and capabilities.domain != case["domain"]:
                found.append(difference("domain", case["domain"], capabilities.domain))
        case kind:
            raise UnknownFormat(f"kind {kind!r} of a reply")
    return found


def _octets(line: str) -> bytes:
    """A line as the octets that came: text outside ASCII was decoded, or escaped where it is not UTF-8."""
    return re.sub(rb"\\x([89a-f][0-9a-f])", lambda found: bytes.fromhex(found[1].decode()), line.encode("utf-8"))


def _compare(case: Json, reply: Reply) -> list[str]:
    enhanced = None if reply.enhanced is None else str(reply.enhanced)
    pairs = (
        ("code", case["code"], reply.code),
        ("lines", list(map(octets, case["lines"])), list(map(_octets, reply.lines))),
        ("enhanced", case["enhanced"], enhanced),
    )
    return [difference(name, wanted, got) for name, wanted, got in pairs if wanted != got]


def _table(capabilities: Capabilities) -> dict[str, list[str]]:
    """As the vectors write it: the mechanisms of `AUTH` and of the old `AUTH=` form are one list."""
    table = {keyword: list(parameters) for keyword, parameters in capabilities.items()}
    if capabilities.mechanisms:
        table["AUTH"] = list(capabilities.mechanisms)
    return table


ADAPTER = Adapter(
    kind="replies",
    judge=judge,
    keys=frozenset(
        "id category kind input valid code lines enhanced domain capabilities reason contentious note source".split()
    ),
)
