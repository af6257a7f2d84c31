"""Mailboxes, paths, domains and address literals: `smtpcore.addresses`, read strictly.

A value is parsed from a whole text, so there is nothing to cut.
"""

from __future__ import annotations

from smtpcore.addresses import AddressLiteral, Domain, ForwardPath, Mailbox, ReversePath
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import STRICT
from tests.vectors.cases import WHOLE, Adapter, Cut, Json, UnknownFormat, difference, octets

#: What a vector says about a valid input: local-part, domain, route.
_Reading = tuple[str | None, str | None, list[str]]


def _read(kind: str, text: str | bytes, utf8: bool) -> _Reading:
    match kind:
        case "mailbox":
            mailbox = Mailbox.parse(text, utf8=utf8, leniency=STRICT)
            return mailbox.local_part, str(mailbox.domain), []
        case "reverse-path":
            reverse = ReversePath.parse(text, utf8=utf8, leniency=STRICT)
            domain = None if reverse.domain is None else str(reverse.domain)
            return reverse.local_part, domain, [str(host) for host in reverse.route]
        case "forward-path":
            forward = ForwardPath.parse(text, utf8=utf8, leniency=STRICT)
            domain = None if forward.domain is None else str(forward.domain)
            return forward.local_part, domain, [str(host) for host in forward.route]
        case "domain":
            return None, str(Domain.parse(text, utf8=utf8, leniency=STRICT)), []
        case "address-literal":
            return None, str(AddressLiteral.parse(text, leniency=STRICT)), []
        case _:
            raise UnknownFormat(f"kind {kind!r} of an address")


def judge(case: Json, cut: Cut) -> list[str]:
    text: str | bytes = octets(case["input"]) if case.get("raw") else case["input"]
    try:
        reading = _read(case["kind"], text, case["smtputf8"])
    except SyntaxProblem as problem:
        if case["valid"]:
            return [difference("a valid input", "no error", problem)]
        return [] if problem.reason == case["reason"] else [difference("reason", case["reason"], problem.reason)]
    if not case["valid"]:
        return [difference("an invalid input", case["reason"], reading)]
    wanted = (case["local_part"], case["domain"], list(case.get("route", [])))
    return [
        difference(name, expected, found)
        for name, expected, found in zip(("local_part", "domain", "route"), wanted, reading, strict=True)
        if expected != found
    ]


ADAPTER = Adapter(
    kind="addresses",
    judge=judge,
    cuts=(WHOLE,),
    keys=frozenset(
        "id category kind input raw smtputf8 valid local_part domain route reason contentious note source".split()
    ),
)
