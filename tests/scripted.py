"""A server that answers by a script: written against the octets of the client, not against this library."""

from __future__ import annotations

from collections.abc import Callable

from smtpcore.client import ClientConnection
from smtpcore.events import ClientEvent, Step

HANG_UP = "hang up"


class ScriptedServer:
    """Answers the lines of a client; `says` maps a verb to its answers, used in order, the last one again and again.

    `"."` is the end of a text or the last chunk.  An answer is a line without CRLF, or several; `HANG_UP` closes.
    What is not in the script is answered well.  `lines` holds what the client sent, `texts` the contents.
    """

    def __init__(self, says: dict[str, list[str]] | None = None, *, offers: str = "", lmtp: bool = False) -> None:
        self.says = {verb: list(answers) for verb, answers in (says or {}).items()}
        self.offers = offers.split(",") if offers else []
        self.lmtp = lmtp
        self.lines: list[str] = []
        self.texts: list[bytes] = []
        self.turns = 0
        self.closed = False
        self.tls = False
        self._in = b""
        self._text: bytes | None = None
        self._accepted = 0

    def greet(self) -> bytes:
        return self._say("connect", "220 mx.example.com ESMTP")

    def take(self, data: bytes) -> bytes:
        """The answer to octets of the client."""
        self._in += data
        self.turns += bool(data)
        out = b""
        while not self.closed:
            if self._text is not None:
                if (b"\r\n" + self._in).find(b"\r\n.\r\n") < 0:
                    break
                text, _, self._in = (b"\r\n" + self._in).partition(b"\r\n.\r\n")
                self.texts.append((text[2:] + b"\r\n" if len(text) > 2 else b"").replace(b"\r\n..", b"\r\n."))
                self._text = None
                out += self._end()
                continue
            line, end, rest = self._in.partition(b"\r\n")
            if not end:
                break
            verb = line[:4].decode("latin-1").upper()
            if verb == "BDAT":
                size = int(line.split()[1])
                if len(rest) < size:
                    break
                self.lines.append(line.decode())
                self.texts.append(rest[:size])
                self._in = rest[size:]
                out += self._end() if line.endswith(b"LAST") else self._say("BDAT", "250 ok")
                continue
            self._in = rest
            self.lines.append(line.decode("utf-8"))
            out += self._answer(line.decode("utf-8"), verb)
        return out

    def _answer(self, line: str, verb: str) -> bytes:
        usual = "250 ok"
        if verb in ("EHLO", "LHLO"):
            usual = "\n".join(["250-mx.example.com", *(f"250-{offer}" for offer in self.offers), "250 HELP"])
        elif verb == "MAIL":
            self._accepted = 0
        elif verb == "DATA":
            usual = "354 go"
        elif verb == "STAR":
            usual = "220 go"
        elif verb == "AUTH":
            usual = "235 welcome"
        elif verb == "QUIT":
            usual = "221 bye"
        reply = self._say(verb, usual)
        if verb == "RCPT" and reply.startswith(b"2"):
            self._accepted += 1
        if verb == "DATA" and reply.startswith(b"3"):
            self._text = b""
        if verb == "QUIT":
            self.closed = True
        return reply

    def _end(self) -> bytes:
        if not self.lmtp:
            return self._say(".", "250 taken")
        return b"".join(self._say(".", "250 taken") for _ in range(self._accepted))

    def _say(self, verb: str, usual: str) -> bytes:
        if self.closed:
            return b""
        answers = self.says.get(verb)
        answer = usual if not answers else answers.pop(0) if len(answers) > 1 else answers[0]
        answer = usual if answer == "" else answer
        if answer == HANG_UP:
            self.closed = True
            return b""
        return answer.replace("\n", "\r\n").encode() + b"\r\n"


def converse(
    conn: ClientConnection,
    server: ScriptedServer,
    handle: Callable[[ClientEvent], object],
    *,
    verified: bool = True,
    turns: int = 200,
) -> list[ClientEvent]:
    """Run the two until the client is closed or both wait; gives the client's events."""
    events: list[ClientEvent] = []
    conn.receive_data(server.greet())
    for _ in range(turns):
        for event in conn.events():
            events.append(event)
            handle(event)
        data = conn.data_to_send()
        step = conn.next_step
        if step is Step.CLOSE:
            return events
        if step is Step.START_TLS:
            server.tls = True
            conn.tls_started(verified=verified)
            continue
        answer = server.take(data) if data else b""
        if answer:
            conn.receive_data(answer)
        elif server.closed:
            conn.receive_eof()
        elif not data and step is Step.RECEIVE:
            return events
    raise AssertionError("the conversation does not end")
