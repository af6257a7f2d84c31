"""Judge of `smtp-hostile-server/1`: what must come of hostile input, whatever the replies are in detail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.vectors.cases import SINGLY, Cut, Json, UnknownFormat, difference, octets, require_known
from tests.vectors.judges.server import ServerEngine, ServerFactory, ServerSetup
from tests.vectors.judges.wire import WireError, WireReply, pieces_of, replies, split_address

_CONFIG = {
    "tls", "require_tls", "auth", "auth_without_tls", "accounts", "smtputf8", "chunking", "binarymime", "dsn",
    "eightbitmime", "size", "mode", "max_received", "app_reject_data", "app_tempfail_data", "app_reject_rcpt",
    "app_delay_mail",
}  # fmt: skip
_STEP = {
    "send", "repeat", "times", "prefix", "suffix", "drip", "before_greeting", "tls", "if_last", "eof", "host", "expect",
    "expect_repeat", "at_most", "expect_closed", "expect_optional", "more_ok", "exactly_one", "reply_excludes",
    "reply_clean",
}  # fmt: skip
_MUST = {
    "messages", "messages_min", "mail_from", "bodies", "rcpt_to", "events_mail", "events_rcpt", "events_mail_optional",
    "events_rcpt_optional", "rcpt_max", "authenticated", "event_excludes", "executed_after_tls", "max_buffer",
}  # fmt: skip


def setup_of(case: Json) -> ServerSetup:
    config = case["config"]
    require_known(config, _CONFIG, "config")
    on = {name for name, value in config.items() if value}
    extensions = {"PIPELINING", "ENHANCEDSTATUSCODES"}
    for switch, keyword in (
        ("tls", "STARTTLS"), ("auth", "AUTH"), ("smtputf8", "SMTPUTF8"), ("chunking", "CHUNKING"),
        ("binarymime", "BINARYMIME"), ("dsn", "DSN"), ("eightbitmime", "8BITMIME"), ("size", "SIZE"),
    ):  # fmt: skip
        if switch in on:
            extensions.add(keyword)
    if extensions & {"SMTPUTF8", "BINARYMIME"}:
        extensions.add("8BITMIME")  # RFC 6531 3.1, RFC 3030 3 want it beside them
    policy: dict[str, object] = {}
    if "app_reject_data" in on:
        policy["data"] = (550, "5.7.1", "refused by the host")
    if "app_tempfail_data" in on:
        policy["data"] = (451, "4.3.0", "not now")
    policy["rcpt"] = dict.fromkeys(config.get("app_reject_rcpt", ()), (550, "5.1.1", "no such mailbox"))
    if config.get("mode", "smtp") not in ("smtp", "lmtp"):
        raise UnknownFormat(f"mode {config['mode']!r}")
    return ServerSetup(
        extensions=frozenset(extensions),
        max_size=config.get("size", 0),
        tls="starttls" if "tls" in on else "none",
        accounts=config.get("accounts", {}),
        auth_requires_tls="auth_without_tls" not in on,
        require_tls="require_tls" in on,
        lmtp=config.get("mode") == "lmtp",
        max_received=config.get("max_received"),
        delay_mail="app_delay_mail" in on,
        stream=bool(case.get("stream")),
        policy=policy,
    )


def judge(case: Json, cut: Cut, factory: ServerFactory) -> list[str]:
    """The differences of one hostile case."""
    require_known(case["must"], _MUST, "must")
    trial = _Trial(factory(setup_of(case)), cut)
    try:
        for number, step in enumerate(case["steps"], 1):
            require_known(step, _STEP, f"step {number}")
            trial.step(number, step)
            if trial.problems:
                return trial.problems
    except WireError as error:
        return [f"the output is no reply: {error}"]
    return trial.problems + trial.judge(case)


class _Trial:
    def __init__(self, engine: ServerEngine, cut: Cut) -> None:
        self.engine, self.cut = engine, cut
        self.output = b""
        self.last_code = 0
        self.most_held = 0
        self.greeted = False
        #: The engine had closed before the step that is being looked at.
        self.was_closed = False
        self.problems: list[str] = []

    def feed(self, data: bytes, cut: Cut) -> None:
        self.greet()
        for part in pieces_of(data):
            for piece in cut.pieces(part):
                self.engine.feed(piece)
                self.output += self.engine.take()
                self.most_held = max(self.most_held, self.engine.held)
        self.engine.step_done()
        self.output += self.engine.take()

    def greet(self) -> None:
        if not self.greeted:
            self.greeted = True
            self.engine.greet()

    def step(self, number: int, step: Json) -> None:
        if "before_greeting" in step:
            for piece in self.cut.pieces(octets(step["before_greeting"])):
                self.engine.feed(piece)
            self.greet()
        elif "send" in step:
            self.feed(octets(step["send"]), self.cut)
        elif "repeat" in step:
            data = octets(step["repeat"]) * step["times"]
            self.feed(octets(step.get("prefix", "")) + data + octets(step.get("suffix", "")), self.cut)
        elif "drip" in step:
            self.feed(octets(step["drip"]), SINGLY)
        elif "tls" in step:
            if self.engine.wants_tls and step.get("if_last", self.last_code) == self.last_code:
                self.engine.tls(step["tls"] == "done")
        elif "eof" in step:
            self.greet()
            self.engine.eof()
        elif step.get("host") == "shutdown":
            self.engine.shut_down()
        elif "expect" in step or "expect_repeat" in step:
            self.greet()
            self.problems += [f"step {number}: {text}" for text in self.expect(step)]
        else:
            raise UnknownFormat(f"step {number} has no known action: {sorted(step)}")

    def expect(self, step: Json) -> Iterator[str]:
        self.output += self.engine.take()
        found, rest = replies(self.output)
        raw, self.output = self.output, b""
        closed = self.engine.closed
        if rest:
            yield difference("output", "whole replies", rest)
        if found:
            self.last_code = found[-1].code
        if "expect_repeat" in step:
            yield from self.repeated(step, found, closed)
        else:
            yield from self.sequence(step, found, closed)
        self.was_closed = closed
        if step.get("expect_closed") is not None and closed is not step["expect_closed"]:
            yield difference("closed", step["expect_closed"], closed)
        for text in step.get("reply_excludes", ()):
            if octets(text) in raw:
                yield difference("reply text", f"without {text!r}", raw)
        if step.get("reply_clean") and any(octet < 32 or octet == 127 for octet in raw.replace(b"\r\n", b"")):
            yield difference("reply text", "no control octets", raw)

    def sequence(self, step: Json, found: Sequence[WireReply], closed: bool) -> Iterator[str]:
        entries, codes = step["expect"], [reply.code for reply in found]
        for entry in entries:
            require_known(entry, {"code"}, "an expected reply")
        if not found and (step.get("expect_optional") or self.was_closed):
            return
        extra = codes[len(entries) :]
        allowed = step.get("more_ok") or not extra or (closed and extra == [421])
        if len(codes) < len(entries) or not allowed or (step.get("exactly_one") and len(codes) != 1):
            yield difference("replies", [entry["code"] for entry in entries], codes[:50])
            return
        for entry, code in zip(entries, codes, strict=False):
            if code not in entry["code"]:
                yield difference("code", entry["code"], code)

    def repeated(self, step: Json, found: Sequence[WireReply], closed: bool) -> Iterator[str]:
        require_known(step["expect_repeat"], {"code"}, "expect_repeat")
        codes = [reply.code for reply in found]
        if closed and codes and codes[-1] == 421:
            codes.pop()
        if len(codes) > step["at_most"]:
            yield difference("number of replies", f"at most {step['at_most']}", len(codes))
        wrong = sorted(set(codes) - set(step["expect_repeat"]["code"]))
        if wrong:
            yield difference("codes", step["expect_repeat"]["code"], wrong)

    # -- the end -------------------------------------------------------------------------------------------------------

    def judge(self, case: Json) -> list[str]:
        record, must = self.engine.record, case["must"]
        problems: list[str] = []

        def check(holds: bool, what: str, wanted: object, got: object) -> None:
            if not holds:
                problems.append(difference(what, wanted, got))

        number = len(record.delivered)
        check(
            must["messages_min"] <= number <= must["messages"],
            "messages",
            (must["messages_min"], must["messages"]),
            number,
        )
        if "default_messages" in case:
            check(number == case["default_messages"], "messages by default", case["default_messages"], number)
        if case.get("strict_closed"):
            check(self.engine.closed, "closed by default", True, False)
        for message, sender in zip(record.delivered, must.get("mail_from", ()), strict=False):
            check(split_address(message.mail_from) == split_address(sender), "sender", sender, message.mail_from)
        for message, wanted in zip(record.delivered, must.get("rcpt_to", ()), strict=False):
            check(
                list(map(split_address, message.rcpt_to)) == list(map(split_address, wanted)),
                "recipients",
                wanted,
                message.rcpt_to,
            )
        for message, body in zip(record.delivered, must.get("bodies", ()), strict=False):
            bodies = [body] if isinstance(body, str) else body
            check(bodies is None or message.body in map(octets, bodies), "text", bodies, message.body)
        for key, accepted in (("events_mail", record.mails), ("events_rcpt", record.recipients)):
            if key in must:
                wanted_events = [split_address(octets(text).decode("utf-8", "replace")) for text in must[key]]
                found_events = list(map(split_address, accepted))
                refused = bool(must.get(f"{key}_optional")) and not found_events
                check(found_events == wanted_events or refused, key, must[key], accepted)
        if "rcpt_max" in must:
            check(len(record.recipients) <= must["rcpt_max"], "recipients", must["rcpt_max"], len(record.recipients))
        if must.get("authenticated") is not None:
            check(
                record.authenticated is must["authenticated"],
                "authenticated",
                must["authenticated"],
                record.authenticated,
            )
        for text in must.get("event_excludes", ()):
            holding = [value for value in record.values if text in value]
            check(not holding, "values", f"without {text!r}", holding)
        if "executed_after_tls" in must and "TLS" in record.executed:
            after = record.executed[record.executed.index("TLS") + 1 :]
            check(
                set(after) <= set(must["executed_after_tls"]), "executed after TLS", must["executed_after_tls"], after
            )
        limit = must.get("max_buffer", 65536)
        check(self.most_held <= limit, "octets held", limit, self.most_held)
        return problems
