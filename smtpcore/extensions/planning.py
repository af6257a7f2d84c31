"""Planning one message for one server: what has to be said in MAIL and RCPT, and whether the server can carry it.

`MailPlan` is what `Extension.plan` works on.  All needs of the message are known and compared with what the server
offers before one octet is sent (X-MIX-06); a need that is not met is a `MissingExtension`.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Iterable, Mapping, Sequence, TypeVar

from smtpcore.addresses import ForwardPath, Mailbox, ReversePath
from smtpcore.commands import Mail, Rcpt
from smtpcore.errors import SMTPError, SyntaxProblem
from smtpcore.extensions.base import Extension, When
from smtpcore.extensions.eightbitmime import BODY, BodyType
from smtpcore.parameters import Parameter, Parameters

if TYPE_CHECKING:
    from smtpcore.extensions.registry import ExtensionSet

T = TypeVar("T")

#: Parameters that are left out where their extension is not offered: the message arrives all the same, and the report
#: names them (for DSN RFC 3461 5.2.2 says so).  A message with any other parameter is not sent there.
OPTIONAL: Final = frozenset(("RET", "ENVID", "NOTIFY", "ORCPT", "AUTH", "SIZE"))


class MissingExtension(SMTPError):
    """The server cannot carry the message; nothing was sent.

    `kind` is one word for programs, as `"8bitmime-unavailable"` or `"size-exceeded"`.  Another server of the
    recipient's domain may do better; else the failure is permanent (RFC 5321 2.2.3, RFC 6152 3).
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.kind, self.text)


class MailPlan:
    """One message and one server, while the extensions look at them.

    `size` is in octets, `None` when not known.  `eight_bit`: octets above 127 in the content; `binary`: content
    without lines; `utf8`: an address, a parameter or a header that is not ASCII (RFC 6531 3.4).
    """

    __slots__ = (
        "_capabilities",
        "_given",
        "binary",
        "dropped",
        "eight_bit",
        "mail_params",
        "path",
        "rcpts",
        "size",
        "tls_verified",
        "utf8",
    )

    def __init__(
        self,
        capabilities: Mapping[str, tuple[str, ...]],
        mail: Mail,
        rcpts: Sequence[Rcpt],
        *,
        size: int | None = None,
        eight_bit: bool | None = None,
        binary: bool = False,
        utf8: bool = False,
        tls_verified: bool = False,
    ) -> None:
        params = mail.params
        self._capabilities = capabilities
        self._given = [("MAIL", params)] if params.pairs else []
        plain = not _needs_utf8(mail.path)
        for rcpt in rcpts:
            plain = plain and not _needs_utf8(rcpt.path)
            if rcpt.params.pairs:
                self._given.append(("RCPT", rcpt.params))
        self.path = mail.path
        self.rcpts = list(rcpts)
        #: The parameters of MAIL so far.
        self.mail_params = params
        self.size = size
        self.tls_verified = tls_verified
        #: Keywords of parameters that were left out because the server does not offer them.
        self.dropped: tuple[str, ...] = ()
        self.binary = binary
        # Not known beforehand: say what is true of any text, where the server allows that.
        self.eight_bit = "8BITMIME" in capabilities if eight_bit is None else eight_bit
        if params.pairs:
            self._take_body(params, eight_bit is None)
        self.utf8 = utf8
        if not utf8 and (self._given or not plain):
            self.utf8 = "SMTPUTF8" in params or self._not_ascii(plain)

    def _take_body(self, params: Parameters, unknown: bool) -> None:
        """What the caller says of the content; `unknown`: there was no look at it."""
        body = BODY.get(params)
        self.binary = self.binary or body is BodyType.BINARY_MIME
        self.eight_bit = self.eight_bit or (unknown and body is BodyType.EIGHT_BIT_MIME)
        if body is not None and (
            body is not BodyType.SEVEN_BIT or self.eight_bit or "8BITMIME" not in self._capabilities
        ):
            self._drop("BODY")  # the extensions say it again, as it is needed

    def _not_ascii(self, plain: bool) -> bool:
        """Whether a command line cannot be written in ASCII, not even with A-labels in the domains (RFC 6531 3.2).

        `plain`: the paths are ASCII as they are.
        """
        if not all(str(params).isascii() for _, params in self._given):
            return True
        if plain:
            return False
        if "SMTPUTF8" in self._capabilities:
            return True
        self.path = self.path.with_ascii_domain()
        self.rcpts = [Rcpt(rcpt.path.with_ascii_domain(), rcpt.params) for rcpt in self.rcpts]
        return _needs_utf8(self.path) or any(_needs_utf8(rcpt.path) for rcpt in self.rcpts)

    def offered(self, keyword: str) -> tuple[str, ...] | None:
        """The parameters of a keyword in the reply to EHLO, `None` when it is not offered."""
        return self._capabilities.get(keyword)

    def value(self, parameter: Parameter[T]) -> T | None:
        """The typed value of a parameter of MAIL, `None` when it is not there or not in the grammar of its keyword."""
        try:
            return parameter.get(self.mail_params)
        except SyntaxProblem:
            return None

    def add(self, pair: tuple[str, str | None]) -> None:
        """Add a parameter to MAIL, unless the caller gave one with this keyword."""
        pairs = self.mail_params.pairs
        if not pairs or pair[0] not in self.mail_params:
            self.mail_params = Parameters._make((*pairs, pair))

    def add_rcpt(self, index: int, pair: tuple[str, str | None]) -> None:
        """Add a parameter to one RCPT, unless the caller gave one with this keyword."""
        rcpt = self.rcpts[index]
        if pair[0] not in rcpt.params:
            self.rcpts[index] = Rcpt(rcpt.path, Parameters._make((*rcpt.params.pairs, pair)))

    def drop(self, keyword: str) -> None:
        """Leave a parameter out of MAIL and all RCPT; the report will name it."""
        self._drop(keyword)
        self.rcpts = [
            Rcpt(rcpt.path, _without(rcpt.params, keyword)) if keyword in rcpt.params else rcpt for rcpt in self.rcpts
        ]
        self.dropped = (*self.dropped, keyword.upper())

    def _drop(self, keyword: str) -> None:
        if keyword in self.mail_params:
            self.mail_params = _without(self.mail_params, keyword)

    def refuse(self, kind: str, text: str) -> None:
        """The server cannot carry the message: raises `MissingExtension`."""
        raise MissingExtension(kind, text)

    def finish(self, extensions: ExtensionSet, looking: Planners | None = None, *, extra: bool = False) -> None:
        """Let every extension look, then settle the parameters that the server does not offer.

        `looking` is `planners(extensions)`, when that is known.  `extra`: parameters that no known extension declares
        pass all the same.  Raises `MissingExtension`.
        """
        plain = not (self.eight_bit or self.binary or self.utf8)
        for extension in (looking or planners(extensions))[bool(self._given), plain]:
            extension.plan(self)
        if self._given:
            self._settle(extensions, extra)

    def _settle(self, extensions: ExtensionSet, extra: bool) -> None:
        """Leave out, or refuse to send without, what the caller wants and the server does not offer."""
        missing: dict[str, str] = {}
        for place, params in self._given:  # what the extensions added is offered
            for keyword, _ in params.pairs:
                if keyword.upper() == "BODY" or keyword.upper() in self.dropped:
                    continue  # what BODY says was looked at in the beginning
                owners = extensions.owners(place, keyword)
                names = [owner.keyword for owner in owners] or ([] if extra else [keyword.upper()])
                if names and not any(name in self._capabilities for name in names):
                    missing[keyword.upper()] = names[0]
        for keyword, name in missing.items():
            if keyword in OPTIONAL:
                self.drop(keyword)
            else:
                self.refuse(f"{name.lower()}-unavailable", f"the message wants {keyword}, the server has no {name}")

    @property
    def mail(self) -> Mail:
        """The MAIL command of the plan."""
        mail: Mail = Mail._make(self.path, self.mail_params)
        return mail


