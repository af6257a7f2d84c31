"""One message to one server: plans MAIL, RCPT and the content, follows the replies, ends in a `Report`.

What is awkward is here: the server refused every recipient and wants the text all the same, a refused MAIL whose
followers are refused too, LMTP's reply for each recipient, a connection lost when the text was on its way.
"""

from __future__ import annotations

from typing import Final, Iterable, Mapping

from smtpcore.addresses import ForwardPath, Mailbox, Postmaster, ReversePath
from smtpcore.client import NOT_SENT, ClientConnection, ServiceClosing
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Mail, Rcpt, Reset
from smtpcore.content import ChunkEncoder, NewlinePolicy
from smtpcore.errors import (
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    SMTPError,
    SyntaxProblem,
    TimedOut,
)
from smtpcore.events import ClientEvent, Closed, Greeting, Response, SendBody
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.planning import MailPlan, MissingExtension, header_needs_utf8
from smtpcore.parameters import NO_PARAMETERS, Parameters
from smtpcore.replies import Reply
from smtpcore.report import Outcome, Report, Result
from smtpcore.sending import out_of_sequence
from smtpcore.state import State

#: What may be given as a recipient; `Rcpt` brings its parameters along.
Recipient = str | Mailbox | Postmaster | ForwardPath | Rcpt
#: States in which RSET has to go before the next MAIL (RFC 5321 4.1.4, C-SES-35).
_OPEN: Final = (State.MAIL, State.RCPT, State.POISONED)
#: Members of an enumeration are looked up slowly (CPython 3.11), and these for each message.
_READY: Final = State.READY
_DELIVERED: Final = Outcome.DELIVERED
_REPAIR: Final = NewlinePolicy.REPAIR
#: Verbs whose reply says what became of a message.
_ENDS: Final = frozenset((EndOfMessage.verb, Bdat.verb))


