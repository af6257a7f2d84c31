"""smtpcore's `ServerConnection` and a small host program, as the engine of both kinds of server vectors."""

from __future__ import annotations

from collections.abc import Mapping

from smtpcore import replies
from smtpcore.commands import Command, Data, EndOfMessage, Inquiry, Mail, Rcpt
from smtpcore.content import NewlinePolicy
from smtpcore.events import Body, Connect, Query, Refused, ServerEvent, Step, TransactionAborted
from smtpcore.extensions.auth import Authenticate, AuthExtension
from smtpcore.extensions.base import Extension
from smtpcore.extensions.size import Size
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.limits import Limits
from smtpcore.replies import Reply
from smtpcore.sasl.credentials import Credentials, PasswordCredentials, SecretNeeded
from smtpcore.sasl.factory import ServerSettings, server_mechanism
from smtpcore.server import ServerConnection
from tests.vectors.adapters.plain import address_text, decoded, known_extensions
from tests.vectors.cases import UnknownFormat
from tests.vectors.judges.server import Answer, Delivered, ServerRecord, ServerSetup
from tests.vectors.judges.wire import split_address

_NEWLINES = {"reject": NewlinePolicy.REJECT, "keep": NewlinePolicy.KEEP}


def extensions_of(setup: ServerSetup) -> list[Extension]:
    """What the setup wants offered; raises `UnknownFormat` for a keyword that the package does not have."""
    wanted = set(setup.extensions)
    if setup.lmtp:
        wanted |= {"PIPELINING", "ENHANCEDSTATUSCODES"}  # RFC 2033 5: LMTP has them always
    known = known_extensions()
    missing = sorted(wanted - known.keys())
    if missing:
        raise UnknownFormat(f"no extension yet for {', '.join(missing)}")
    special: dict[str, Extension] = {
        "SIZE": Size(setup.max_size),
        "STARTTLS": StartTlsExtension(required=setup.require_tls),
        "AUTH": AuthExtension(
            mechanisms=setup.mechanisms,
            required=setup.require_auth,
            clear_text=not setup.auth_requires_tls,
            make=lambda name: server_mechanism(name, _sasl_settings(setup)),
        ),
    }
    return [special.get(keyword, known[keyword]) for keyword in sorted(wanted)]


def _sasl_settings(setup: ServerSetup) -> ServerSettings:
    challenge = setup.cram_challenge or f"<1.2@{setup.hostname}>"
    return ServerSettings(nonce=b"bm9uY2U", challenge=challenge.encode("ascii"), decoy_secret=b"decoy")


def _limits(setup: ServerSetup) -> Limits:
    given = {
        "message": setup.max_size or None,
        "recipients": setup.max_recipients,
        "errors": setup.max_errors,
        "text_line": setup.max_line,
    }
    return Limits(**{name: value for name, value in given.items() if value is not None})


def reply_of(answer: Answer) -> Reply:
    code, enhanced, text = answer
    return Reply(code, text, enhanced)