#: The extensions that have something to say of a message, by whether its commands were given parameters, and whether
#: all of it is ASCII text.
Planners = Mapping[tuple[bool, bool], tuple[Extension, ...]]


def planners(extensions: Iterable[Extension]) -> Planners:
    """Which of these extensions look at which kind of message (`Extension.plans`)."""
    looking = [extension for extension in extensions if extension.__class__.plan is not Extension.plan]
    found: dict[tuple[bool, bool], tuple[Extension, ...]] = {}
    for given, plain in ((False, False), (False, True), (True, False), (True, True)):
        idle = {When.ALWAYS: False, When.PARAMETERS: not given, When.NON_ASCII: plain}
        found[given, plain] = tuple([extension for extension in looking if not idle[_when(type(extension))]])
    return found


def _when(kind: type[Extension]) -> When:
    """When the `plan` of an extension is asked: what its own class says, not one that it derives from."""
    says = next(vars(base) for base in kind.__mro__ if "plan" in vars(base) or "plans" in vars(base))
    when: When = says.get("plans", When.ALWAYS)
    return when


def _needs_utf8(path: ReversePath | ForwardPath) -> bool:
    """`path.needs_utf8`, with less work for a mailbox."""
    mailbox = path.mailbox
    if type(mailbox) is Mailbox:
        return not (mailbox.local_part.isascii() and mailbox.domain.text.isascii())
    return path.needs_utf8


def _without(params: Parameters, keyword: str) -> Parameters:
    return Parameters(tuple(pair for pair in params.pairs if pair[0].upper() != keyword.upper()))


def announces_eight_bit(mail: Mail) -> bool:
    """Whether a MAIL says that octets above 127 follow (RFC 6152 3)."""
    if not mail.params.pairs:
        return False
    try:
        return BODY.get(mail.params) in (BodyType.EIGHT_BIT_MIME, BodyType.BINARY_MIME)
    except SyntaxProblem:
        return False


def header_needs_utf8(body: bytes) -> bool:
    """Whether the header section of a message holds UTF-8, which only SMTPUTF8 allows (RFC 6532 3, RFC 6531 3.4).

    Octets above 127 that are not UTF-8 are no internationalised header, and text that does not begin with a header
    field has none.
    """
    end = body.find(b"\r\n\r\n")
    header = body if end < 0 else body[:end]
    name, colon, _ = header[:1000].partition(b":")
    if header.isascii() or not colon or not name.isascii() or b" " in name or b"\r" in name:
        return False
    try:
        header.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
