"""A server made of a script: what it says to each command of a client, and everything that it read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.vectors.cases import LONG, Cut, Json, octets, require_known
from tests.vectors.judges.client import ClientEngine
from tests.vectors.judges.wire import pieces_of, split_replies, text_end

_ENTRY = {"on", "say", "prefix", "repeat", "times", "suffix", "close", "tls"}
_GOOD = {
    "connect": b"220 mx.example ESMTP\r\n",
    "EHLO": b"250-mx.example\r\n250 SIZE 10000000\r\n",
    "LHLO": b"250-mx.example\r\n250 SIZE 10000000\r\n",
    "DATA": b"354 go ahead\r\n",
    "AUTH": b"235 2.7.0 ok\r\n",
    "STARTTLS": b"220 go ahead\r\n",
    "QUIT": b"221 bye\r\n",
}
_KNOWN = {"HELO", "MAIL", "RCPT", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "BDAT", "ETRN", "EOD"}
#: Rounds after which the client is taken to talk for ever.
_ROUNDS = 100_000


class Peer:
    """Drives a client engine through one connection.  Entries of the script for one trigger are used in order."""

    def __init__(self, engine: ClientEngine, cut: Cut, script: Sequence[Json], *, lmtp: bool = False) -> None:
        for entry in script:
            require_known(entry, _ENTRY, "an entry of the server's script")
        self.engine, self.cut, self.lmtp = engine, cut, lmtp
        self.script = [(entry, entry.get("times", 1) if "say" in entry else 1) for entry in script]
        #: Everything that the client sent, and the part not read yet.
        self.wire = b""
        self.incoming = b""
        self.commands = 0
        self.verbs: Counter[str] = Counter()
        #: Whole texts with their end of data; and for each text phase all that came before the next reply.
        self.texts: list[bytes] = []
        self.phases: list[bytes] = []
        self.chunks = b""
        self.whole_chunks = False
        self.tls_started = False
        self.most_held = 0
        self.mode = "line"
        self.accepted = 0
        self.gone = False

    def run(self) -> None:
        """From the greeting to the end; when neither side has anything to say the peer closes."""
        self.answer("connect")
        for _ in range(_ROUNDS):
            self.take()
            if not self.read():
                break
        if self.mode == "text" and self.incoming:
            self.phases.append(self.incoming)
        if not self.engine.closed:
            self.engine.eof()
            self.take()

    def take(self) -> None:
        data = self.engine.take()
        self.wire += data
        if not self.gone:
            self.incoming += data

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self) -> bool:
        """Reads one command, text or response and answers it; `False` when there is none."""
        if self.mode == "text":
            end = text_end(self.incoming)
            if end < 0:
                return False
            self.phases.append(self.incoming)
            text, self.incoming = self.incoming[:end], self.incoming[end:]
            self.texts.append(text)
            self.mode = "line"
            self.answer("EOD")
            return True
        line, crlf, rest = self.incoming.partition(b"\r\n")
        if not crlf:
            return False
        if self.mode == "auth":
            self.incoming = rest
            self.commands += 1
            self.answer("AUTH-RESPONSE", b"501 cancelled\r\n" if line == b"*" else b"235 2.7.0 ok\r\n")
            return True
        return self.command(line, rest)

    def command(self, line: bytes, rest: bytes) -> bool:
        words = line.upper().split(b" ")
        verb = words[0].decode("ascii", "backslashreplace")
        if verb == "BDAT" and len(words) > 1 and words[1].isdigit():
            size = int(words[1])
            if len(rest) < size:
                return False
            self.chunks += rest[:size]
            rest = rest[size:]
            if words[2:] == [b"LAST"]:
                verb, self.whole_chunks = "EOD", True
                self.verbs["BDAT"] += 1
        self.incoming = rest
        self.commands += 1
        self.verbs[verb] += 1
        self.answer(verb)
        return True

    # -- answering -------------------------------------------------------------------------------------------------

    def answer(self, trigger: str, good: bytes | None = None) -> None:
        """Says what the script has for a trigger, to its end, or answers well."""
        entry = self.entry_for(trigger)
        said, fed = b"", 0
        if entry is not None and entry.get("tls") == "closed":
            self.engine.eof()
        for piece in self.octets_of(trigger, good) if entry is None else _script_octets(entry):
            said = (said + piece)[:4096]
            for part in self.cut.pieces(piece) if fed < LONG else [piece]:
                self.engine.feed(part)
                self.most_held = max(self.most_held, self.engine.held)
            fed += len(piece)
            if self.engine.closed:
                break
        self.follow(trigger, said)
        if trigger == "QUIT" if entry is None else entry.get("close"):
            self.gone = True
            self.incoming = b""
            self.engine.eof()

    def entry_for(self, trigger: str) -> Json | None:
        for place, (entry, left) in enumerate(self.script):
            if entry["on"] == trigger and left > 0:
                self.script[place] = (entry, left - 1)
                return entry
        return None

    def octets_of(self, trigger: str, good: bytes | None) -> Iterator[bytes]:
        if trigger == "EOD" and self.lmtp:
            yield b"250 ok\r\n" * self.accepted
        else:
            yield good or _GOOD.get(trigger) or (b"250 ok\r\n" if trigger in _KNOWN else b"500 what?\r\n")

    def follow(self, trigger: str, said: bytes) -> None:
        """What the first reply said means for the octets that come next."""
        whole, rest = split_replies(said)
        first = whole[0] if whole else rest
        digit, code = first[:1], first[:3]
        if trigger == "DATA" and digit == b"3":
            self.mode = "text"
        elif trigger in ("AUTH", "AUTH-RESPONSE"):
            self.mode = "auth" if code == b"334" else "line"
        elif trigger == "STARTTLS" and code == b"220" and self.engine.wants_tls:
            self.tls_started = True
            self.engine.tls(True)
        elif trigger == "RCPT" and digit == b"2":
            self.accepted += 1
        elif trigger in ("MAIL", "RSET", "EOD"):
            self.accepted = 0


def _script_octets(entry: Json) -> Iterator[bytes]:
    """The octets of an entry, never more than 64 KiB at a time."""
    if "say" in entry:
        yield from pieces_of(octets(entry["say"]))
        return
    yield from pieces_of(octets(entry.get("prefix", "")))
    buffer = b""
    numbered = "{n}" in entry["repeat"]
    plain = octets(entry["repeat"])
    for number in range(entry["times"]):
        buffer += octets(entry["repeat"].replace("{n}", str(number))) if numbered else plain
        if len(buffer) >= 4096:
            yield from pieces_of(buffer)
            buffer = b""
    yield from pieces_of(buffer + octets(entry.get("suffix", "")))
