"""The client's end of a conversation (RFC 5321).

Commands are queued and leave as the server allows: one at a time, or in the largest groups of RFC 2920 3.1.  Replies
are counted, never looked up by their text, and the first digit of each decides (RFC 5321 4.2.1).  A reply answers a
command only when the octets of that command had left; whatever else the server says is a fault of the server.
"""

from __future__ import annotations

import math
from typing import Callable, Final, Iterable

from smtpcore.addresses import AddressLiteral, Domain
from smtpcore.capabilities import EMPTY, Capabilities
from smtpcore.commands import EndOfMessage, Hello, Mail, Rcpt
from smtpcore.connection import timed_out
from smtpcore.content import NewlinePolicy
from smtpcore.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError, SMTPError, SyntaxProblem
from smtpcore.events import ClientEvent, Greeting, Response, SendBody
from smtpcore.extensions.base import ClientDialogue, Extension
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.limits import Limits
from smtpcore.lines import LineLimits
from smtpcore.outgoing import Outgoing
from smtpcore.replies import Reply, ReplyReader
from smtpcore.reply_reader import MAX_CHALLENGE
from smtpcore.sending import NOT_SENT as NOT_SENT
from smtpcore.sending import Gate, Pending, PendingVerb, Text
from smtpcore.session import Envelope, ResetKind, Session
from smtpcore.state import State
from smtpcore.timeouts import Timeouts

#: Replies to EHLO after which HELO follows by itself: the server does not know the verb (RFC 5321 3.2).
_NO_EHLO: Final = (500, 502)
#: Replies repeat themselves: so many short ones are kept as they were read.
_SEEN: Final = 16
_SEEN_OCTETS: Final = 64
#: Members of an enumeration are looked up slowly (CPython 3.11), and these at each reply.
_CONNECTED: Final = State.CONNECTED
_READY: Final = State.READY
_DATA: Final = State.DATA
_TLS: Final = State.TLS
_CLOSED: Final = State.CLOSED
_HELLOS: Final = frozenset(("EHLO", "HELO", "LHLO"))
#: Commands that 3yz is an answer to: the go-ahead, and whatever is said to QUIT.
_GO_ON: Final = frozenset(("DATA", "QUIT"))
_WAITS: Final = {"MAIL": "mail", "RCPT": "rcpt", "DATA": "data", ".": "end_of_message", "QUIT": "quit"}


