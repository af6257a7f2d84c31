"""Command lines: `smtpcore.commands.parse` for what they mean, `smtpcore.server` for the reply to a bad one."""

from __future__ import annotations

from functools import cache

from smtpcore.commands import Command, Hello, Inquiry, Mail, Noop, Problem, Rcpt, parse
from smtpcore.events import Connect, Refused
from smtpcore.extensions.auth import Auth, encode
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.leniency import STRICT
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings
from tests.vectors.adapters.plain import decoded, known_extensions
from tests.vectors.adapters.server_engine import extensions_of
from tests.vectors.cases import WHOLE, Adapter, Cut, Json, difference, octets
from tests.vectors.judges.server import ServerSetup, in_any_order

#: The extensions whose parameters and verbs FORMATS.md says are known.
_KNOWN = frozenset(
    """
    PIPELINING ENHANCEDSTATUSCODES SIZE 8BITMIME SMTPUTF8 STARTTLS REQUIRETLS DSN AUTH DELIVERBY MT-PRIORITY
    FUTURERELEASE RRVS CHUNKING BINARYMIME
    """.split()
)
#: What brings a server to where a verb may come.
_HELLO = b"{hello} c.example"
_BEFORE = {
    **dict.fromkeys(("EHLO", "HELO", "LHLO"), ()),
    "RCPT": (_HELLO, b"MAIL FROM:<>"),
    "DATA": (_HELLO, b"MAIL FROM:<>", b"RCPT TO:<a@b.example>"),
    "BDAT": (_HELLO, b"MAIL FROM:<>", b"RCPT TO:<a@b.example>"),
}


@cache
def _settings(lmtp: bool) -> ServerSettings:
    setup = ServerSetup(extensions=_KNOWN & known_extensions().keys(), lmtp=lmtp)
    extensions = ExtensionSet(extensions_of(setup))
    return ServerSettings("mx.example", extensions=extensions, leniency=STRICT, ask=["VRFY", "EXPN", "HELP"], lmtp=lmtp)


def _refusal(case: Json, verb: str, line: bytes) -> int | None:
    """The code with which a server refuses a line that is well formed; `None` when it asks the host or agrees."""
    lmtp = bool(case.get("lmtp"))
    server = ServerConnection(settings=_settings(lmtp), tls=verb == "MAIL")
    hello = b"LHLO" if lmtp else b"EHLO"
    before = [text.replace(b"{hello}", hello) for text in _BEFORE.get(verb, (_HELLO,))]
    if case.get("smtputf8") and len(before) > 1:
        before[1] += b" SMTPUTF8"
    for text in [b"", *before, line]:
        if text:
            server.receive_data(text + b"\r\n")
        for event in server.events():
            if text is line:
                return event.reply.code if isinstance(event, Refused) else None
            if isinstance(event, (Connect, Command)) and server.question is event:
                server.accept(event)
        server.data_to_send()
    return None


def _arguments(command: Command, line: bytes, settings: ServerSettings) -> dict[str, object]:
    """What a command says, in the words of the vectors."""
    match command:
        case Hello(name=name):
            return {"domain": str(name)}
        case Mail() | Rcpt():
            found: dict[str, object] = {
                "local_part": command.path.local_part,
                "domain": None if command.path.domain is None else str(command.path.domain),
                "params": {keyword.upper(): value for keyword, value in command.params},
                "decoded": decoded(command.params, settings.extensions.parameters.get(command.verb, {})),
            }
            if command.path.route:
                found["route"] = [str(host) for host in command.path.route]
            return found
        case Inquiry(text=text):
            utf8: dict[str, object] = {"smtputf8": True} if "SMTPUTF8" in command.params else {}
            return {"string": command.string if text else None, **utf8}
        case Noop(text=text):
            return {"string": text or None}
        case Auth(mechanism=mechanism, initial=initial):
            return {"mechanism": mechanism, "initial_response": None if initial is None else encode(initial) or "="}
        case _:
            names = ("size", "last")
            return {name: getattr(command, name) for name in names if hasattr(command, name)}


def judge(case: Json, cut: Cut) -> list[str]:
    settings = _settings(bool(case.get("lmtp")))
    line = octets(case["input"])
    command = parse(line, settings.language)
    if isinstance(command, Problem):
        code: int | None = command.reply.code
    else:
        code = None if command.verb == "AUTH" else _refusal(case, command.verb, line)
    if case["valid"]:
        if code is not None:
            return [difference("a valid command", "no refusal", command)]
        assert isinstance(command, Command)
        found = _arguments(command, line, settings)
        problems = [] if command.verb == case["verb"] else [difference("verb", case["verb"], command.verb)]
        return problems + [
            difference(key, wanted, found.get(key))
            for key, wanted in case["args"].items()
            if in_any_order(found.get(key)) != in_any_order(wanted)
        ]
    codes = {case["error_code"], *case.get("error_codes_ok", ())}
    problems = [] if code in codes else [difference("code", sorted(codes), (code, command))]
    if command.verb != case["verb"]:
        problems.append(difference("verb", case["verb"], command.verb))
    return problems


ADAPTER = Adapter(
    kind="commands",
    judge=judge,
    cuts=(WHOLE,),
    keys=frozenset(
        """
        id category input smtputf8 lmtp valid verb args error_code error_codes_ok contentious note source
        """.split()
    ),
)
