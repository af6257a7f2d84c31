"""smtpcore's `ClientConnection` and `Transaction` with a small host program: the engine of the client vectors."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from smtpcore.addresses import ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Hello, Inquiry, Mail, Noop, Quit
from smtpcore.errors import LocalProtocolError, RemoteProtocolError, SMTPError, SyntaxProblem, TimedOut
from smtpcore.events import ClientEvent, Closed, Greeting, Response, SendBody, Step
from smtpcore.extensions.auth import AUTH_PARAMETER, Auth, AuthDialogue
from smtpcore.extensions.dsn import ENVID, NOTIFY, ORCPT, RET, Notify, OriginalRecipient, Ret
from smtpcore.extensions.planning import MailPlan, MissingExtension
from smtpcore.extensions.starttls import StartTls
from smtpcore.replies import Reply
from smtpcore.report import Outcome, Result
from smtpcore.sasl.choice import PREFERENCE, preferred
from smtpcore.sasl.credentials import ClientCredentials
from smtpcore.sasl.factory import client_mechanism
from smtpcore.state import State
from smtpcore.transaction import Transaction
from tests.vectors.judges.client import ClientIntent, ClientOutcome, RecipientOutcome

_STATES = {Outcome.DELIVERED: "sent", Outcome.UNKNOWN: "unknown"}
Pair = tuple[str, str | None]


class Sender:
    """The application: greets, protects, authenticates, sends the message, quits."""

    def __init__(self, intent: ClientIntent) -> None:
        self.intent = intent
        self.connection: ClientConnection | None = None
        self.transactions: deque[Transaction] = deque()
        self.extra: list[Command] = []
        self.current: Transaction | None = None
        #: What this side refused, and what the peer or the connection did wrong.
        self.local: SMTPError | None = None
        self.remote: SMTPError | None = None
        self.texts: list[str] = []
        self.quitting = False
        try:
            self.connection = ClientConnection(
                intent.helo,
                lmtp=intent.lmtp,
                tls=intent.tls == "implicit",
                tls_verified=intent.tls == "implicit",
                pipelining=intent.pipelining is not False,
            )
            self.extra = [_command(verb, argument) for verb, argument in intent.extra]
            self.transactions += [self.transaction(self.connection) for _ in range(intent.transactions)]
            self.current = self.transactions[0]
        except (LocalProtocolError, SyntaxProblem) as error:
            self.refuse(error)

    def transaction(self, connection: ClientConnection) -> Transaction:
        intent = self.intent
        whole = intent.body[0] if len(intent.body) == 1 else None
        mail_params, rcpt_params = _parameters(intent)
        return Transaction(
            connection,
            intent.mail_from,
            intent.rcpt_to,
            body=whole,
            size=sum(map(len, intent.body)),
            eight_bit=not all(piece.isascii() for piece in intent.body),
            binary=intent.binary,
            mail_params=mail_params,
            rcpt_params=rcpt_params,
            chunking=intent.chunking,
            chunk_size=intent.chunk_size,
        )

    # -- the engine -------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self.connection is None or self.connection.next_step is Step.CLOSE

    @property
    def wants_tls(self) -> bool:
        return self.connection is not None and self.connection.next_step is Step.START_TLS

    @property
    def held(self) -> int:
        if self.connection is None:
            return 0
        return len(self.connection._buffer) + self.connection._reader._octets

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset() if self.connection is None else frozenset(self.connection.capabilities)

    @property
    def size_limit(self) -> int | None:
        """Found by asking, as nothing else of the library says it: the largest size that is not refused."""
        if not self.fits(0) or self.fits(1 << 60):
            return None
        low, high = 0, 1 << 60
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.fits(middle) else (low, middle)
        return low

    def fits(self, size: int) -> bool:
        assert self.connection is not None
        plan = MailPlan(self.connection.capabilities, Mail(ReversePath.of("")), [], size=size)
        try:
            plan.finish(self.connection.extensions)
        except MissingExtension:
            return False
        return True

    def feed(self, data: bytes) -> None:
        if self.connection is not None:
            self.connection.receive_data(data)
            self.pump()

    def eof(self) -> None:
        if self.connection is not None:
            self.connection.receive_eof()
            self.pump()

    def take(self) -> bytes:
        output = b""
        while self.connection is not None:
            self.pump()
            more = self.connection.data_to_send()
            output += more
            if not more:
                break
        return output

    def tls(self, ok: bool) -> None:
        assert self.connection is not None
        if ok:
            self.connection.tls_started(verified=True)
        else:
            self.connection.tls_failed()
        self.pump()

    def pump(self) -> None:
        assert self.connection is not None
        for event in self.connection.events():
            self.texts.append(repr(event))
            try:
                self.handle(self.connection, event)
            except (LocalProtocolError, SyntaxProblem) as error:
                self.refuse(error)
        if self.current is not None and self.current.done:
            self.next_message(self.connection)

    # -- the application --------------------------------------------------------------------------------------------

    def handle(self, connection: ClientConnection, event: ClientEvent) -> None:
        match event:
            case Closed(error):
                if error is not None:
                    self.remote = self.remote or error
                    self.texts += [str(error), repr(error)]
            case Response(command=Hello(), reply=reply) if reply.is_positive:
                self.greeted(connection)
                return
            case Response(command=StartTls(), reply=reply) if reply.is_negative:
                if self.intent.tls == "required":
                    self.give_up("starttls-refused", reply)
                else:
                    self.authenticate(connection)
            case Response(command=Auth(), reply=reply):
                if reply.is_positive:
                    self.send_mail(connection)
                else:
                    self.give_up("auth-failed", reply)
            case SendBody() if len(self.intent.body) > 1:
                self.current_of().handle(event)
                for piece in self.intent.body:
                    connection.send_body(piece)
                connection.end_body()
                return
            case Greeting() | _:
                pass
        if self.current is not None:
            self.current.handle(event)

    def current_of(self) -> Transaction:
        assert self.current is not None
        return self.current

    def greeted(self, connection: ClientConnection) -> None:
        """EHLO was accepted: protect the connection first, where that is wanted."""
        if self.intent.tls not in ("opportunistic", "required") or connection.session.tls:
            self.authenticate(connection)
        elif "STARTTLS" in connection.capabilities:
            connection.send(StartTls())
        elif self.intent.tls == "required":
            self.local = SMTPError("TLS is required and not offered")
            self.give_up("starttls-unavailable")
        else:
            self.authenticate(connection)

    def authenticate(self, connection: ClientConnection) -> None:
        intent = self.intent
        if intent.auth is None:
            self.send_mail(connection)
            return
        user, password = intent.auth
        credentials = ClientCredentials(user, password)
        offered = connection.capabilities.mechanisms
        order = PREFERENCE if intent.mechanisms is None else [name.upper() for name in intent.mechanisms]
        names = preferred(
            offered, credentials, tls=connection.tls_verified, clear_text=intent.allow_plaintext_auth, order=order
        )
        if not names:
            self.local = SMTPError("no mechanism that may be used")
            self.give_up("auth-unavailable")
            return
        mechanism = client_mechanism(names[0], credentials, nonce=b"bm9uY2U", offered=offered)
        dialogue = AuthDialogue(mechanism, initial_response=intent.initial_response)
        connection.send(dialogue.command, dialogue=dialogue)

    def send_mail(self, connection: ClientConnection) -> None:
        for command in self.extra:
            connection.send(command)
        self.extra = []
        self.current_of().start()

    def next_message(self, connection: ClientConnection) -> None:
        if self.current is self.transactions[-1] or self.quitting:
            self.leave()
            return
        self.current = self.transactions[list(self.transactions).index(self.current_of()) + 1]
        try:
            self.current.start()
        except (LocalProtocolError, SyntaxProblem) as error:
            self.refuse(error)

    def give_up(self, kind: str, reply: Reply | None = None) -> None:
        if self.current is not None and not self.current.done:
            self.current.give_up(kind, reply, None if reply is not None else self.local)
        self.leave()

    def refuse(self, error: SMTPError) -> None:
        """This side refuses: nothing more is sent but QUIT."""
        self.local = self.local or error
        self.texts += [str(error), repr(error)]
        if self.current is not None and not self.current.done:
            self.current.give_up("invalid-argument", None, error)
        if self.connection is not None and self.connection.state in (State.DATA, State.BDAT):
            self.connection.abort(error)
            self.quitting = True
        else:
            self.leave()

    def leave(self) -> None:
        """QUIT, once, if the connection is still there to take it."""
        if self.quitting or self.connection is None:
            return
        self.quitting = True
        if self.connection.state is State.CONNECTED:
            self.connection.abort(None)  # no greeting came, so that there is nobody to say QUIT to
        elif self.connection.next_step is not Step.CLOSE:
            self.connection.send(Quit())

    # -- the outcome ------------------------------------------------------------------------------------------------

    def outcome(self) -> ClientOutcome:
        found = ClientOutcome(texts=[*self.texts, repr(self.connection), repr(self.intent.helo)])
        if self.current is None:
            found.error, found.permanent = "invalid-argument", True
        else:
            report = self.current.report
            found.texts.append(repr(report))
            found.error, found.permanent = report.error or None, report.permanent
            found.code = None if report.reply is None else report.reply.code
            found.recipients = dict(zip(self.intent.rcpt_to, map(_recipient, report.results), strict=True))
            self.note(report.exception)
        found.fault = "local" if self.local is not None else "remote" if self.remote is not None else None
        return found

    def note(self, error: SMTPError | None) -> None:
        if error is None:
            return
        self.texts += [str(error), repr(error)]
        if isinstance(error, (RemoteProtocolError, TimedOut)):
            self.remote = self.remote or error
        else:
            self.local = self.local or error


def _recipient(result: Result) -> RecipientOutcome:
    reply = result.reply
    enhanced = None if reply is None or reply.enhanced is None else str(reply.enhanced)
    return RecipientOutcome(_STATES.get(result.outcome, "failed"), None if reply is None else reply.code, enhanced)


def _command(verb: str, argument: str) -> Command:
    if verb.upper() in ("VRFY", "EXPN", "HELP"):
        return Inquiry(argument, verb.upper())
    if verb.upper() == "NOOP":
        return Noop(argument)
    raise SyntaxProblem("this host has no way to send that verb")


def _parameters(intent: ClientIntent) -> tuple[list[Pair], dict[str, list[Pair]]]:
    """The parameters of the intent, encoded by the library; for MAIL, and for each recipient."""
    dsn = intent.dsn
    mail: list[Pair] = [("REQUIRETLS", None)] if intent.requiretls else []
    if dsn.get("ret"):
        mail.append(RET(Ret[dsn["ret"].upper()]))
    if dsn.get("envid"):
        mail.append(ENVID(dsn["envid"]))
    mail += _pairs(intent.mail_params)
    recipients = {name: list(_pairs(intent.rcpt_params)) for name in intent.rcpt_to}
    for name, wanted in dsn.get("rcpt", {}).items():
        if wanted.get("notify"):
            recipients[name].append(NOTIFY(frozenset(Notify[word.upper()] for word in wanted["notify"])))
        if wanted.get("orcpt"):
            recipients[name].append(ORCPT(OriginalRecipient(wanted["orcpt"])))
    return mail, {name: pairs for name, pairs in recipients.items() if pairs}


def _pairs(given: Mapping[str, str | None]) -> Iterator[Pair]:
    for keyword, value in given.items():
        if keyword.upper() == "AUTH" and value is not None:
            yield AUTH_PARAMETER(ReversePath.of(value))
        elif keyword.upper() == "ENVID" and value is not None:
            yield ENVID(value)
        elif keyword.upper() == "ORCPT" and value is not None:
            kind, _, address = value.partition(";")
            yield ORCPT(OriginalRecipient(address, kind))
        else:
            yield keyword, value