class Transaction:
    """One message over one connection.

    `sender` is a path, a mailbox or text (`""` or `"<>"` for the null path), `recipients` likewise.  `body` is the
    whole content with CRLF line ends; without it the driver answers `SendBody` by `send_body` and `end_body`, and
    `size` (octets), `eight_bit` and `utf8` (a header that is not ASCII) say what is known of it beforehand.
    `mail_params` and `rcpt_params` (by recipient) are parameters to send.  `binary`: content without lines.
    `chunking`: use BDAT where it is offered, in chunks of `chunk_size` octets (`None`: one).  `one_flight`: send a
    `body` along with MAIL and RCPT by BDAT, when PIPELINING is offered, too (RFC 3030 2 lets a client wait instead).

    Feed every event to `handle`.  It begins when EHLO is accepted, or at `start`.
    Raises `SyntaxProblem` for addresses and parameters outside the grammar.
    """

    __slots__ = (
        "_binary",
        "_body",
        "_chunk_size",
        "_chunking",
        "_conn",
        "_data",
        "_dropped",
        "_eight_bit",
        "_error",
        "_exception",
        "_mail",
        "_one_flight",
        "_paths",
        "_pending",
        "_phase_text",
        "_positions",
        "_rcpts",
        "_reply",
        "_results",
        "_sender",
        "_size",
        "_started",
        "_taken",
        "_utf8",
        "_wire",
    )

    def __init__(
        self,
        conn: ClientConnection,
        sender: str | Mailbox | ReversePath,
        recipients: Iterable[Recipient],
        *,
        body: bytes | None = None,
        size: int | None = None,
        eight_bit: bool | None = None,
        utf8: bool = False,
        binary: bool = False,
        mail_params: Parameters | Iterable[tuple[str, str | None]] = NO_PARAMETERS,
        rcpt_params: Mapping[str, Parameters | Iterable[tuple[str, str | None]]] | None = None,
        chunking: bool = True,
        chunk_size: int | None = None,
        one_flight: bool = False,
    ) -> None:
        self._conn = conn
        params = mail_params if mail_params is NO_PARAMETERS else _parameters(mail_params)
        self._sender: Mail = Mail._make(ReversePath.of(sender), params)
        given: Mapping[ForwardPath, Parameters] = {}
        if rcpt_params:
            given = {ForwardPath.of(key): _parameters(value) for key, value in rcpt_params.items()}
        self._rcpts: list[Rcpt] = []
        self._paths: list[ForwardPath] = []
        for recipient in recipients:
            rcpt = _rcpt(recipient, given)
            self._rcpts.append(rcpt)
            self._paths.append(rcpt.path)
        if not self._rcpts:
            raise LocalProtocolError("a message wants one recipient or more")
        if chunk_size is not None and chunk_size < 1:
            raise LocalProtocolError("chunk_size is one octet or more")
        if body is not None:
            if conn._gate.newlines is _REPAIR:
                encoder = ChunkEncoder(_REPAIR)
                body = encoder.encode(body) + encoder.finish()
            size = len(body)
            eight_bit = not body.isascii()
            utf8 = utf8 or (eight_bit and header_needs_utf8(body))
        self._body = body
        self._wire = b""
        self._size = size
        self._eight_bit = eight_bit
        self._utf8 = utf8
        self._binary = binary
        self._chunking = chunking
        self._chunk_size = chunk_size
        self._one_flight = one_flight
        self._results: list[Result | None] = [None] * len(self._rcpts)
        self._taken: list[int] = []  # positions of the recipients that the server accepted
        self._positions: dict[int, int] = {}  # identity of a RCPT sent to its position
        self._mail: Mail | None = None  # as sent
        self._data: Command | None = None  # DATA, or what stands for the chunks
        self._pending = 0  # replies due before the text
        self._phase_text = False  # the text is due, or was sent
        self._started = False
        self._error = ""
        self._reply: Reply | None = None
        self._exception: SMTPError | None = None
        self._dropped: tuple[str, ...] = ()

    # --- what can be asked of it ---------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether its commands were queued, or it has failed before."""
        return self._started

    @property
    def recipients(self) -> tuple[Rcpt, ...]:
        """The recipients with their parameters, in order."""
        return tuple(self._rcpts)

    @property
    def sending(self) -> bool:
        """Whether its text is due: `SendBody` has come, `end_body` was not called."""
        return self._phase_text and self._conn.body_due

    @property
    def awaiting_text(self) -> bool:
        """Whether its text is on its way behind DATA, and the reply due."""
        return self._phase_text and not self._conn.body_due and not isinstance(self._data, Bdat)

    @property
    def done(self) -> bool:
        """Whether every recipient has its result, and no reply to this message is due any more."""
        return self._started and not self._pending and not self._phase_text

    @property
    def report(self) -> Report:
        """What is known now: before `done`, undecided recipients count as they would if the connection ended here."""
        results: list[Result] = []
        served = False
        for path, result in zip(self._paths, self._results, strict=True):
            if result is None:
                result = Result(path, Outcome.UNKNOWN if self._in_doubt() else Outcome.RETRY)
            elif result.outcome is _DELIVERED:
                served = True
            results.append(result)
        if served:
            report: Report = Report._make(tuple(results), "", None, None, self._dropped)
            return report
        error = self._error or ("" if self.done else "not-sent")
        return Report(tuple(results), error, self._reply, self._exception, self._dropped)

    # --- sending -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Queue the message; EHLO must have been accepted, and no text of another message be due.

        When the server cannot carry it, nothing is queued and the report says so (`MissingExtension`).  Raises
        `UnsendableContent` when the `body` must not be sent as it is, `LocalProtocolError` or `SyntaxProblem` for
        what cannot be sent at all; then nothing was queued either.
        """
        conn = self._conn
        gate, state = conn._gate, conn.planned_state
        if state is not _READY and state not in _OPEN:
            raise out_of_sequence("MAIL", state)
        if conn._session.hello is None:
            raise LocalProtocolError("what the server offers is not known yet: start() on the Response to EHLO")
        self._started = True
        try:
            plan = MailPlan(
                gate.offered,
                self._sender,
                self._rcpts,
                size=self._size,
                eight_bit=self._eight_bit,
                binary=self._binary,
                utf8=self._utf8,
                tls_verified=conn._verified,
            )
            plan.finish(gate.extensions, gate.planners, extra=gate.extra)
            self._queue(plan, state is not _READY)
        except MissingExtension as missing:
            self.give_up(missing.kind, exception=missing)
        except SMTPError as error:
            self.give_up("invalid-argument", exception=error)
            raise

    def _queue(self, plan: MailPlan, reset: bool) -> None:
        conn, mail, body = self._conn, plan.mail, self._body
        chunks = self._by_chunks(plan)
        if body is not None:
            self._wire = conn._gate.chunks(mail, Bdat).finish(body) if chunks else conn._gate.whole(mail, body)
        if not chunks:
            self._data = data = Data()
            if reset:
                conn.send_all([Reset(), mail, *plan.rcpts, data])
            else:
                conn._send_message(mail, plan.rcpts, data)
        else:
            conn.send_all([Reset(), mail, *plan.rcpts] if reset else [mail, *plan.rcpts])
            if self._one_flight and body is not None and not conn.session.lmtp:
                self._data = Bdat(len(self._wire), True)
                conn.send(self._data, octets=self._wire)
                self._wire = b""
            else:
                self._data = conn.start_chunks(Bdat)
        self._mail = mail
        self._dropped = plan.dropped
        self._rcpts = plan.rcpts  # keeps the objects alive that the identities name
        self._positions = dict(zip(map(id, plan.rcpts), range(len(plan.rcpts)), strict=False))
        self._pending = len(plan.rcpts) + 2

    def _by_chunks(self, plan: MailPlan) -> bool:
        """BDAT or DATA.  A text of unknown length goes by DATA where chunks would have to wait for one another."""
        if plan.binary:
            return True
        gate = self._conn._gate
        if not self._chunking or "CHUNKING" not in gate.offered or "CHUNKING" not in gate.extensions:
            return False
        return self._body is not None or gate.pipelining

    # --- events --------------------------------------------------------------------------------------------------

    def handle(self, event: ClientEvent) -> None:
        """Take note of an event of the connection; those of other transactions pass by."""
        if type(event) is not Response:
            self._news(event)
            return
        command, reply = event.command, event.reply
        position = self._positions.get(id(command))
        if position is not None:
            self._pending -= 1
            if reply.code < 400:
                self._taken.append(position)
            else:
                self._recipient(position, reply)
        elif command is self._mail:
            self._pending -= 1
            if reply.code >= 400:
                self._refused(reply)
        elif command is self._data:
            self._content(command, reply)
        elif self._phase_text:
            if command.verb in _ENDS:
                self._message(event)
        elif not self._started and isinstance(command, Hello):
            self._hello(reply)

    def _news(self, event: ClientEvent) -> None:
        """What is no reply to a command."""
        if type(event) is SendBody:
            if event.command is self._data:
                self._phase_text = True
                self._pending -= event.command.verb == "BDAT"
                if self._body is not None:
                    self._conn._end_encoded(self._wire, len(self._body), self._chunk_size)
                    self._wire = b""
        elif type(event) is Closed:
            self._closed(event.error)
        elif type(event) is Greeting and event.reply.is_negative and not self._started:
            self._refused_session("greeting-rejected", event.reply)

    def _refused(self, reply: Reply) -> None:
        """MAIL was refused, or not sent at all."""
        if reply is NOT_SENT:
            self._decide_rest("not-sent", None, None, Outcome.RETRY)
        else:
            self._decide(range(len(self._results)), "mail-rejected", reply)

    def _hello(self, reply: Reply) -> None:
        if reply.is_positive:
            self.start()
        elif not any(isinstance(command, Hello) for command in self._conn.outstanding):
            self._refused_session("helo-rejected", reply)

    def _recipient(self, position: int, reply: Reply) -> None:
        """The reply that refuses a recipient."""
        if self._results[position] is None:
            # RFC 5321 4.5.3.1.10: 552 to RCPT means too many recipients, unless it says that the message is too big.
            code = reply.enhanced
            later = reply.code == 552 and not (code is not None and (code.subject, code.detail) == (3, 4))
            self._results[position] = Result(self._paths[position], Outcome.RETRY if later else _outcome(reply), reply)
            self._note("no-recipients", reply)

    def _content(self, command: Command, reply: Reply) -> None:
        """The reply to DATA, or to the message when it went along with MAIL and RCPT."""
        self._pending -= 1
        text = command.verb == "DATA"
        if text and reply.code < 400:
            self._phase_text = True  # SendBody follows; or an empty text was sent, since nobody was accepted
            return
        if reply is NOT_SENT:
            return
        self._decide(self._taken, "data-rejected" if text else "message-rejected", reply)

    def _message(self, event: Response) -> None:
        """A reply to the end of the text, or to a chunk."""
        command, reply = event.command, event.reply
        chunk = command.verb == "BDAT"
        if chunk and reply.code < 400 and not _last(command):
            return
        if event.recipient is not None:
            position = self._positions[id(event.recipient)]
            self._decide([position], "message-rejected", reply)
            if any(self._results[each] is None for each in self._taken):
                return
        else:
            self._decide(self._taken, "message-rejected", reply)
        self._phase_text = False
        if chunk and self._conn.planned_state is State.POISONED:
            self._conn.send(Reset())  # RFC 3030 2: before anything else

    # --- results -------------------------------------------------------------------------------------------------

    def _note(self, kind: str, reply: Reply | None, exception: SMTPError | None = None) -> None:
        """Why it failed: the last stage that was reached counts, in it the first reply."""
        if reply is not None and reply.code == 421:
            kind = "service-closing"
        if self._error != kind:
            self._error, self._reply, self._exception = kind, reply, exception

    def _decide(self, positions: Iterable[int], kind: str, reply: Reply) -> None:
        """One reply for these recipients."""
        for position in positions:
            if self._results[position] is None:
                self._results[position] = Result._make(self._paths[position], _outcome(reply), reply)
                if reply.code >= 400:
                    self._note(kind, reply)

    def _refused_session(self, kind: str, reply: Reply) -> None:
        self._started = True
        self._decide(range(len(self._results)), kind, reply)

    def give_up(self, kind: str, reply: Reply | None = None, exception: SMTPError | None = None) -> None:
        """Decide all undecided recipients, before the message was started or when it cannot go on.

        `kind` is the report's `error`.  By `reply` when there is one; else refused when `exception` says that the
        message cannot be sent, to be tried again otherwise.
        """
        self._undecided(kind, reply, exception, None)

    def _undecided(self, kind: str, reply: Reply | None, exception: SMTPError | None, outcome: Outcome | None) -> None:
        self._started = True
        self._pending = 0
        self._phase_text = False
        if outcome is None and reply is not None:
            outcome = _outcome(reply)
        elif outcome is None:
            refused = isinstance(exception, (MissingExtension, LocalProtocolError, SyntaxProblem))
            outcome = Outcome.REFUSED if refused else Outcome.RETRY
        self._decide_rest(kind, reply, exception, outcome)

    def _decide_rest(self, kind: str, reply: Reply | None, exception: SMTPError | None, outcome: Outcome) -> None:
        for position, result in enumerate(self._results):
            if result is None:
                self._results[position] = Result(self._paths[position], outcome, reply)
                self._note(kind, reply, exception)

    def _in_doubt(self) -> bool:
        """Whether the whole text has left and its reply has not come (RFC 1047); LMTP says to try again (2033 5)."""
        unanswered = self._conn.unanswered
        if self._conn.session.lmtp:
            return False
        if self._phase_text:
            return any(isinstance(command, EndOfMessage) or _last(command) for command in unanswered)
        return any(command is self._data for command in unanswered if _last(command))

    def _closed(self, error: SMTPError | None) -> None:
        if self.done:
            return
        kind, reply = "not-sent", None
        if isinstance(error, ServiceClosing):
            kind, reply = "service-closing", error.reply
        elif isinstance(error, TimedOut):
            kind = "timed-out"
        elif isinstance(error, ConnectionLost):
            kind = "connection-lost"
        elif isinstance(error, RemoteProtocolError):
            kind = "protocol-error"
        elif error is not None:
            kind = "aborted"
        self._undecided(kind, reply, error, Outcome.UNKNOWN if self._in_doubt() else None)


def _outcome(reply: Reply) -> Outcome:
    if reply.code < 400:
        return _DELIVERED
    return Outcome.RETRY if reply.is_transient else Outcome.REFUSED


def _last(command: Command | None) -> bool:
    return isinstance(command, Bdat) and command.last


def _parameters(given: Parameters | Iterable[tuple[str, str | None]]) -> Parameters:
    return given if isinstance(given, Parameters) else Parameters(tuple(given))


def _rcpt(recipient: Recipient, given: Mapping[ForwardPath, Parameters]) -> Rcpt:
    """A new object always: the replies are told apart by the identity of the commands."""
    if not isinstance(recipient, str) and isinstance(recipient, Rcpt):
        return Rcpt(recipient.path, recipient.params)
    rcpt: Rcpt = Rcpt._make(ForwardPath.of(recipient))
    if given and rcpt.path in given:
        return Rcpt(rcpt.path, given[rcpt.path])
    return rcpt


__all__ = ["MissingExtension", "Recipient", "Transaction"]
