"""Planning one message for one server: what has to be said in MAIL and RCPT, and whether the server can carry it.

`MailPlan` is what `Extension.plan` works on.  All needs of the message are known and compared with what the server
offers before one octet is sent (X-MIX-06); a need that is not met is a `MissingExtension`.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Iterable, Mapping, Sequence, TypeVar

from smtpcore.commands import Mail, Rcpt
from smtpcore.errors import SMTPError, SyntaxProblem
from smtpcore.extensions.eightbitmime import BODY, BodyType
from smtpcore.parameters import Parameter, Parameters

if TYPE_CHECKING:
    from smtpcore.extensions.base import Extension
    from smtpcore.extensions.registry import ExtensionSet

T = TypeVar("T")

#: Parameters that are left out where their extension is not offered: the message arrives all the same, and the report
#: names them (for DSN RFC 3461 5.2.2 says so).  A message with any other parameter is not sent there.
OPTIONAL: Final = frozenset(("RET", "ENVID", "NOTIFY", "ORCPT", "AUTH", "SIZE"))

#: Parameters whose extensions judge them themselves.
_JUDGED: Final = frozenset(("BODY", "SMTPUTF8"))


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
        self._capabilities = capabilities
        self._given = [("MAIL", mail.params)] if mail.params else []
        self._given += [("RCPT", rcpt.params) for rcpt in rcpts if rcpt.params]
        self.path = mail.path
        self.rcpts = list(rcpts)
        #: The parameters of MAIL so far.
        self.mail_params = mail.params
        self.size = size
        self.tls_verified = tls_verified
        #: Keywords of parameters that were left out because the server does not offer them.
        self.dropped: tuple[str, ...] = ()
        body = BODY.get(mail.params)
        self.binary = binary or body is BodyType.BINARY_MIME
        # Not known beforehand: say what is true of any text, where the server allows that.
        unknown = body is BodyType.EIGHT_BIT_MIME or "8BITMIME" in capabilities
        self.eight_bit = unknown if eight_bit is None else eight_bit
        if body is not None and (body is not BodyType.SEVEN_BIT or self.eight_bit or "8BITMIME" not in capabilities):
            self._drop("BODY")  # the extensions say it again, as it is needed
        self.utf8 = utf8 or "SMTPUTF8" in self.mail_params or self._not_ascii()

    def _not_ascii(self) -> bool:
        """Whether a command line cannot be written in ASCII, not even with A-labels in the domains (RFC 6531 3.2)."""
        if self._given and not all(str(params).isascii() for _, params in self._given):
            return True
        if not self._paths_need_utf8():
            return False
        if "SMTPUTF8" in self._capabilities:
            return True
        self.path = self.path.with_ascii_domain()
        self.rcpts = [Rcpt(rcpt.path.with_ascii_domain(), rcpt.params) for rcpt in self.rcpts]
        return self._paths_need_utf8()

    def _paths_need_utf8(self) -> bool:
        for rcpt in self.rcpts:
            if rcpt.path.needs_utf8:
                return True
        return self.path.needs_utf8

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
        if not self.mail_params or pair[0] not in self.mail_params:
            self.mail_params = Parameters._make((*self.mail_params.pairs, pair))

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

    def finish(
        self, extensions: ExtensionSet, planners: Iterable[Extension] | None = None, *, extra: bool = False
    ) -> None:
        """Let every extension look, then settle the parameters that the server does not offer.

        `planners` are those of the extensions that have something to say, when that is known.  `extra`: parameters
        that no known extension declares pass all the same.  Raises `MissingExtension`.
        """
        for extension in extensions if planners is None else planners:
            extension.plan(self)
        missing: dict[str, str] = {}
        for place, params in self._given:  # what the extensions added is offered
            for keyword, _ in params.pairs:
                if keyword.upper() in _JUDGED or keyword.upper() in self.dropped:
                    continue
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
        return Mail(self.path, self.mail_params)


def _without(params: Parameters, keyword: str) -> Parameters:
    return Parameters(tuple(pair for pair in params.pairs if pair[0].upper() != keyword.upper()))


def announces_eight_bit(mail: Mail) -> bool:
    """Whether a MAIL says that octets above 127 follow (RFC 6152 3)."""
    if not mail.params:
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
    if body.isascii():
        return False
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
