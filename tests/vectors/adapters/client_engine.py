"""smtpcore's `ClientConnection` and `Delivery` as the engine of both kinds of client vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Inquiry, Mail, Noop, Rcpt
from smtpcore.delivery import Delivery, Login, Message
from smtpcore.errors import LocalProtocolError, RemoteProtocolError, SMTPError, SyntaxProblem, TimedOut
from smtpcore.events import Closed, SendBody, Step
from smtpcore.extensions.auth import AUTH_PARAMETER
from smtpcore.extensions.dsn import ENVID, NOTIFY, ORCPT, RET, Notify, OriginalRecipient, Ret
from smtpcore.extensions.planning import MailPlan, MissingExtension
from smtpcore.parameters import Parameters
from smtpcore.report import Outcome, Result
from smtpcore.sasl.credentials import ClientCredentials
from tests.vectors.judges.client import ClientIntent, ClientOutcome, RecipientOutcome

_STATES = {Outcome.DELIVERED: "sent", Outcome.UNKNOWN: "unknown"}
Pair = tuple[str, str | None]


class Sender:
    """The application: gives `Delivery` its orders, moves octets, and writes down what went wrong."""

    def __init__(self, intent: ClientIntent) -> None:
        self.intent = intent
        self.connection: ClientConnection | None = None
        self.delivery: Delivery | None = None
        #: What this side refused, and what the peer or the connection did wrong.
        self.local: SMTPError | None = None
        self.remote: SMTPError | None = None
        self.texts: list[str] = []
        try:
            self.connection = ClientConnection(
                intent.helo,
                lmtp=intent.lmtp,
                tls=intent.tls == "implicit",
                tls_verified=intent.tls == "implicit",
                pipelining=intent.pipelining is not False,
            )
            self.delivery = Delivery(
                self.connection,
                [_message(intent)] * intent.transactions,
                tls="none" if intent.tls == "implicit" else intent.tls,
                login=_login(intent),
                commands=[_command(verb, argument) for verb, argument in intent.extra],
                chunking=intent.chunking,
                chunk_size=intent.chunk_size,
            )
        except (LocalProtocolError, SyntaxProblem) as error:
            self.note(error)
            if self.connection is not None:
                self.connection.abort(error)

    # -- the engine -------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self.connection is None or self.connection.next_step is Step.CLOSE

    @property
    def wants_tls(self) -> bool:
        return self.connection is not None and self.connection.next_step is Step.START_TLS

    @property
    def held(self) -> int:
        return 0 if self.connection is None else self.connection.held

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
            if isinstance(event, Closed) and event.error is not None:
                self.note(event.error)
            if self.delivery is not None:
                self.delivery.handle(event)
            if isinstance(event, SendBody) and len(self.intent.body) > 1:
                self.stream(self.connection)

    def stream(self, connection: ClientConnection) -> None:
        """The text piece by piece; a piece that must not be sent ends the connection, as nothing else can."""
        try:
            for piece in self.intent.body:
                connection.send_body(piece)
            connection.end_body()
        except LocalProtocolError as error:
            self.note(error)
            connection.abort(error)

    # -- the outcome ---------------------------------------------------------------------------------------------------

    def outcome(self) -> ClientOutcome:
        found = ClientOutcome(texts=self.texts)
        if self.delivery is None:
            found.error, found.permanent = "invalid-argument", True
        else:
            report = self.delivery.reports[-1]
            found.texts += [repr(self.connection), repr(self.delivery), repr(report)]
            found.error, found.permanent = report.error or None, report.permanent
            found.code = None if report.reply is None else report.reply.code
            found.recipients = dict(zip(self.intent.rcpt_to, map(_recipient, report.results), strict=True))
            if report.exception is not None:
                self.note(report.exception)
            elif report.error.endswith("-unavailable"):
                self.note(SMTPError(report.error))
        found.fault = "local" if self.local is not None else "remote" if self.remote is not None else None
        return found

    def note(self, error: SMTPError) -> None:
        self.texts += [str(error), repr(error)]
        if isinstance(error, (RemoteProtocolError, TimedOut)):
            self.remote = self.remote or error
        else:
            self.local = self.local or error


def _message(intent: ClientIntent) -> Message:
    """The message with its parameters; a text in several pieces is streamed."""
    mail_params, rcpt_params = _parameters(intent)
    return Message(
        intent.mail_from,
        tuple(Rcpt(ForwardPath.of(name), Parameters(tuple(rcpt_params.get(name, ())))) for name in intent.rcpt_to),
        body=intent.body[0] if len(intent.body) == 1 else None,
        size=sum(map(len, intent.body)),
        eight_bit=not all(piece.isascii() for piece in intent.body),
        binary=intent.binary,
        params=Parameters(tuple(mail_params)),
    )


def _login(intent: ClientIntent) -> Login | None:
    if intent.auth is None:
        return None
    user, password = intent.auth
    return Login(
        ClientCredentials(user, password),
        mechanisms=None if intent.mechanisms is None else tuple(name.upper() for name in intent.mechanisms),
        nonce=b"bm9uY2U",
        clear_text=intent.allow_plaintext_auth,
        initial_response=intent.initial_response,
    )


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