class Host:
    """The application: accepts everything but what the policy of the setup says, and keeps what it is given."""

    def __init__(self, setup: ServerSetup) -> None:
        self.setup = setup
        self.record = ServerRecord()
        extensions = extensions_of(setup)
        self.connection = ServerConnection(
            setup.hostname,
            extensions=extensions,
            limits=_limits(setup),
            newlines=_NEWLINES[setup.bare_newlines],
            ask=["VRFY", "EXPN"] if setup.policy.get("vrfy") or setup.policy.get("expn") else (),
            lmtp=setup.lmtp,
            tls=setup.tls == "implicit",
        )
        self.declared = {
            place: {each.keyword: each for member in extensions for each in member.parameters if each.place == place}
            for place in ("MAIL", "RCPT")
        }
        self.output = b""
        self.greeted = False
        self.waiting: Mail | None = None
        self.mail: Mail | None = None
        self.recipients: list[Rcpt] = []
        self.body: list[bytes] = []

    # -- the engine -------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self.connection.next_step is Step.CLOSE

    @property
    def wants_tls(self) -> bool:
        return self.connection.next_step is Step.START_TLS

    @property
    def held(self) -> int:
        return self.connection.held + len(self.output)

    def greet(self) -> None:
        self.greeted = True
        self.pump()

    def feed(self, data: bytes) -> None:
        self.connection.receive_data(data)
        if self.greeted:
            self.pump()

    def eof(self) -> None:
        self.connection.receive_eof()
        self.pump()

    def take(self) -> bytes:
        output, self.output = self.output, b""
        return output

    def tls(self, ok: bool) -> None:
        if not ok:
            self.connection.tls_failed()
        else:
            self.connection.tls_started()
            self.record.executed.append("TLS")
        self.pump()

    def shut_down(self) -> None:
        self.connection.shut_down()
        self.pump()

    def step_done(self) -> None:
        mail, self.waiting = self.waiting, None
        if mail is not None:
            self.answer(mail)
            self.pump()

    def pump(self) -> None:
        """The loop of a transport: pull, send; reading is `feed`."""
        while self.waiting is None:
            for event in self.connection.events():
                self.handle(event)
                if self.waiting is not None:
                    break
            self.output += self.connection.data_to_send()
            self.record.authenticated = self.connection.session.identity is not None
            if self.connection.next_step is not Step.CONTINUE:
                return

    # -- the application --------------------------------------------------------------------------------------------

    def handle(self, event: ServerEvent) -> None:
        match event:
            case Body(data):
                self.body.append(data)
            case TransactionAborted():
                self.forget()
            case Refused():
                pass
            case Mail() if self.setup.delay_mail:
                self.waiting = event
            case Connect() | Query() | Command() if self.connection.question is event:
                self.answer(event)
            case Command():
                self.record.executed.append(event.verb)
            case _:
                pass

    def answer(self, question: Connect | Query | Command) -> None:
        if isinstance(question, Authenticate):
            self.authenticate(question)
            return
        reply = self.decide(question)
        if reply is not None and reply.is_negative:
            self.connection.reject(question, reply)
            if isinstance(question, EndOfMessage):
                self.forget()
            return
        if isinstance(question, EndOfMessage):
            self.deliver(question)
            return
        self.connection.accept(question, reply)
        if isinstance(question, Command):
            self.record.executed.append(question.verb)
        if isinstance(question, (Mail, Rcpt)):
            self.note(question)

    def authenticate(self, question: Authenticate) -> None:
        """Looks the user up; the policy may have an answer of its own for a name."""
        credentials = question.credentials
        name = credentials.authentication_id
        self.record.values += [name, credentials.authorization_id]
        answer = self.setup.policy.get("auth", {}).get(name)
        if answer is not None and reply_of(answer).is_negative:
            self.connection.reject(question, reply_of(answer))
        elif isinstance(credentials, SecretNeeded):
            self.connection.provide(question, self.setup.accounts.get(name))
        elif self.knows(credentials):
            self.connection.accept(question)
        else:
            self.connection.reject(question, replies.AUTH_FAILED)

    def knows(self, credentials: Credentials) -> bool:
        if isinstance(credentials, PasswordCredentials):
            return self.setup.accounts.get(credentials.authentication_id) == credentials.password
        return False  # nobody may act for somebody else here, and there are no tokens

    def decide(self, question: Connect | Query | Command) -> Reply | None:
        """What the policy says: a reply, or `None` for the usual one."""
        policy = self.setup.policy
        match question:
            case Connect():
                return self.chosen(policy.get("connect"))
            case Mail(path=path):
                return self.by_address(policy.get("mail", {}), address_text(path))
            case Rcpt(path=path):
                return self.by_address(policy.get("rcpt", {}), address_text(path))
            case Data():
                return self.chosen(policy.get("data_start"))
            case EndOfMessage():
                if self.setup.max_received is not None and self.hops() > self.setup.max_received:
                    return Reply(554, "Too many hops", "5.4.6")
                return self.chosen(policy.get("data"))
            case Inquiry(text=text, about=about):
                return self.chosen(policy.get(about.lower(), {}).get(text)) or replies.CANNOT_VERIFY
            case _:
                return None

    def chosen(self, answer: Answer | None) -> Reply | None:
        return None if answer is None else reply_of(answer)

    def by_address(self, table: Mapping[str, Answer], address: str) -> Reply | None:
        wanted = split_address(address)
        return next((reply_of(answer) for name, answer in table.items() if split_address(name) == wanted), None)

    def note(self, command: Mail | Rcpt) -> None:
        """What the host was given with an accepted MAIL or RCPT."""
        text = address_text(command.path)
        wire = str(command.path)[1:-1]
        if isinstance(command, Mail):
            self.forget()
            self.mail = command
            self.record.mails.append(wire)
        else:
            self.recipients.append(command)
            self.record.recipients.append(wire)
        values = decoded(command.params, self.declared[command.verb])
        self.record.values += [text, *(str(value) for value in values.values())]

    def deliver(self, question: EndOfMessage) -> None:
        assert self.mail is not None
        per_recipient = self.setup.policy.get("data_per_rcpt", {})
        answers = [
            self.by_address(per_recipient, address_text(recipient.path)) or replies.MESSAGE_ACCEPTED
            for recipient in self.recipients
        ]
        taken = [
            recipient
            for recipient, reply in zip(self.recipients, answers, strict=True)
            if not (self.setup.lmtp and reply.is_negative)
        ]
        if self.setup.lmtp:
            self.connection.reply_each(question, answers)
        else:
            self.connection.accept(question)
        self.record.executed.append(question.verb)
        if taken:
            self.record.delivered.append(
                Delivered(
                    address_text(self.mail.path),
                    [address_text(recipient.path) for recipient in taken],
                    b"".join(self.body),
                    decoded(self.mail.params, self.declared["MAIL"]),
                    [decoded(recipient.params, self.declared["RCPT"]) for recipient in taken],
                )
            )
        self.forget()

    def hops(self) -> int:
        """Received fields at the top of the message (RFC 5321 6.3)."""
        header = b"".join(self.body).partition(b"\r\n\r\n")[0]
        return sum(line.lower().startswith(b"received:") for line in header.split(b"\r\n"))

    def forget(self) -> None:
        self.mail, self.recipients, self.body = None, [], []
