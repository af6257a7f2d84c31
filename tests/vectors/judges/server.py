"""Judge of `server_sessions`: steps fed to a server, its replies and the messages it handed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.vectors.cases import Cut, Json, UnknownFormat, difference, octets, require_known
from tests.vectors.judges.wire import WireReply, capabilities, pieces_of, replies, split_address

#: Code, enhanced code or `None`, text.
Answer = tuple[int, str | None, str]


@dataclass(frozen=True)
class ServerSetup:
    """How a server is configured, in the words of the formats; also what its host answers."""

    hostname: str = "mx.example"
    extensions: frozenset[str] = frozenset()
    #: Octets; 0 is no limit.
    max_size: int = 0
    tls: str = "none"
    accounts: Mapping[str, str] = field(default_factory=dict)
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    auth_requires_tls: bool = True
    require_auth: bool = False
    require_tls: bool = False
    cram_challenge: str | None = None
    lmtp: bool = False
    max_recipients: int | None = None
    max_errors: int | None = None
    #: Octets of a text line with its CRLF.
    max_line: int | None = None
    bare_newlines: str = "reject"
    max_received: int | None = None
    #: The host answers MAIL only when `step_done` was called.
    delay_mail: bool = False
    #: The host keeps no text, it only looks at it as it comes.
    stream: bool = False
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivered:
    """A message that the host took.  Addresses are decoded: no quotes, no brackets, no route."""

    mail_from: str
    rcpt_to: Sequence[str]
    body: bytes
    #: Upper-case keyword to typed value, as FORMATS.md writes `decoded`.
    mail_params: Mapping[str, object] = field(default_factory=dict)
    rcpt_params: Sequence[Mapping[str, object]] = ()


@dataclass
class ServerRecord:
    """What the host saw."""

    delivered: list[Delivered] = field(default_factory=list)
    #: Accepted MAIL and RCPT commands, as mailboxes without brackets and route.
    mails: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    authenticated: bool = False
    #: Every decoded parameter value and address that the host was given.
    values: list[str] = field(default_factory=list)
    #: Verbs that took effect, in order; `"TLS"` stands where TLS began.
    executed: list[str] = field(default_factory=list)


class ServerEngine(Protocol):
    """A server with its host, driven octet by octet.  After it closed, `feed` does nothing."""

    record: ServerRecord

    @property
    def closed(self) -> bool: ...
    @property
    def wants_tls(self) -> bool: ...
    @property
    def held(self) -> int:
        """Octets of input and of output not taken that the engine keeps."""
        ...

    def greet(self) -> None:
        """The host lets the greeting go."""
        ...

    def feed(self, data: bytes) -> None: ...
    def eof(self) -> None: ...
    def take(self) -> bytes: ...
    def tls(self, ok: bool) -> None: ...
    def shut_down(self) -> None: ...
    def step_done(self) -> None: ...


ServerFactory = Callable[[ServerSetup], ServerEngine]

_CONFIG = {
    "hostname": "hostname", "extensions": "extensions", "max_size": "max_size", "tls": "tls", "auth_users": "accounts",
    "auth_mechanisms": "mechanisms", "auth_requires_tls": "auth_requires_tls", "require_auth": "require_auth",
    "require_tls": "require_tls", "cram_challenge": "cram_challenge", "lmtp": "lmtp", "policy": "policy",
    "max_recipients": "max_recipients", "max_errors": "max_errors", "max_line": "max_line",
    "bare_newlines": "bare_newlines",
}  # fmt: skip
_POLICY = {"connect", "mail", "rcpt", "vrfy", "expn", "auth", "data_start", "data", "data_per_rcpt"}
_STEPS = {"send", "expect", "expect_close", "expect_none", "eof", "tls", "note"}
_REPLY = {
    "code", "codes_ok", "enhanced", "contains", "capabilities", "caps_absent", "payload", "lines", "no_enhanced",
    "note",
}  # fmt: skip
_DELIVERED = {"mail_from", "rcpt_to", "body", "mail_params", "rcpt_params"}


def setup_of(config: Json) -> ServerSetup:
    require_known(config, _CONFIG, "config")
    require_known(config.get("policy", {}), _POLICY, "policy")
    values = {_CONFIG[key]: value for key, value in config.items() if value is not None}
    if values.get("tls", "none") not in ("none", "starttls", "implicit"):
        raise UnknownFormat(f"tls {values['tls']!r}")
    values["extensions"] = frozenset(name.upper() for name in values.get("extensions", ()))
    if "mechanisms" in values:
        values["mechanisms"] = tuple(values["mechanisms"])
    return ServerSetup(**values)


def judge(case: Json, cut: Cut, factory: ServerFactory) -> list[str]:
    """The differences of one server session."""
    setup = setup_of(case["config"])
    return _Session(factory(setup), setup, cut).run(case)


class _Session:
    def __init__(self, engine: ServerEngine, setup: ServerSetup, cut: Cut) -> None:
        self.engine, self.setup, self.cut = engine, setup, cut
        self.codes_offered = "ENHANCEDSTATUSCODES" in setup.extensions
        #: EHLO or LHLO is in force.
        self.extended = False
        self.output = b""
        self.sent: list[bytes] = []
        self.problems: list[str] = []

    def run(self, case: Json) -> list[str]:
        self.engine.greet()
        for number, step in enumerate(case["steps"], 1):
            require_known(step, _STEPS, f"step {number}")
            before = len(self.problems)
            self.step(step)
            self.problems[before:] = [f"step {number}: {text}" for text in self.problems[before:]]
            if len(self.problems) > before:
                return self.problems  # what comes after a wrong reply is only its echo
        self.problems += compare_delivered(case["delivered"], self.engine.record.delivered)
        return self.problems

    def step(self, step: Json) -> None:
        engine = self.engine
        if "send" in step:
            for part in pieces_of(octets(step["send"])):
                for piece in self.cut.pieces(part):
                    engine.feed(piece)
                    self.output += engine.take()
            engine.step_done()
            self.sent.append(octets(step["send"]))
        elif "expect" in step:
            self.expect(step["expect"])
        elif "expect_none" in step:
            self.output += engine.take()
            if self.output:
                self.problems.append(difference("output", b"", self.output))
        elif "expect_close" in step:
            self.output += engine.take()
            if engine.closed is not bool(step["expect_close"]):
                self.problems.append(difference("closed", step["expect_close"], engine.closed))
        elif "eof" in step:
            engine.eof()
        elif "tls" in step and self.setup.tls == "implicit":
            pass  # the engine was made so
        elif "tls" in step:
            if not engine.wants_tls:
                self.problems.append("the server does not wait for TLS")
            engine.tls(True)
            self.extended = False
        elif "note" not in step:
            raise UnknownFormat(f"a step without a known action: {sorted(step)}")

    def expect(self, entries: Sequence[Json]) -> None:
        self.output += self.engine.take()
        found, rest = replies(self.output)
        self.output = b""
        if len(found) != len(entries) or rest:
            codes = [reply.code for reply in found]
            self.problems.append(difference("replies", [entry["code"] for entry in entries], (codes, rest)))
            return
        hellos = self.note_hello(found)
        for number, (entry, reply) in enumerate(zip(entries, found, strict=True)):
            codes_apply = self.codes_offered and self.extended and number not in hellos
            self.problems += compare_reply(entry, reply, codes_apply)

    def note_hello(self, found: Sequence[WireReply]) -> set[int]:
        """Notes whether EHLO is in force, from the commands just sent; gives the places of the hello replies."""
        lines = b"".join(self.sent).split(b"\r\n")
        self.sent = []
        hellos: set[int] = set()
        for number, (line, reply) in enumerate(zip(lines, found, strict=False)):
            verb = line[:4].upper()
            if verb in (b"DATA", b"BDAT"):
                break
            if verb in (b"EHLO", b"LHLO", b"HELO") and reply.code == 250:
                self.extended = verb != b"HELO"
                hellos.add(number)
        return hellos


def _enhanced_fits(pattern: str, code: str | None) -> bool:
    parts, wanted = (code or "").split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(w in ("x", p) for w, p in zip(wanted, parts, strict=True))


def compare_reply(entry: Json, reply: WireReply, codes_apply: bool) -> list[str]:
    """One reply against its entry; enhanced codes only where they are in force."""
    require_known(entry, _REPLY, "an expected reply")
    problems: list[str] = []
    if reply.code != entry["code"] and reply.code not in entry.get("codes_ok", ()):
        return [difference("code", [entry["code"], *entry.get("codes_ok", ())], (reply.code, reply.text))]
    pattern = entry.get("enhanced")
    if codes_apply and pattern:
        if reply.code != entry["code"]:  # another good code: only the class is certain
            pattern = f"{str(reply.code)[0]}.x.x"
        if not _enhanced_fits(pattern, reply.enhanced):
            problems.append(difference("enhanced code", pattern, (reply.code, reply.text)))
    if entry.get("no_enhanced") and reply.enhanced is not None:
        problems.append(difference("enhanced code", None, reply.text))
    if entry.get("contains") and entry["contains"] not in reply.text:
        problems.append(difference("text", entry["contains"], reply.text))
    if "payload" in entry and reply.text != entry["payload"]:
        problems.append(difference("payload", entry["payload"], reply.text))
    if "lines" in entry and len(reply.lines) != entry["lines"]:
        problems.append(difference("number of lines", entry["lines"], reply.lines))
    if "capabilities" in entry or "caps_absent" in entry:
        found = capabilities(reply)
        for keyword, parameters in (entry.get("capabilities") or {}).items():
            if keyword not in found or (parameters and found[keyword] != list(parameters)):
                problems.append(difference(f"capability {keyword}", parameters, found.get(keyword, "not offered")))
        present = [keyword for keyword in entry.get("caps_absent") or () if keyword in found]
        if present:
            problems.append(difference("capabilities", f"without {present}", sorted(found)))
    return problems


def in_any_order(decoded: object) -> object:
    """Typed parameter values with the values of NOTIFY sorted: their order says nothing (RFC 3461 4.1)."""
    if not isinstance(decoded, Mapping):
        return decoded
    return {name: sorted(value) if name == "NOTIFY" else value for name, value in decoded.items()}


def compare_delivered(wanted: Sequence[Json], found: Sequence[Delivered]) -> list[str]:
    """The messages handed over, in order."""
    if len(wanted) != len(found):
        return [difference("messages delivered", len(wanted), [message.rcpt_to for message in found])]
    problems: list[str] = []
    for entry, message in zip(wanted, found, strict=True):
        require_known(entry, _DELIVERED, "a delivered message")
        pairs: list[tuple[str, object, object]] = [
            ("mail_from", split_address(entry["mail_from"]), split_address(message.mail_from)),
            ("rcpt_to", list(map(split_address, entry["rcpt_to"])), list(map(split_address, message.rcpt_to))),
            ("body", octets(entry["body"]), message.body),
        ]
        if "mail_params" in entry:
            pairs.append(("mail_params", in_any_order(entry["mail_params"]), in_any_order(message.mail_params)))
        if "rcpt_params" in entry:
            wanted_tables, found_tables = (
                map(in_any_order, entry["rcpt_params"]),
                map(in_any_order, message.rcpt_params),
            )
            pairs.append(("rcpt_params", list(wanted_tables), list(found_tables)))
        problems += [difference(name, left, right) for name, left, right in pairs if left != right]
    return problems