class ServiceClosing(RemoteProtocolError):
    """The server closes the connection: it said 421 (RFC 5321 3.8).  `reply` is that reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("the server closes the connection (421)")
        self.reply = reply

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.reply,)


class ClientConnection(Outgoing):
    """One conversation with a server, seen from the client.

    `local_name`, a domain or an address literal, goes into EHLO.  `extensions` are those that the client understands
    (all of this package unless given); what is used of them is what the server offers.  `greet`: send EHLO (LHLO with
    `lmtp`) after the greeting and after TLS, and HELO where EHLO is not implemented.  `pipelining`: use it where it is
    offered.  `newlines` and `max_line` (octets with CRLF, `None`: any) are the rules for the text of messages.
    `extra_parameters`: let parameters of MAIL and RCPT pass that no known extension declares.  `tls` says that the
    transport was protected before the first octet (RFC 8314 3), `tls_verified` that it proved the server's name.

    Raises `LocalProtocolError` or `SyntaxProblem` for arguments that cannot work.
    """

    __slots__ = (
        "_early",
        "_hello",
        "_line_limits",
        "_passed",
        "_reader",
        "_seen",
        "_timeouts",
        "_told",
        "_verified",
    )

    def __init__(
        self,
        local_name: str,
        *,
        extensions: ExtensionSet | Iterable[Extension] | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        lmtp: bool = False,
        tls: bool = False,
        tls_verified: bool = False,
        newlines: NewlinePolicy = NewlinePolicy.REJECT,
        max_line: int | None = 1000,
        pipelining: bool = True,
        greet: bool = True,
        extra_parameters: bool = False,
    ) -> None:
        if extensions is None:
            from smtpcore.extensions.known import CLIENT_EXTENSIONS

            extensions = CLIENT_EXTENSIONS
        elif not isinstance(extensions, ExtensionSet):
            extensions = ExtensionSet(extensions)
        limits = limits or Limits()
        gate = Gate(extensions, newlines=newlines, max_line=max_line, pipelining=pipelining, extra=extra_parameters)
        super().__init__(gate, Session(lmtp=lmtp, tls=tls, keywords=extensions.by_keyword), limits, greet=greet)
        self._hello = Hello(_name(local_name), "LHLO" if lmtp else "EHLO")
        self._timeouts = timeouts or Timeouts()
        self._verified = tls and tls_verified
        self._reader = ReplyReader(max_lines=limits.reply_lines, max_octets=limits.reply, max_line=limits.reply_line)
        # A challenge may be longer than other replies (RFC 4954 4).
        self._line_limits = LineLimits(limits.reply_line, {b"334": max(MAX_CHALLENGE, limits.reply_line)})
        self._seen: dict[bytes, Reply] = {}
        self._early = False  # octets came before the command left that they would seem to answer
        self._told = 0  # LMTP: recipients whose final reply has come
        self._passed = False  # LMTP: one of them was taken

    @property
    def tls_verified(self) -> bool:
        """Whether the transport is protected and the driver said that the server proved its name."""
        return self._verified

    @property
    def held(self) -> int:
        """Octets of input that are kept: unread, or lines of a reply that is not whole; see `Connection.held`."""
        return super().held + self._reader.held

    def abort(self, error: SMTPError | None = None) -> None:
        """Give the connection up without QUIT: the way out of content that cannot be finished.  `Closed` follows."""
        self._end(error)

    # --- TLS -----------------------------------------------------------------------------------------------------

    def tls_started(self, *, verified: bool = False, greet: bool | None = None) -> None:
        """The TLS handshake is done; `verified`: the server's certificate and name were checked (RFC 4954 14).

        Everything known of the server is forgotten; EHLO follows by itself unless `greet` is off (RFC 3207 4.2).
        Say so here when the protection is too weak and QUIT is what follows (RFC 3207 4.1).
        """
        self._must_be(_TLS, "tls_started() is for the step START_TLS, after a 220 to STARTTLS")
        self._session = Session(lmtp=self._session.lmtp, tls=True, keywords=self._session.keywords)
        self._seen.clear()
        self._verified = verified
        self._state = State.FRESH
        self._planned = None
        self._starved = True
        if self._greet if greet is None else greet:
            self._greet_server(self._hello)
            self._release()

    def tls_failed(self) -> None:
        """The TLS handshake failed: the connection is of no more use (RFC 3207 4.1)."""
        self._must_be(_TLS, "tls_failed() is for the step START_TLS, after a 220 to STARTTLS")
        self._end(RemoteProtocolError("the TLS handshake failed"))

    # --- input ---------------------------------------------------------------------------------------------------

    def _hear_plaintext(self) -> None:
        self._gate.learn(EMPTY)
        self._end(RemoteProtocolError("plaintext between STARTTLS and the TLS handshake"))

    def data_to_send(self) -> bytes:
        """All pending output, once; a reply counts for the commands that were taken by this."""
        sent = len(self._outstanding)
        if self._taken != sent:
            buffer = self._buffer
            if not self._taken and buffer.start < len(buffer._data):
                self._early = True  # it came before the first of these commands left: no answer to it (C-REP-19)
            self._taken = sent
        return Outgoing.data_to_send(self)

    def next_event(self) -> ClientEvent | None:
        """The next event; one reply at most is read."""
        news, buffer = self._news, self._buffer
        while not news:
            state = self._state
            if state is _CLOSED or state is _TLS:
                return None
            line = buffer.next_line(self._line_limits) if buffer.start < len(buffer._data) else None
            if line is None:
                if not self._eof:
                    self._starved = True
                    return None
                self._peer_is_gone()
            elif isinstance(line, bytes):
                self._read(line)
            else:
                self._end(RemoteProtocolError("a reply line is longer than the limits of this end"))
        return news.pop(0)

    def _read(self, line: bytes) -> None:
        outstanding = self._outstanding
        head = outstanding[0] if outstanding else None
        # While a greeting is under way replies may come without enhanced codes, so that none is known by its octets.
        reply = self._seen.get(line) if not self._hellos and not self._reader._texts else None
        if reply is None:
            reply = self._read_new(line, head)
            if reply is None:
                return
        self._progress += 1
        if head is None or not self._taken or self._early:
            if self._state is _CONNECTED:
                self._greeted(reply)
            else:
                self._unasked(reply)
        else:
            self._answered(head, reply)
        if self._queue:
            self._release()

    def _read_new(self, line: bytes, head: Pending | None) -> Reply | None:
        """A line that was not seen before; gives the reply when it is whole."""
        # No enhanced codes in the greeting and the reply to EHLO (RFC 2034 4), nor where they were not offered.
        plain = self._state is _CONNECTED if head is None else head.name in _HELLOS
        several = self._reader.pending
        try:
            reply = self._reader.push(line, enhanced=self._gate.enhanced and not plain)
        except SyntaxProblem as problem:
            self._end(RemoteProtocolError(problem.text))
            return None
        if reply is not None and not several and not plain and len(line) <= _SEEN_OCTETS and len(self._seen) < _SEEN:
            self._seen[line] = reply
        return reply

    def _greeted(self, reply: Reply) -> None:
        """The greeting (RFC 5321 3.1): 2yz welcomes, 4yz and 5yz leave QUIT only."""
        if reply.is_intermediate:
            self._end(_misplaced(reply))
            return
        self._report(Greeting._make(reply))
        self._state = State.FRESH if reply.is_positive else State.REFUSED
        self._planned = None
        if reply.code == 421:
            self._end(ServiceClosing(reply))
        elif reply.is_positive and self._greet:
            self._greet_server(self._hello)

    def _unasked(self, reply: Reply) -> None:
        """A reply that no command waits for: 421 may come at any time, all else is out of step (C-REP-19)."""
        body = self._body
        if self._state is _DATA and reply.is_negative:
            # The server has had enough before the end of the text: its verdict is worth more than "out of step".
            size = body.size if isinstance(body, Text) else 0
            self._report(Response._make(EndOfMessage._make(size, ()), reply, None))
        if reply.code == 421:
            self._end(ServiceClosing(reply))
        else:
            self._end(RemoteProtocolError("a reply that no command waits for"))

    def _peer_is_gone(self) -> None:
        outstanding = self._outstanding
        if self._taken == 1 and outstanding[0].name == "QUIT" and not self._reader.pending:
            self._end(None)  # C-CMD-QUIT-03
        else:
            self._end(ConnectionLost("the server closed the connection"))

    # --- replies -------------------------------------------------------------------------------------------------

    def _answered(self, head: Pending, reply: Reply) -> None:
        code, name = reply.code, head.name
        if code < 300:
            if (head.verb is not None or name == "DATA") and not self._fits(head, reply):
                return
        elif code < 400 and name not in _GO_ON:
            self._intermediate(head, reply)
            return
        recipient = self._recipient(head) if self._session.lmtp else None
        self._news.append(Response._make(head.command, reply, recipient))
        if code == 421 and name != "QUIT":
            self._end(ServiceClosing(reply))
            return
        if recipient is not None and self._more_replies(reply):
            return
        self._outstanding.popleft()
        self._taken -= 1
        self._flight -= len(head.wire)
        if code >= 400:
            self._ahead = self._planned = None  # what was hoped for does not come
        _EFFECTS.get(name, ClientConnection._other_answered)(self, head, reply)

    def _fits(self, head: Pending, reply: Reply) -> bool:
        """Whether a 2yz means what the command needs; where the next octets hang on it, one code only does."""
        verb = head.verb
        if verb is None:
            self._end(RemoteProtocolError("DATA is answered by 354, not by 2yz (RFC 5321 4.3.2)"))
        elif verb.layer and reply.code != 220:
            self._end(RemoteProtocolError(f"{head.name} is answered by 220 (RFC 3207 4)"))
        elif verb.layer and len(self._buffer):
            self._hear_plaintext()
        elif head.dialogue is not None and (problem := head.dialogue.finish(reply)):
            self._end(RemoteProtocolError(problem))
        return self._state is not _CLOSED

    def _intermediate(self, head: Pending, reply: Reply) -> None:
        """A 3yz other than that to DATA: a turn of a dialogue, or out of place."""
        if not isinstance(head, PendingVerb) or head.dialogue is None:
            self._end(_misplaced(reply))
        elif head.cancelled:
            self._end(RemoteProtocolError("the exchange was cancelled, and the server goes on with it (RFC 4954 4)"))
        else:
            self._respond(head, head.dialogue, reply)

    def _respond(self, head: PendingVerb, dialogue: ClientDialogue, reply: Reply) -> None:
        line = dialogue.receive(reply)
        head.cancelled = line == b"*"
        if b"\r" in line or b"\n" in line:
            raise LocalProtocolError("the line of a dialogue holds CR or LF and is not sent")
        self._out.append(line + b"\r\n")
        self._taken = 0  # its reply counts when this line has left

    def _recipient(self, head: Pending) -> Rcpt | None:
        """LMTP: whose reply this is, of the replies to the end of a message (RFC 2033 4.2)."""
        envelope = self._session.envelope
        if envelope is None or not (head.final or head.name == ".") or self._told >= len(envelope.recipients):
            return None
        return envelope.recipients[self._told]

    def _more_replies(self, reply: Reply) -> bool:
        """LMTP: count one reply to the end of the message; whether more of them are due."""
        envelope = self._session.envelope
        assert envelope is not None
        self._told += 1
        self._passed = self._passed or reply.is_positive
        return self._told < len(envelope.recipients)

    def _mail_answered(self, head: Pending, reply: Reply) -> None:
        if reply.code < 300:
            command = head.command
            assert isinstance(command, Mail)
            self._session.envelope = Envelope(command)
            self._told = 0
            self._passed = False
        else:
            # A transaction that is still open there (RSET was refused) is not the one of the RCPT that follow.
            self._session.envelope = None
        self._move(head, reply)

    def _rcpt_answered(self, head: Pending, reply: Reply) -> None:
        envelope = self._session.envelope
        if envelope is not None:
            if reply.code < 300:
                command = head.command
                assert isinstance(command, Rcpt)
                envelope.recipients.append(command)
            else:
                envelope.refused += 1
        self._move(head, reply)

    def _data_answered(self, head: Pending, reply: Reply) -> None:
        if reply.code >= 400:
            return
        envelope = self._session.envelope
        self._state = self._ahead = _DATA
        if envelope is not None and envelope.recipients:
            self._body = Text(self._gate, envelope.mail)
            self._news.append(SendBody._make(head.command))
        else:
            # 354 though no recipient was taken: an empty text, never the message (RFC 2920 3.1).
            self._out.append(b".\r\n")
            self._end_text(EndOfMessage._make(0, ()))
            self._planned = None  # something may be queued behind it

    def _message_answered(self, head: Pending, reply: Reply) -> None:
        self._state = _READY
        self._session.envelope = None

    def _reset_answered(self, head: Pending, reply: Reply) -> None:
        if reply.is_positive:
            self._session.envelope = None
            self._session.forget(ResetKind.TRANSACTION)
        self._move(head, reply)

    def _quit_answered(self, head: Pending, reply: Reply) -> None:
        self._end(None)

    def _hello_answered(self, head: Pending, reply: Reply) -> None:
        command = head.command
        assert isinstance(command, Hello)
        self._hellos -= 1
        if reply.is_positive:
            session = self._session
            session.hello = command
            session.envelope = None
            session.forget(ResetKind.HELLO)
            self._gate.learn(EMPTY if command.hello == "HELO" else Capabilities.parse(reply))
            self._seen.clear()  # enhanced codes may be in force now, or no longer
        elif command is self._hello and command.hello == "EHLO" and reply.code in _NO_EHLO:
            self._greet_server(Hello(command.name, "HELO"))
        self._move(head, reply)

    def _other_answered(self, head: Pending, reply: Reply) -> None:
        """NOOP and the inquiries change nothing; the verbs of extensions do what they declare."""
        verb = head.verb
        if verb is None:
            return
        if head.dialogue is not None and reply.is_positive:
            self._session.identity = ""
        if head.final and (reply.is_positive or self._passed):
            self._message_answered(head, reply)
        elif head.octets is not None and reply.is_negative:
            self._drop_body()
            self._state = State.POISONED  # whatever it was: RSET is the only command now (RFC 3030 2)
        else:
            self._move(head, reply)
        if verb.layer and reply.is_positive:
            self._gate.learn(EMPTY)

    def _move(self, head: Pending, reply: Reply) -> None:
        move = self._gate.extensions.rows[self._state].get(head.name)
        if move is not None:
            self._state = move[reply.code >= 400]

    # --- the end, and time ---------------------------------------------------------------------------------------

    def _end(self, error: SMTPError | None) -> None:
        """The conversation is over; what was not taken is not sent."""
        self._drop_body()
        self._queue.clear()
        self._out.clear()
        self._planned = _CLOSED
        self._finish(error)

    def _owed(self) -> bool:
        # While chunks wait in the queue for replies, more of them would only fill the memory.
        return self._body is not None and self._body.alive and not self._news and not self._queue

    def _wait(self) -> float:
        state, timeouts = self._state, self._timeouts
        if state is _CLOSED:
            return math.inf
        if state is _CONNECTED:
            return timeouts.greeting
        if state is _TLS:
            return timeouts.tls
        if self._outstanding:
            head = self._outstanding[0]
            if head.final:
                return timeouts.end_of_message
            if head.octets is not None:
                return timeouts.block
            return float(getattr(timeouts, _WAITS.get(head.name, "command")))
        return timeouts.block if self._body is not None else math.inf

    def _expire(self) -> None:
        if self._state is _CONNECTED:
            self._end(timed_out("the greeting"))
        elif self._state is _TLS:
            self._end(timed_out("the TLS handshake"))
        elif self._outstanding:
            name = self._outstanding[0].name
            self._end(timed_out("the reply to the end of the message" if name == "." else f"the reply to {name}"))
        else:
            self._end(timed_out("a block of the text"))


_Effect = Callable[[ClientConnection, Pending, Reply], None]

#: What the reply to a command of RFC 5321 does; all others go by their declaration.
_EFFECTS: Final[dict[str, _Effect]] = {
    "MAIL": ClientConnection._mail_answered,
    "RCPT": ClientConnection._rcpt_answered,
    "DATA": ClientConnection._data_answered,
    ".": ClientConnection._message_answered,
    "RSET": ClientConnection._reset_answered,
    "QUIT": ClientConnection._quit_answered,
    "EHLO": ClientConnection._hello_answered,
    "HELO": ClientConnection._hello_answered,
    "LHLO": ClientConnection._hello_answered,
}


def _name(text: str) -> Domain | AddressLiteral:
    """The name for EHLO; `SyntaxProblem` for what is neither a domain nor an address literal."""
    if text.startswith("["):
        return AddressLiteral(text)
    return Domain(text).to_ascii()


def _misplaced(reply: Reply) -> RemoteProtocolError:
    return RemoteProtocolError(f"{reply.code} has no meaning here (RFC 5321 4.3.2)")
