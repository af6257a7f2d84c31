"""What a server's end holds, and the small steps that its two halves share.

`Intake` (what the client's octets do) and `ServerConnection` (what the application's answers do) are built on this.
"""

from __future__ import annotations

import math
from typing import Final

from smtpcore import replies
from smtpcore.commands import Command, EndOfMessage, Noop, Rcpt
from smtpcore.connection import Connection, timed_out
from smtpcore.enhanced import EnhancedCode
from smtpcore.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError, SMTPError
from smtpcore.events import Question, Reason, Refused, ServerEvent, TransactionAborted
from smtpcore.extensions.base import Dialogue, Verb
from smtpcore.reception import Reception
from smtpcore.replies import Reply
from smtpcore.session import ResetKind, Session
from smtpcore.settings import ServerSettings
from smtpcore.slots import Slots
from smtpcore.state import State

_CONNECTED: Final = State.CONNECTED  # looked up slowly (CPython 3.11), and for each connection
_BETWEEN: Final = Noop()  # the place, among deferred answers, of a reply that is known already
_HELLOS: Final = frozenset((b"EHLO", b"HELO", b"LHLO"))
#: For replies of the application that have none (RFC 2034 4 wants one everywhere; RFC 3463 3.1: other or undefined).
_UNDEFINED: Final = {digit: EnhancedCode(digit, 0, 0) for digit in (2, 4, 5)}


