"""Judge of `client_sessions`: the lines of a client compared by meaning, and what it reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.vectors.cases import Cut, Json, UnknownFormat, difference, octets, require_known
from tests.vectors.judges.client import ClientEngine, ClientFactory, ClientIntent, ClientOutcome
from tests.vectors.judges.peer import Peer
from tests.vectors.judges.wire import (
    Freedom,
    capabilities,
    pieces_of,
    replies,
    same_line,
    split_replies,
    text_end,
    verb_of,
)

_INTENT = {"helo", "tls", "auth", "mail_from", "rcpt_to", "body", "options"}
_OPTIONS = {
    "pipelining", "chunking", "chunk_size", "binary", "lmtp", "mechanisms", "initial_response", "requiretls",
    "transactions", "dsn",
}  # fmt: skip
_RESULT = {"recipients", "error", "permanent", "code"}
_ERRORS = {
    None, "greeting-rejected", "helo-rejected", "mail-rejected", "no-recipients", "data-rejected", "message-rejected",
    "service-closing", "connection-lost", "protocol-error", "auth-failed", "auth-unavailable", "starttls-unavailable",
    "starttls-refused", "size-exceeded", "smtputf8-unavailable", "8bitmime-unavailable", "requiretls-unavailable",
    "invalid-argument",
}  # fmt: skip
#: Errors after which the client may leave without QUIT.
_ABRUPT = {"service-closing", "protocol-error", "connection-lost", "invalid-argument"}
#: Errors that a client may notice before the first octet or only when the value is due.
_EARLY = {"invalid-argument", "8bitmime-unavailable"}
_ENDINGS = {b"QUIT", b"RSET", b""}
_LAST_WORDS = {b"QUIT": b"221 bye\r\n", b"RSET": b"250 ok\r\n"}


def intent_of(wanted: Json) -> ClientIntent:
    options = wanted["options"]
    require_known(wanted, _INTENT, "intent")
    require_known(options, _OPTIONS, "options")
    if wanted["tls"] not in ("none", "opportunistic", "required", "implicit"):
        raise UnknownFormat(f"tls {wanted['tls']!r}")
    auth = wanted["auth"]
    return ClientIntent(
        helo=wanted["helo"],
        mail_from=wanted["mail_from"],
        rcpt_to=tuple(wanted["rcpt_to"]),
        body=(octets(wanted["body"]),),
        tls=wanted["tls"],
        auth=None if auth is None else (auth["user"], auth["password"]),
        mechanisms=options.get("mechanisms"),
        initial_response=options.get("initial_response", True),
        pipelining=bool(options.get("pipelining")),
        chunking=bool(options.get("chunking")),
        chunk_size=options.get("chunk_size"),
        binary=bool(options.get("binary")),
        lmtp=bool(options.get("lmtp")),
        requiretls=bool(options.get("requiretls")),
        transactions=options.get("transactions", 1),
        dsn=options.get("dsn", {}),
    )


def judge(case: Json, cut: Cut, factory: ClientFactory) -> list[str]:
    """The differences of one client session."""
    require_known(case["result"], _RESULT, "result")
    if case["result"]["error"] not in _ERRORS:
        raise UnknownFormat(f"error {case['result']['error']!r}")
    intent = intent_of(case["intent"])
    if case["result"]["error"] in _EARLY:
        return _judge_early(case, cut, intent, factory(intent))
    dialog = _Dialog(case, cut, intent, factory(intent))
    dialog.run()
    if dialog.problems or not dialog.result_holds:
        return dialog.problems
    return compare_result(case["result"], dialog.engine.outcome(), dialog.codes_offered)


def _judge_early(case: Json, cut: Cut, intent: ClientIntent, engine: ClientEngine) -> list[str]:
    """A client may refuse a bad argument at once or late: judged is that no octet of it goes out."""
    said = [step["server"] for step in case["dialog"] if "server" in step]
    script = [
        {"on": on, "say": text} for on, text in zip(("connect", "LHLO" if intent.lmtp else "EHLO"), said, strict=False)
    ]
    peer = Peer(engine, cut, script, lmtp=intent.lmtp)
    peer.run()
    outcome = engine.outcome()
    problems = [
        difference(f"recipient {name}", "not accepted", found.state)
        for name, found in outcome.recipients.items()
        if found.state == "sent"
    ]
    values = [(b"EHLO", intent.helo), (b"MAIL", intent.mail_from), *((b"RCPT", name) for name in intent.rcpt_to)]
    bad = [(verb, value) for verb, value in values if any(ord(character) < 32 for character in value)]
    for verb, value in bad:
        tail = value.encode("utf-8", "surrogatepass").strip().splitlines()[-1]
        if tail in peer.wire or (verb != b"RCPT" and b"\r\n" + verb in b"\r\n" + peer.wire):
            problems.append(difference("a bad argument was sent", b"", peer.wire))
    if not bad and (peer.chunks or any(phase for phase in peer.phases if phase != b".\r\n")):
        # The text is what is wrong.  Nothing of it may go out, not even the good octets in front.
        problems.append(difference("a bad text was sent", b"", (peer.chunks, peer.phases)))
    return problems


class _Dialog:
    def __init__(self, case: Json, cut: Cut, intent: ClientIntent, engine: ClientEngine) -> None:
        self.engine, self.cut, self.intent = engine, cut, intent
        self.error = case["result"]["error"]
        self.steps = [dict(step) for step in case["dialog"]]
        #: Output not compared yet; octets said that are no whole reply yet.
        self.output = self.said = b""
        self.last_verb = b""
        self.last_code = 0
        self.offered: Mapping[str, Sequence[str]] = {}
        self.codes_offered = False
        self.quit_seen = self.cut_off = False
        #: The last line of the client has no reply yet.
        self.unanswered = False
        self.result_holds = True
        self.problems: list[str] = []

    def run(self) -> None:
        for number, step in enumerate(self.steps):
            require_known(step, {"server", "client", "tls", "server_close", "note"}, f"step {number + 1}")
            over = self.step(number, step)
            if self.problems:
                self.problems = [f"step {number + 1}: {text}" for text in self.problems]
                return
            if over:
                break
        self.finish()

    def step(self, number: int, step: Json) -> bool:
        """Does one step; `True` when the dialog ends with it."""
        self.unanswered = "client" in step
        if "client" in step:
            return self.client(number, step["client"])
        if "server" in step:
            self.feed(octets(step["server"]))
        elif "server_close" in step:
            self.cut_off = True
            self.engine.eof()
        elif "tls" in step:
            if self.engine.wants_tls:
                self.engine.tls(True)
            elif self.intent.tls != "implicit":
                self.problems.append("the client does not begin TLS")
            self.offered, self.codes_offered = {}, False
        else:
            raise UnknownFormat(f"step {number + 1} has no known action")
        return False

    def feed(self, data: bytes) -> None:
        """Gives octets of the server, and notes what a reply in them offers."""
        for part in pieces_of(data):
            for piece in self.cut.pieces(part):
                self.engine.feed(piece)
        whole, self.said = split_replies(self.said + data)
        for reply in whole:
            if reply[:3].isdigit():
                self.last_code = int(reply[:3])
            if self.last_verb in (b"EHLO", b"LHLO") and reply.startswith(b"250"):
                self.offered = capabilities(replies(reply)[0][0])
                self.codes_offered = "ENHANCEDSTATUSCODES" in self.offered
                self.last_verb = b""

    # -- a step of the client --------------------------------------------------------------------------------------

    def client(self, number: int, wanted: str | Sequence[str]) -> bool:
        choices = [octets(text) for text in ([wanted] if isinstance(wanted, str) else wanted)]
        self.output += self.engine.take()
        choice = self.choose(choices)
        if choice is None:
            return True
        if not self.group(number, choice):
            return True
        if not self.intent.pipelining and self.output:
            self.problems.append(difference("octets after the line", b"", self.output))
        if verb_of(choice) == verb_of(choices[0]) or self.in_text(choice):
            return False
        last = not any("client" in step for step in self.steps[number + 1 :])
        self.result_holds = last and verb_of(choice) in _ENDINGS
        return True

    def choose(self, choices: Sequence[bytes]) -> bytes | None:
        """The choice that the client took, by its first line; notes a problem when it took none."""
        if not self.output and b"" in choices:
            return b""
        if len(choices) == 1:
            return choices[0]
        reasons: list[str] = []
        for choice in choices:
            if choice:
                reason = self.differs(self.units(choice)[0])
                if reason is None:
                    return choice
                reasons.append(reason)
        self.problems.append(" | ".join(reasons))
        return None

    def in_text(self, choice: bytes) -> bool:
        return self.last_verb == b"DATA" and 300 <= self.last_code < 400 and bool(choice)

    def units(self, wanted: bytes) -> list[bytes]:
        """The commands of a step: lines, a text with its end, a chunk with its line."""
        found: list[bytes] = []
        if self.in_text(wanted):
            end = text_end(wanted)
            end = len(wanted) if end < 0 else end
            found, wanted = [wanted[:end]], wanted[end:]
        while wanted:
            end = wanted.find(b"\r\n") + 2 or len(wanted)
            words = wanted[:end].split()
            if words[:1] == [b"BDAT"]:
                end += int(words[1])
            found.append(wanted[:end])
            wanted = wanted[end:]
        return found

    def differs(self, unit: bytes) -> str | None:
        """Why the output does not begin with a unit; `None` when it does."""
        if self.in_text(unit) or self.last_code == 334:
            return None if self.output.startswith(unit) else difference("client", unit, self.output)
        line, _, chunk = unit.partition(b"\r\n")
        got, crlf, rest = self.output.partition(b"\r\n")
        if not crlf:
            return difference("client line", line, self.output)
        reason = same_line(line, got, Freedom(self.offered, b"".join(self.intent.body)))
        if reason is not None and same_line(line, got + b" LAST", Freedom({}, b"")) is not None:
            return reason
        return None if rest.startswith(chunk) else difference("chunk", chunk, rest)

    def consume(self, unit: bytes) -> bool:
        """Takes a unit off the output; `True` when it was a chunk that leaves LAST to a chunk of its own."""
        if self.in_text(unit) or self.last_code == 334:
            self.output = self.output[len(unit) :]
            self.last_verb = b"" if self.last_verb == b"DATA" else self.last_verb
            return False
        line, _, rest = self.output.partition(b"\r\n")
        self.output = rest[len(unit) - unit.find(b"\r\n") - 2 :]
        self.last_verb = verb_of(unit)
        self.quit_seen |= self.last_verb == b"QUIT"
        return self.last_verb == b"BDAT" and line.upper().split() != unit[: unit.find(b"\r\n")].upper().split()

    def group(self, number: int, wanted: bytes) -> bool:
        """Reads the units of a step; smaller groups than wanted get one reply per command.  `False` ends the dialog."""
        units = self.units(wanted)
        following = self.steps[number + 1] if number + 1 < len(self.steps) else {}
        answers, rest = split_replies(octets(following.get("server", "")))
        answers += [rest] if rest else []
        done = fed = 0
        while done < len(units):
            reason = self.differs(units[done])
            if reason is None:
                if self.consume(units[done]):
                    units.insert(done + 1, b"BDAT 0 LAST\r\n")
                    answers[done + 1 : done + 1] = answers[done : done + 1]
                done += 1
                self.last_code = 0
            elif fed < min(done, len(answers)) and not self.output:
                self.feed(answers[fed])
                fed += 1
                self.output += self.engine.take()
            elif fed and verb_of(self.output) in _ENDINGS:
                return False  # nothing was accepted, so the client stops: the result holds
            else:
                self.problems.append(reason)
                return False
        if answers:
            following["server"] = b"".join(answers[fed:]).decode("latin-1")
        return True

    # -- past the last step ----------------------------------------------------------------------------------------

    def finish(self) -> None:
        """QUIT gets 221, RSET gets 250, then the connection ends."""
        if self.unanswered and self.last_verb in (b"QUIT", b"RSET"):
            self.feed(_LAST_WORDS[self.last_verb])
        for _ in range(10):
            self.output += self.engine.take()
            line, crlf, self.output = self.output.partition(b"\r\n")
            verb = verb_of(line)
            if not crlf:
                break
            if verb not in (b"QUIT", b"RSET"):
                if self.result_holds:
                    self.problems.append(difference("after the dialog", "QUIT, RSET or nothing", line))
                break
            self.quit_seen |= verb == b"QUIT"
            self.feed(_LAST_WORDS[verb])
        self.engine.eof()
        self.engine.take()
        if self.result_holds and not self.quit_seen and self.error not in _ABRUPT and not self.cut_off:
            self.problems.append("the client leaves without QUIT (RFC 5321 4.1.1.10)")


def compare_result(wanted: Json, outcome: ClientOutcome, codes_offered: bool) -> list[str]:
    """What the client reports against `result`."""
    problems: list[str] = []
    if outcome.error != wanted["error"]:
        problems.append(difference("error", wanted["error"], (outcome.error, outcome.code, outcome.texts)))
    if "code" in wanted and wanted["error"] is not None and outcome.code != wanted["code"]:
        problems.append(difference("code", wanted["code"], outcome.code))
    judged = "code" in wanted or wanted["error"] in ("no-recipients", "connection-lost")
    if judged and wanted["permanent"] is not None and outcome.permanent != wanted["permanent"]:
        problems.append(difference("permanent", wanted["permanent"], outcome.permanent))
    if not wanted["recipients"]:
        taken = [name for name, found in outcome.recipients.items() if found.state == "sent"]
        if taken:
            problems.append(difference("accepted", [], taken))
    for name, entry in wanted["recipients"].items():
        found = outcome.recipients.get(name)
        accepted = found is not None and found.state == "sent"
        code = None if found is None else found.code
        if accepted != entry["accepted"]:
            problems.append(difference(f"{name} accepted", entry["accepted"], (found, outcome.error)))
        elif code not in _good_codes(wanted, entry):
            problems.append(difference(f"code of {name}", sorted(map(str, _good_codes(wanted, entry))), code))
        elif codes_offered and code == entry["code"] and found is not None and found.enhanced != entry["enhanced"]:
            problems.append(difference(f"enhanced code of {name}", entry["enhanced"], found.enhanced))
    return problems


def _good_codes(wanted: Json, entry: Json) -> set[int | None]:
    codes = {entry["code"]}
    if not entry["accepted"]:
        if wanted["error"] in ("mail-rejected", "service-closing"):
            codes.add(wanted.get("code"))
        if wanted["error"] == "mail-rejected":
            codes.add(None)
        if wanted["error"] == "connection-lost" and entry["code"] in (None, 451):
            codes |= {None, 451}
    return codes
