"""Judge of `smtp-hostile-client/1`: a client before a peer that is broken or hostile, or with arguments that are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.vectors.cases import Cut, Json, UnknownFormat, difference, octets, require_known
from tests.vectors.judges.client import ClientEngine, ClientFactory, ClientIntent, ClientOutcome
from tests.vectors.judges.peer import Peer

_INTENT = {
    "ehlo", "mail_from", "mail_params", "rcpt_to", "rcpt_params", "body", "body_chunks", "use", "auth",
    "allow_plaintext_auth", "require_tls", "mode", "extra",
}  # fmt: skip
_MUST = {
    "raises", "result", "never_sent", "sent_text", "sent_chunks", "text_end_count", "caps_exclude",
    "error_text_excludes", "starttls_count", "tls_started", "max_commands", "per_rcpt", "size_limit_not", "max_buffer",
    "contentious", "note",
}  # fmt: skip


def intent_of(wanted: Json) -> ClientIntent:
    require_known(wanted, _INTENT, "client_intent")
    if wanted.get("use", "DATA") not in ("DATA", "BDAT") or wanted.get("mode", "smtp") not in ("smtp", "lmtp"):
        raise UnknownFormat("client_intent: use or mode")
    auth = wanted.get("auth")
    if auth is not None:
        require_known(auth, {"mechanism", "username", "password"}, "auth")
    for command in wanted.get("extra", ()):
        require_known(command, {"command", "arg"}, "extra")
    return ClientIntent(
        helo=wanted["ehlo"],
        mail_from=wanted["mail_from"],
        rcpt_to=tuple(wanted["rcpt_to"]),
        body=tuple(map(octets, wanted.get("body_chunks") or [wanted["body"]])),
        tls="required" if wanted.get("require_tls") else "none",
        auth=None if auth is None else (auth["username"], auth["password"]),
        mechanisms=None if auth is None or auth["mechanism"] is None else (auth["mechanism"],),
        allow_plaintext_auth=bool(wanted.get("allow_plaintext_auth")),
        chunking=wanted.get("use") == "BDAT",
        lmtp=wanted.get("mode") == "lmtp",
        mail_params=wanted.get("mail_params", {}),
        rcpt_params=wanted.get("rcpt_params", {}),
        extra=tuple((command["command"], command["arg"]) for command in wanted.get("extra", ())),
    )


def judge(case: Json, cut: Cut, factory: ClientFactory) -> list[str]:
    """The differences of one case."""
    must = case["must"]
    require_known(must, _MUST, "must")
    intent = intent_of(case["client_intent"])
    engine = factory(intent)
    peer = Peer(engine, cut, case["server_says"], lmtp=intent.lmtp)
    peer.run()
    outcome = engine.outcome()
    return _outcome_problems(must, intent, outcome) + _wire_problems(must, peer) + _engine_problems(must, engine, peer)


class _Problems(list[str]):
    def check(self, holds: bool, what: str, wanted: object, got: object) -> None:
        if not holds:
            self.append(difference(what, wanted, got))


def _outcome_problems(must: Mapping[str, Any], intent: ClientIntent, outcome: ClientOutcome) -> list[str]:
    problems = _Problems()
    raises = must["raises"] if isinstance(must["raises"], list) else [must["raises"]]
    problems.check(outcome.fault in raises, "raises", raises, (outcome.fault, outcome.texts))
    states = [outcome.recipients[name].state if name in outcome.recipients else "failed" for name in intent.rcpt_to]
    result = "sent" if states and all(state == "sent" for state in states) else "failed"
    problems.check(must.get("result") in (None, result), "result", must.get("result"), (result, states))
    if "per_rcpt" in must:
        wanted = must["per_rcpt"]
        if isinstance(wanted, dict):
            wanted = [wanted[name] for name in intent.rcpt_to]
        problems.check(states == wanted, "recipients", wanted, states)
    for text in must.get("error_text_excludes", ()):
        holding = [error for error in outcome.texts if text in error]
        problems.check(not holding, "error texts", f"without {text!r}", holding)
    return problems


def _wire_problems(must: Mapping[str, Any], peer: Peer) -> list[str]:
    problems = _Problems()
    for text in must.get("never_sent", ()):
        data = (
            octets(text) if all(ord(character) < 256 for character in text) else text.encode("utf-8", "surrogatepass")
        )
        place = peer.wire.find(data)
        problems.check(place < 0, "sent", f"never {text!r}", peer.wire[max(0, place - 60) : place + 60])
    if "sent_text" in must and peer.texts:
        problems.check(peer.texts[0] == octets(must["sent_text"]), "text", must["sent_text"], peer.texts[0])
    if "sent_chunks" in must and peer.whole_chunks:
        problems.check(peer.chunks == octets(must["sent_chunks"]), "chunks", must["sent_chunks"], peer.chunks)
    if "text_end_count" in must and peer.phases:
        ends = (b"\r\n" + peer.phases[0]).count(b"\r\n.\r\n")
        fine = ends == must["text_end_count"] or (not peer.texts and ends < must["text_end_count"])
        problems.check(fine, "ends of data", must["text_end_count"], peer.phases[0])
    if "starttls_count" in must:
        problems.check(peer.verbs["STARTTLS"] == must["starttls_count"], "STARTTLS", must["starttls_count"], peer.verbs)
    if "tls_started" in must:
        problems.check(peer.tls_started is must["tls_started"], "TLS", must["tls_started"], peer.tls_started)
    if "max_commands" in must:
        problems.check(peer.commands <= must["max_commands"], "commands", must["max_commands"], peer.commands)
    return problems


def _engine_problems(must: Mapping[str, Any], engine: ClientEngine, peer: Peer) -> list[str]:
    problems = _Problems()
    seen = sorted(engine.capabilities & {name.upper() for name in must.get("caps_exclude", ())})
    problems.check(not seen, "capabilities", "not these", seen)
    if "size_limit_not" in must:
        problems.check(engine.size_limit != must["size_limit_not"], "size limit", "not this", engine.size_limit)
    limit = must.get("max_buffer", 65536)
    problems.check(peer.most_held <= limit, "octets held", limit, peer.most_held)
    return problems