class ServerCore(Connection[ServerEvent]):
    """State of a server's end, its output, and its end."""

    __slots__ = (
        "_asked",
        "_blocks",
        "_chunk",
        "_dialogue",
        "_errors",
        "_failures",
        "_junk",
        "_reception",
        "_refusal",
        "_session",
        "_settings",
        "_slots",
        "_swallow",
        "_undelivered",
    )

    def __init__(self, settings: ServerSettings, tls: bool) -> None:
        super().__init__(_CONNECTED)
        self._settings = settings
        self._session = self._new_session(tls)
        self._asked: Question | None = None
        self._slots: Slots[Question] | None = None  # made when something is deferred
        self._dialogue: Dialogue | None = None
        self._reception: Reception | None = None
        self._chunk: tuple[Command, Verb] | None = None  # the chunk being read
        self._swallow: tuple[int, list[bytes]] | None = None  # octets to drop, and the replies due behind them
        self._undelivered: EndOfMessage | None = None  # LMTP: the message whose replies are given one by one
        self._refusal = replies.BAD_SEQUENCE  # to commands, once the greeting was a refusal (RFC 5321 3.1)
        self._errors = self._junk = self._failures = self._blocks = 0

    @property
    def session(self) -> Session:
        """What is known of the client and of the open transaction; read only."""
        return self._session

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    @property
    def question(self) -> Question | None:
        """The event that waits for an answer now, `None` when the last one was answered, deferred or is news."""
        return self._asked

    def _new_session(self, tls: bool) -> Session:
        settings = self._settings
        return Session(settings.lmtp, tls, settings.extensions.keywords)

    def _owed(self) -> bool:
        if self._asked is not None:
            return True
        slots = self._slots
        return slots is not None and len(slots) > 0 and (self._eof or not self._may_read_on(slots))

    def _may_read_on(self, slots: Slots[Question]) -> bool:
        """Whether a line may be read while answers are owed: only another RCPT, within the window and the limit.

        Near the limit of recipients the next one waits, since whether it is one too many hangs on the answers.
        """
        owed = slots.unfilled()
        if not isinstance(owed[0], Rcpt) or self._undelivered is not None or len(slots) >= self._settings.rcpt_window:
            return False
        envelope, limit = self._session.envelope, self._settings.recipient_limit
        assert envelope is not None
        if limit is not None and len(envelope.recipients) + envelope.refused + len(owed) >= limit:
            return False
        return not self._buffer.has_line() or self._buffer.peek(5).upper() == b"RCPT "

    def _ask(self, question: Question) -> Question:
        self._asked = question
        return question

    def _wire(self, reply: Reply, utf8: bool = False) -> bytes:
        """The octets of a reply to anything but EHLO and HELO; `utf8`: the client allowed UTF-8 in it."""
        extensions = self._settings.extensions
        if reply.enhanced is None or reply.code == 421:
            reply = self._completed(reply)
        if reply.code in (251, 551):  # RFC 6531 3.7.4.1: their address may be in UTF-8, in such a transaction
            envelope = self._session.envelope
            utf8 = utf8 or (envelope is not None and extensions.utf8_replies(envelope.mail))
        return reply.to_bytes(enhanced=extensions.enhanced_codes, utf8=utf8)

    def _completed(self, reply: Reply) -> Reply:
        """With the enhanced code that RFC 2034 4 wants in every 2yz, 4yz and 5yz, and the name that 421 begins with."""
        reply = self._settings.named(reply)
        if reply.enhanced is not None or reply.is_intermediate or not self._settings.extensions.enhanced_codes:
            return reply
        completed: Reply = Reply._make(reply.code, reply.lines, _UNDEFINED[reply.code // 100], None)
        return completed

    def _write(self, reply: Reply) -> None:
        slots = self._slots
        if slots is not None and len(slots):
            slots.open(_BETWEEN)
            slot = slots.find(_BETWEEN)
            assert slot is not None
            slot.wire = self._wire(reply)
            return
        self._out.append(self._wire(reply))

    def _write_plain(self, reply: Reply) -> None:
        """A reply without enhanced code: the greeting, and all replies to EHLO and HELO (RFC 2034 3 (4))."""
        self._out.append(self._settings.named(reply).to_bytes(enhanced=False))

    def _move(self, verb: str, positive: bool) -> None:
        move = self._settings.extensions.rows[self._state][verb]
        self._state = move.done if positive else move.refused

    def _abort(self, reason: Reason) -> None:
        """Drop the transaction, if one is open, as a whole."""
        envelope = self._session.envelope
        self._end_transaction()
        if envelope is not None and not envelope.aborted:
            self._report(TransactionAborted(reason))

    def _end_transaction(self) -> None:
        """Nothing of the transaction is left, done or dropped."""
        self._reception = None
        session = self._session
        session.envelope = None
        if session.notes is not None:
            session.forget(ResetKind.TRANSACTION)

    def _shut(self, reply: Reply, reason: Reason, error: SMTPError | None, *, plain: bool = False) -> None:
        """421 and the end, also instead of all replies that are still owed (RFC 5321 3.8)."""
        self._slots = None
        if plain:
            self._write_plain(reply)
        else:
            self._write(reply)
        self._abort(reason)
        self._close_for(error)

    def _close_for(self, error: SMTPError | None) -> None:
        self._asked = None
        self._slots = None
        self._dialogue = None
        self._swallow = None
        self._chunk = None
        self._undelivered = None
        self._finish(error)

    def _peer_is_gone(self) -> None:
        error = ConnectionLost("the client closed the connection without QUIT")
        self._abort(Reason.CLOSED)
        self._close_for(error)

    def _wait(self) -> float:
        state = self._state
        # While answers are owed the client may be waiting for them.
        if state is State.CLOSED or state is State.CONNECTED or self._asked is not None or self._slots:
            return math.inf
        timeouts = self._settings.timeouts
        if state is State.TLS:
            return timeouts.tls
        if state is State.DATA or self._chunk is not None or self._swallow is not None:
            return timeouts.block
        return timeouts.server_command

    def _expire(self) -> None:
        error = timed_out("the client")
        if self._state is State.TLS:
            self._close_for(error)
        else:
            self._shut(replies.timeout(self._settings.hostname), Reason.TIMED_OUT, error)

    def _hear_plaintext(self) -> None:
        self._out.clear()
        self._finish(RemoteProtocolError("plaintext between STARTTLS and the TLS handshake"))

    def _check_held(self, size: int) -> None:
        if len(self._buffer) + size > self._settings.limits.held_input and self._owed():
            raise LocalProtocolError(
                "an answer is owed and much input is held already: stop reading while next_step is DECIDE"
            )

    def _refuse(self, line: bytes, reply: Reply, text: str, *, held: bool = False) -> None:
        """Answer a line with a refusal and report it; `held`: the reply may wait for the rest of its group."""
        if line[:4].upper() in _HELLOS:
            self._write_plain(reply)
        else:
            self._write(reply)
        if not held:
            self._hold = True  # RFC 2920 3.2 (5), (6)
        self._count_error(line, reply, text)

    def _count_error(self, line: bytes, reply: Reply, text: str) -> None:
        self._report(Refused(line, reply, text))
        self._errors += 1
        limit = self._settings.limits.errors
        if limit is not None and self._errors > limit:
            self._give_up("too many errors")

    def _refuse_and_close(self, line: bytes, reply: Reply, text: str) -> None:
        """Refuse, and close since what follows cannot be told from commands."""
        self._write(reply)
        self._report(Refused(line, reply, text))
        self._abort(Reason.SHUT_DOWN)
        self._close_for(RemoteProtocolError(text))

    def _count_junk(self) -> None:
        self._junk += 1
        limit = self._settings.limits.junk
        if limit is not None and self._junk > limit:
            self._give_up("too many commands without a message")

    def _give_up(self, text: str) -> None:
        """421 to a client that does nothing but harm (RFC 5321 7.8)."""
        reply = replies.too_many_errors(self._settings.hostname)
        self._shut(reply, Reason.SHUT_DOWN, RemoteProtocolError(text))

    def _in_state(self, reply: Reply) -> Reply:
        """After a refusal at the greeting every command gets 503 (RFC 5321 3.1), or 521 again (RFC 7504 3)."""
        return self._refusal if self._state is State.REFUSED else reply
