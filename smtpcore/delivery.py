"""A whole session for one or more messages: greeting, TLS, authentication, the messages, QUIT.

`Delivery` is `Transaction` with what stands around it.  It decides by policies given beforehand, drives the
connection, and ends in one `Report` for each message; the driver moves octets and does the TLS handshake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Iterable, Literal, Sequence

from smtpcore.addresses import Mailbox, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Hello, Quit, Rcpt
from smtpcore.errors import LocalProtocolError, SMTPError
from smtpcore.events import ClientEvent, Closed, Greeting, Response
from smtpcore.extensions.auth import AuthDialogue
from smtpcore.extensions.limits import read_limits
from smtpcore.extensions.starttls import StartTls
from smtpcore.parameters import NO_PARAMETERS, Parameters
from smtpcore.replies import Reply
from smtpcore.report import Outcome, Report, Result
from smtpcore.sending import LINE
from smtpcore.state import State
from smtpcore.transaction import Recipient, Transaction
from smtpcore.value import Value

if TYPE_CHECKING:
    from smtpcore.sasl.credentials import ChannelBinding, ClientCredentials

#: `none`: never; `opportunistic`: where it is offered and works; `required`: no mail without it (RFC 3207 6).
TlsPolicy = Literal["none", "opportunistic", "required"]
#: Messages under way at once: one waits for its last reply, the next goes out behind it (RFC 2920 3.1).
_AT_ONCE: Final = 2
#: The server does not have the mechanism: the next one may do (RFC 4954 4).
_OTHER_MECHANISM: Final = 504


class Message(Value):
    """One message to send; the fields are those of `Transaction`.  `Rcpt` recipients bring their parameters along."""

    sender: str | Mailbox | ReversePath
    recipients: tuple[Recipient, ...]
    body: bytes | None = None
    size: int | None = None
    eight_bit: bool | None = None
    utf8: bool = False
    binary: bool = False
    params: Parameters = NO_PARAMETERS


class Login(Value):
    """How to authenticate; the mail goes only when it succeeded.

    `mechanisms` is the order of preference (`None`: the strongest first).  `nonce`: fresh random text, without which
    SCRAM is not tried.
    `clear_text`: allow what can be read on the wire without verified TLS.  `initial_response`: send one with AUTH
    where the mechanism has it and the line has room (RFC 4954 4).
    """

    credentials: ClientCredentials
    mechanisms: tuple[str, ...] | None = None
    nonce: bytes = b""
    channel_binding: ChannelBinding | None = None
    clear_text: bool = False
    initial_response: bool = True
    _secret: ClassVar[tuple[str, ...]] = ("credentials", "nonce")


class _Job:
    """A message, and the transactions that carry it: several where the server limits recipients (RFC 9422)."""

    __slots__ = ("message", "parts", "whole")

    def __init__(self, message: Message, whole: Transaction) -> None:
        self.message = message
        self.whole = whole
        self.parts: list[tuple[Sequence[int], Transaction]] = []

    def report(self) -> Report:
        if not self.parts:
            return self.whole.report
        reports = [(positions, part.report) for positions, part in self.parts]
        if len(reports) == 1:
            return reports[0][1]
        found: dict[int, Result] = {}
        for positions, report in reports:
            found.update(zip(positions, report.results, strict=True))
        results = tuple([found[position] for position in sorted(found)])
        dropped = tuple(dict.fromkeys(keyword for _, report in reports for keyword in report.dropped))
        if any(result.outcome is Outcome.DELIVERED for result in results):
            return Report(results, dropped=dropped)
        first = reports[0][1]
        return Report(results, first.error, first.reply, first.exception, dropped)


class Delivery:
    """A session that delivers messages.  Give it every event of a new connection; send and receive as always.

    `tls` and `login` are the policies; `commands` are sent before the first message.  `chunking`, `chunk_size` and
    `one_flight` are those of `Transaction`.  Where PIPELINING is offered the next message follows right behind the
    end of the last, and QUIT behind the last one.  A message without `body` is the driver's to send on `SendBody`;
    `current` says which one it is.

    Raises `SyntaxProblem` or `LocalProtocolError` for messages that cannot be sent by anybody.
    """

    __slots__ = (
        "_active",
        "_auth",
        "_chunk_size",
        "_chunking",
        "_commands",
        "_conn",
        "_domains",
        "_jobs",
        "_login",
        "_mails",
        "_names",
        "_next",
        "_one_flight",
        "_open",
        "_quit",
        "_starttls",
        "_tls",
        "_waiting",
    )

    def __init__(
        self,
        conn: ClientConnection,
        messages: Iterable[Message],
        *,
        tls: TlsPolicy = "none",
        login: Login | None = None,
        commands: Sequence[Command] = (),
        chunking: bool = True,
        chunk_size: int | None = None,
        one_flight: bool = False,
    ) -> None:
        if tls not in ("none", "opportunistic", "required"):
            raise LocalProtocolError("tls is 'none', 'opportunistic' or 'required'")
        self._conn = conn
        self._tls = tls
        self._login = login
        self._commands = commands
        self._chunking = chunking
        self._chunk_size = chunk_size
        self._one_flight = one_flight
        self._jobs = [_Job(each, self._transaction(each, each.recipients)) for each in messages]
        self._next = 0  # the job that comes next
        self._waiting: list[Transaction] = []  # the parts of a job that are not under way yet
        self._active: list[Transaction] = []
        self._starttls: Command | None = None
        self._auth: Command | None = None
        self._names: list[str] | None = None  # mechanisms not tried yet
        self._open = False  # TLS and authentication are done
        self._quit = False
        self._mails = 0
        self._domains: set[object] = set()

    def _transaction(self, message: Message, recipients: Iterable[Recipient]) -> Transaction:
        return Transaction(
            self._conn,
            message.sender,
            recipients,
            body=message.body,
            size=message.size,
            eight_bit=message.eight_bit,
            utf8=message.utf8,
            binary=message.binary,
            mail_params=message.params,
            chunking=self._chunking,
            chunk_size=self._chunk_size,
            one_flight=self._one_flight,
        )

    # --- what can be asked of it ---------------------------------------------------------------------------------

    @property
    def reports(self) -> tuple[Report, ...]:
        """One report for each message, in order; see `Transaction.report` for those that are not done."""
        return tuple([job.report() for job in self._jobs])

    @property
    def done(self) -> bool:
        """Whether every message has its report and QUIT was sent, or the connection is closed."""
        return self._quit and not self._active

    @property
    def current(self) -> Message | None:
        """The message whose content is due, `None` when none is."""
        if not any(transaction.sending for transaction in self._active):
            return None
        # The one whose content is due is of the last job that was begun: nothing starts behind it.
        return self._jobs[self._next - 1].message

    # --- events --------------------------------------------------------------------------------------------------

    def handle(self, event: ClientEvent) -> None:
        """Take an event of the connection, and do what comes next."""
        active = self._active
        for transaction in active:
            transaction.handle(event)
        if type(event) is Response:
            if not self._open:
                self._prepare(event.command, event.reply)
            elif active and not active[0].done:
                return  # one reply more, and nothing to do about it
        elif type(event) is Closed:
            self._closed(event)
        elif type(event) is Greeting and event.reply.is_negative:
            self._fail("greeting-rejected", event.reply)
        if active:
            self._active = [transaction for transaction in active if not transaction.done]
        if self._open and not self._quit:
            self._advance()

    def _prepare(self, command: Command, reply: Reply) -> None:
        """The replies before the first message: to EHLO, STARTTLS and AUTH."""
        if isinstance(command, Hello):
            if reply.is_positive:
                self._secure()
            elif not any(isinstance(other, Hello) for other in self._conn.outstanding):
                self._fail("helo-rejected", reply)
        elif command is self._starttls and reply.is_negative:
            if self._tls == "required":
                self._fail("starttls-refused", reply)
            else:
                self._authenticate()
        elif command is self._auth:
            if reply.is_positive:
                self._begin()
            elif reply.code == _OTHER_MECHANISM and self._names:
                self._authenticate()
            else:
                self._fail("auth-failed", reply)

    def _secure(self) -> None:
        conn = self._conn
        if self._tls == "none" or conn.session.tls:
            self._authenticate()
        elif "STARTTLS" in conn.capabilities and "STARTTLS" in conn.extensions:
            self._starttls = StartTls()
            conn.send(self._starttls)
        elif self._tls == "required":
            self._fail("starttls-unavailable")
        else:
            self._authenticate()

    def _authenticate(self) -> None:
        login = self._login
        if login is None:
            self._begin()
            return
        if self._names is None:
            self._names = self._mechanisms(login)
        if not self._names:
            self._fail("auth-unavailable")
            return
        try:
            dialogue = self._dialogue(login, self._names.pop(0))
            self._auth = dialogue.command
            self._conn.send(dialogue.command, dialogue=dialogue)
        except SMTPError as error:
            self._fail("invalid-argument", exception=error)

    def _mechanisms(self, login: Login) -> list[str]:
        from smtpcore.sasl.choice import PREFERENCE, preferred

        conn = self._conn
        if "AUTH" not in conn.extensions:
            return []
        names = preferred(
            conn.capabilities.mechanisms,
            login.credentials,
            tls=conn.tls_verified,
            channel_binding=login.channel_binding is not None,
            clear_text=login.clear_text,
            order=PREFERENCE if login.mechanisms is None else login.mechanisms,
        )
        return [name for name in names if login.nonce or not name.startswith("SCRAM-")]

    def _dialogue(self, login: Login, name: str) -> AuthDialogue:
        dialogue = self._exchange(login, name, login.initial_response)
        if len(dialogue.command.to_bytes()) > LINE:  # RFC 4954 4: then the response waits for the 334
            dialogue = self._exchange(login, name, False)
        return dialogue

    def _exchange(self, login: Login, name: str, initial_response: bool) -> AuthDialogue:
        from smtpcore.sasl.factory import client_mechanism

        mechanism = client_mechanism(
            name,
            login.credentials,
            nonce=login.nonce,
            channel_binding=login.channel_binding,
            offered=self._conn.capabilities.mechanisms,
        )
        return AuthDialogue(mechanism, initial_response=initial_response)

    # --- messages ------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        try:
            self._conn.send_all(self._commands)
            self._open = True
        except SMTPError as error:
            self._fail("invalid-argument", exception=error)

    def _advance(self) -> None:
        """Start what can be started, and QUIT behind the last message."""
        while self._may_start():
            if not self._waiting:
                if self._next == len(self._jobs):
                    break
                self._split(self._jobs[self._next])
                self._next += 1
            if self._waiting:
                self._start(self._waiting.pop(0))
        if not self._waiting and self._next == len(self._jobs) and self._may_quit():
            self._quit = True
            if self._conn.planned_state is not State.CLOSED:
                self._conn.send(Quit())

    def _may_start(self) -> bool:
        """Whether MAIL may be queued: the text of the message before is on its way, or there is none.

        Behind chunks it waits for the reply in any case, and RSET may have to go first (RFC 3030 2).
        """
        active = self._active
        return not active or (len(active) < _AT_ONCE and active[0].awaiting_text)

    def _may_quit(self) -> bool:
        """Behind the end of a text QUIT needs no turn of its own; behind a chunk RSET may have to go first."""
        active = self._active
        return not active or (self._conn.pipelining and active[-1].awaiting_text)

    def _start(self, transaction: Transaction) -> None:
        try:
            transaction.start()
        except SMTPError:
            return  # its report says so: nothing of it was sent
        self._mails += 1
        if not transaction.done:
            self._active.append(transaction)

    def _split(self, job: _Job) -> None:
        """The parts of a message under the limits of this server (RFC 9422)."""
        capabilities = self._conn.capabilities
        known = "LIMITS" in self._conn.extensions and "LIMITS" in capabilities
        offered = capabilities["LIMITS"] if known else None
        if offered is None:
            self._waiting.append(job.whole)
            return
        limits = read_limits(offered)
        rcpts = job.whole.recipients
        positions = list(range(len(rcpts)))
        later: list[int] = []
        if "RCPTDOMAINMAX" in limits:
            later = [each for each in positions if not self._admit(rcpts[each], limits["RCPTDOMAINMAX"])]
            positions = [each for each in positions if each not in set(later)]
        size = limits.get("RCPTMAX", len(rcpts))
        groups = [positions[start : start + size] for start in range(0, len(positions), size)]
        room = max(limits.get("MAILMAX", self._mails + len(groups)) - self._mails, 0)
        for group in groups[room:]:
            later += group
        for group in groups[:room]:
            job.parts.append((group, self._transaction(job.message, [rcpts[each] for each in group])))
        self._waiting += [part for _, part in job.parts]
        if later:
            rest = self._transaction(job.message, [rcpts[each] for each in later])
            rest.give_up("limit-reached")  # for another session
            job.parts.append((later, rest))

    def _admit(self, rcpt: Rcpt, limit: int) -> bool:
        domain = rcpt.path.domain
        if domain not in self._domains and len(self._domains) >= limit:
            return False
        self._domains.add(domain)
        return True

    # --- the end -------------------------------------------------------------------------------------------------

    def _unstarted(self) -> list[Transaction]:
        return self._waiting + [job.whole for job in self._jobs[self._next :]]

    def _fail(self, kind: str, reply: Reply | None = None, exception: SMTPError | None = None) -> None:
        """No message can be sent in this session."""
        for transaction in self._unstarted():
            transaction.give_up(kind, reply, exception)
        self._quit = True
        if self._conn.planned_state is not State.CLOSED:
            self._conn.send(Quit())

    def _closed(self, event: Closed) -> None:
        for transaction in self._unstarted():
            if not transaction.started:
                transaction.handle(event)
        self._quit = True


__all__ = ["Delivery", "Login", "Message", "TlsPolicy"]
