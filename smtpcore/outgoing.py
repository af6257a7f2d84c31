"""The sending half of the client: what was asked to be sent, and when it may leave (RFC 5321 4.1.4, RFC 2920).

`send` judges a command by the state that is reached when everything queued succeeds; `_release` by the state that is.
A command whose ground is gone meanwhile is not sent, and says so in a `Response` with the reply `NOT_SENT`.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import Final, Iterable, Sequence

from smtpcore.capabilities import Capabilities
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Mail, Rcpt
from smtpcore.connection import Connection
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError
from smtpcore.events import ClientEvent, Response, SendBody
from smtpcore.extensions.base import ClientDialogue, Verb
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.limits import Limits
from smtpcore.parameters import NO_PARAMETERS
from smtpcore.sending import NOT_SENT, ChunkMaker, Chunks, Gate, Pending, PendingVerb, Text, out_of_sequence
from smtpcore.session import Session
from smtpcore.state import TABLE, State

#: Members of an enumeration are looked up slowly (CPython 3.11), and these for each command.
_CONNECTED: Final = State.CONNECTED
_READY: Final = State.READY
_BDAT: Final = State.BDAT
_HELLOS: Final = frozenset(("EHLO", "HELO", "LHLO"))
#: Verbs behind which commands belong to another transaction, or to none.
_NEW_GROUND: Final = frozenset(("RSET", *_HELLOS))
#: The state behind MAIL, RCPT and DATA in READY.
_BEHIND_DATA: Final = TABLE[TABLE[TABLE[_READY]["MAIL"].done]["RCPT"].done]["DATA"].done
#: Verbs that change nothing but the state.
_PLAIN: Final = frozenset(("RCPT", "DATA", "QUIT", "NOOP"))


class Outgoing(Connection[ClientEvent]):
    """Base of `ClientConnection`: its members that queue commands and content."""

    _progress: int
    __slots__ = (
        "_ahead",
        "_body",
        "_flight",
        "_gate",
        "_greet",
        "_hellos",
        "_limits",
        "_mail",
        "_orphaned",
        "_outstanding",
        "_planned",
        "_queue",
        "_session",
        "_taken",
    )

    def __init__(self, gate: Gate, session: Session, limits: Limits, *, greet: bool) -> None:
        super().__init__(State.CONNECTED)
        self._gate = gate
        self._session = session
        self._limits = limits
        self._greet = greet
        self._queue: deque[Pending] = deque()
        self._outstanding: deque[Pending] = deque()  # written, reply owed
        self._taken = 0  # how many of them the transport has taken
        self._flight = 0  # octets of command lines in `_outstanding`
        self._hellos = 0  # greetings queued or outstanding (behind one that is not sent only QUIT goes)
        self._ahead: State | None = None  # the state when all that is outstanding succeeds
        self._planned: State | None = None  # the same for the queue as well
        self._mail: Mail | None = None  # the MAIL that was queued last
        self._orphaned = False  # a MAIL was not sent: what is queued behind it belongs to no transaction
        self._body: Text | Chunks | None = None

    # --- what can be asked of it ---------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """What is known of the conversation and of the open transaction; read only."""
        return self._session

    @property
    def state(self) -> State:
        """Where the conversation stands, by the replies that have come."""
        return self._state

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers: its last reply to EHLO or LHLO; empty before that, after HELO and at TLS."""
        return self._gate.capabilities

    @property
    def extensions(self) -> ExtensionSet:
        """The extensions that this client understands."""
        return self._gate.extensions

    @property
    def pipelining(self) -> bool:
        """Whether commands leave in groups: the server offers it and this client wants it (RFC 2920 3)."""
        return self._gate.pipelining

    @property
    def newlines(self) -> NewlinePolicy:
        """What becomes of a bare CR or LF in the content."""
        return self._gate.newlines

    @property
    def extra_parameters(self) -> bool:
        """Whether parameters pass that no known extension declares."""
        return self._gate.extra

    @property
    def outstanding(self) -> tuple[Command, ...]:
        """The commands queued or sent whose reply has not come, in order."""
        return tuple([pending.command for pending in chain(self._outstanding, self._queue)])

    @property
    def unanswered(self) -> tuple[Command, ...]:
        """Those of `outstanding` that the transport has taken, the end of a message included; also after `Closed`."""
        return tuple([pending.command for pending in self._outstanding][: self._taken])

    @property
    def body_due(self) -> bool:
        """Whether content is due: `SendBody` has come, `end_body` was not called."""
        return self._body is not None

    @property
    def planned_state(self) -> State:
        """The state when everything queued succeeds: what `send` judges the next command by."""
        planned = self._planned
        if planned is None:
            planned = self._state
            if planned is _CONNECTED:
                planned = _READY if self._greet else State.FRESH
            for pending in chain(self._outstanding, self._queue):
                planned = self._after(planned, pending)
            if isinstance(self._body, Chunks) and self._body.alive:
                planned = _BDAT
            self._planned = planned
        return planned

    # --- commands ------------------------------------------------------------------------------------------------

    def send(self, command: Command, *, octets: bytes | None = None, dialogue: ClientDialogue | None = None) -> None:
        """Queue a command; it leaves as soon as the order and the server allow it, and gets a `Response`.

        `octets` follow the line where the verb says so (BDAT); `dialogue` answers the server's questions (AUTH).
        A command that cannot be sent any more, because one before it was refused, gets the reply `NOT_SENT`.
        Raises `LocalProtocolError` or `SyntaxProblem`, with nothing queued, for what the protocol does not allow.
        """
        state = self.planned_state
        pending = self._prepare(command, state, self._mail, octets, dialogue)
        self._enqueue((pending,), self._after(state, pending))

    def send_all(self, commands: Iterable[Command]) -> None:
        """Queue commands, all or none: an error in one of them leaves nothing queued.  See `send`."""
        state, mail, rows = self.planned_state, self._mail, self._gate.extensions.rows
        batch: list[Pending] = []
        for command in commands:
            pending = self._prepare(command, state, mail, None, None)
            batch.append(pending)
            name = pending.name
            state = self._after(state, pending) if pending.verb is not None else rows[state][name][0]
            if name == "MAIL":
                mail = command if isinstance(command, Mail) else None
        if batch:
            self._enqueue(batch, state)

    def _send_message(self, mail: Mail, rcpts: Sequence[Rcpt], data: Data) -> None:
        """`send_all` of these commands, where the planned state is READY: none of them is out of sequence then."""
        line = self._gate.line
        batch = [Pending(mail, line(mail, None))]
        for rcpt in rcpts:
            batch.append(Pending(rcpt, line(rcpt, mail)))
        batch.append(Pending(data, line(data, mail)))
        if self._hellos and (mail.params.pairs or any(rcpt.params.pairs for rcpt in rcpts)):
            self._check_known()
        self._mail = mail
        self._planned = _BEHIND_DATA
        wire = b"".join([pending.wire for pending in batch])
        if self._goes_at_once(len(wire)):
            self._out.append(wire)
            self._outstanding.extend(batch)
            self._flight += len(wire)
            self._session.mails += 1
        else:
            self._queue.extend(batch)
            self._release()

    def _goes_at_once(self, size: int) -> bool:
        """Whether the commands of a message, so many octets, may leave now, in one group (RFC 2920 3.1)."""
        if self._queue or not self._gate.pipelining or self._flight + size > self._limits.pipeline:
            return False
        return not self._outstanding[-1].last if self._outstanding else self._state is _READY

    def _prepare(
        self,
        command: Command,
        state: State,
        mail: Mail | None,
        octets: bytes | None,
        dialogue: ClientDialogue | None,
        starts: ChunkMaker | None = None,
    ) -> Pending:
        gate = self._gate
        name = command.verb
        if name not in gate.extensions.rows[state] or name == ".":
            raise out_of_sequence(name, state)
        verb = gate.extensions.verbs.get(name)
        if verb is not None or dialogue is not None or octets is not None:
            verb = self._check_verb(command, verb, octets, dialogue)
            return PendingVerb(command, gate.line(command, mail), verb, octets, dialogue=dialogue, starts=starts)
        if name in _HELLOS:
            if (name == "LHLO") is not self._session.lmtp:
                raise LocalProtocolError("LHLO is for LMTP, EHLO and HELO are for SMTP (RFC 2033 4.1)")
        elif getattr(command, "params", NO_PARAMETERS).pairs:
            self._check_known()
        return Pending(command, gate.line(command, mail))

    def _check_known(self) -> None:
        if self._session.hello is None or self._hellos:
            raise LocalProtocolError("what the server offers is known from its reply to EHLO: wait for that Response")

    def _check_verb(
        self, command: Command, verb: Verb | None, octets: bytes | None, dialogue: ClientDialogue | None
    ) -> Verb:
        """A verb of an extension: offered, wanted now, and with what belongs to it."""
        wanted: int | None = None
        if verb is not None:
            self._check_known()
            owner = self._gate.extensions.owner(verb.name)
            if not self._gate.offers(owner):
                raise LocalProtocolError(f"{verb.name} is not sent: the server did not offer {owner.keyword}")
            if verb.layer and self._session.tls:
                raise LocalProtocolError("TLS is active already (RFC 3207 4.2)")
            if verb.dialogue is not None and self._session.identity is not None:
                raise LocalProtocolError("authentication is over: once in a session (RFC 4954 4)")
            if verb.octets is not None:
                wanted = verb.octets(command)
        if (verb is not None and verb.dialogue is not None) is not (dialogue is not None):
            raise LocalProtocolError("dialogue= goes with a verb like AUTH, and only with such a verb")
        if wanted != (None if octets is None else len(octets)):
            raise LocalProtocolError(f"octets= has to hold what the command says: {wanted} octets (X-CHUNKING-20)")
        assert verb is not None  # a dialogue or octets without one were refused
        return verb

    def _enqueue(self, batch: Iterable[Pending], state: State) -> None:
        """Take prepared commands into the queue; `state` is the one behind them."""
        for pending in batch:
            self._queue.append(pending)
            name = pending.name
            if name == "MAIL":
                command = pending.command
                self._mail = command if isinstance(command, Mail) else None
            elif name not in _PLAIN:
                self._hellos += name in _HELLOS
                if name == "RSET" or name in _HELLOS:
                    self._drop_body()  # of chunks: the rest of the message is not wanted any more (X-CHUNKING-17)
        self._planned = state
        self._release()

    def _after(self, state: State, pending: Pending) -> State:
        """The state behind a command that succeeds."""
        move = self._gate.extensions.rows[state].get(pending.name)
        if move is None:
            return state
        if pending.verb is not None:
            if pending.starts is not None:
                return _BDAT
            if pending.final:
                return _READY
        return move[0]

    def _release(self) -> None:
        """Write what may leave now."""
        queue, outstanding = self._queue, self._outstanding
        rows = self._gate.extensions.rows
        while queue:
            pending = queue[0]
            if outstanding:
                ahead = self._ahead or self._look_ahead()
                if not self._may_follow(pending, ahead):
                    return
            else:
                ahead = self._state
                if ahead is _CONNECTED:
                    return
                if pending.name not in rows[ahead] or (self._orphaned and pending.name not in rows[_READY]):
                    queue.popleft()
                    self._not_sent(pending)
                    continue
                self._orphaned = self._orphaned and pending.name not in _NEW_GROUND
            queue.popleft()
            if pending.starts is not None:
                self._start_chunks(pending.command, pending.starts)
            else:
                self._write(pending)
                self._ahead = rows[ahead][pending.name][0]  # also of a last chunk, behind which nothing goes
        self._orphaned = False

    def _may_follow(self, pending: Pending, ahead: State) -> bool:
        """Whether a command may leave before the replies to those that did (RFC 2920 3.1)."""
        gate = self._gate
        if not gate.pipelining or self._outstanding[-1].last or pending.starts is not None:
            return False
        if self._flight + len(pending.wire) > self._limits.pipeline:
            return False  # X-PIPELINING-09
        if pending.final and self._session.lmtp:
            return False  # the number of its replies has to be known (X-LMTP-09)
        return pending.name in gate.extensions.rows[ahead]

    def _not_sent(self, pending: Pending) -> None:
        self._planned = None
        self._orphaned = self._orphaned or pending.name == "MAIL"
        self._news.append(Response._make(pending.command, NOT_SENT, None))

    def _look_ahead(self) -> State:
        ahead = self._state
        for pending in self._outstanding:
            ahead = self._after(ahead, pending)
        self._ahead = ahead
        return ahead

    def _write(self, pending: Pending) -> None:
        self._out.append(pending.wire)
        if pending.octets is not None:
            self._out.append(pending.octets)
        self._outstanding.append(pending)
        self._flight += len(pending.wire)
        if pending.name == "MAIL":
            self._session.mails += 1

    # --- content -------------------------------------------------------------------------------------------------

    def start_chunks(self, make: ChunkMaker) -> Command:
        """Queue the content as chunks, instead of `send(Data())`: `SendBody` comes when all replies are in.

        `make` builds the command of one chunk from its octets and whether it is the last (`Bdat`).  Gives the command
        that `SendBody` will carry.  Raises `LocalProtocolError` when it is out of sequence or not offered.
        """
        start = make(0, False)
        pending = self._prepare(start, self.planned_state, self._mail, b"", None, make)
        self._enqueue((pending,), _BDAT)
        return start

    def _start_chunks(self, command: Command, make: ChunkMaker) -> None:
        envelope = self._session.envelope
        assert envelope is not None  # the state says so
        self._body = self._gate.chunks(envelope.mail, make)
        self._news.append(SendBody._make(command))

    def send_body(self, chunk: bytes) -> None:
        """Send a piece of the content, of any size and cut anywhere; only between `SendBody` and `end_body`.

        After a refused chunk, and after `Closed`, pieces are dropped.  Raises `LocalProtocolError` when no content is
        due, `BareNewline` or `UnsendableContent` (see `NewlinePolicy`) for what must not be sent; then nothing of the
        piece was taken, and `abort` is the way out.
        """
        body = self._due_body()
        if not body.alive or not chunk:
            return
        self._progress += 1
        if isinstance(body, Text):
            self._out.append(body.encode(chunk))
        else:
            self._send_chunk(body, body.encode(chunk), False)

    def end_body(self, last: bytes = b"") -> None:
        """The content is whole, `last` its last piece; a `Response` to `EndOfMessage`, or to the last chunk, follows.

        Raises as `send_body` does.
        """
        body = self._due_body()
        if body.alive:
            self._progress += 1
            if isinstance(body, Text):
                self._out.append(body.finish(last))
                self._end_text(EndOfMessage._make(body.size, ()))
                return
            self._send_chunk(body, body.finish(last), True)
        self._body = None
        self._planned = None

    def _end_encoded(self, wire: bytes, size: int, chunk_size: int | None) -> None:
        """Send a whole content of `size` octets that is encoded already, in chunks of `chunk_size` (`None`: one)."""
        body = self._due_body()
        if body.alive:
            if isinstance(body, Text):
                self._out.append(wire)
                self._end_text(EndOfMessage._make(size))
                return
            step, start = chunk_size or len(wire), 0
            while start + step < len(wire):
                self._send_chunk(body, wire[start : start + step], False)
                start += step
            self._send_chunk(body, wire[start:], True)
        self._body = None
        self._planned = None

    def _due_body(self) -> Text | Chunks:
        if self._body is None:
            raise LocalProtocolError("no content is due: wait for SendBody, and call end_body() once")
        return self._body

    def _end_text(self, command: EndOfMessage) -> None:
        """The final dot is written already, behind the text."""
        self._body = None
        self._write(Pending(command, b""))
        self._ahead = self._planned = _READY

    def _send_chunk(self, body: Chunks, data: bytes, last: bool) -> None:
        if data or last:
            command = body.make(len(data), last)
            verb = self._gate.extensions.verbs[command.verb]
            self._queue.append(PendingVerb(command, command.to_bytes(), verb, data))
            self._release()

    def _drop_body(self) -> None:
        if self._body is not None:
            self._body.alive = False

    def _greet_server(self, hello: Hello) -> None:
        """Send a greeting of this connection's own, in front of everything queued."""
        self._queue.appendleft(Pending(hello, hello.to_bytes()))
        self._hellos += 1
