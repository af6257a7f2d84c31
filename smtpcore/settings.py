"""What a server is set up with: checked and compiled once, shared by its connections."""

from __future__ import annotations

from typing import Final, Iterable

from smtpcore import replies
from smtpcore.addresses import AddressLiteral, Domain
from smtpcore.commands import Language
from smtpcore.content import NewlinePolicy
from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.extensions.base import Extension
from smtpcore.extensions.known import SERVER_EXTENSIONS
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.limits import Limits
from smtpcore.lines import LineLimits
from smtpcore.replies import Reply
from smtpcore.session import Session
from smtpcore.timeouts import Timeouts

#: Verbs of RFC 5321 4.1.1.6-8, which the library answers itself unless the application asks for them.
INQUIRIES: Final = frozenset(("VRFY", "EXPN", "HELP"))

_KEPT_HELLOS: Final = 64


class ServerSettings:
    """Everything about a server that does not change during a connection.

    Give it to `ServerConnection` instead of the single arguments to save building it for each connection.
    """

    __slots__ = (
        "_hellos",
        "ask",
        "closing",
        "dialogue_limits",
        "early_talk",
        "extensions",
        "foreign",
        "greeting",
        "help",
        "hostname",
        "language",
        "limits",
        "line_limits",
        "listed",
        "lmtp",
        "message_limit",
        "newlines",
        "rcpt_window",
        "recipient_limit",
        "timeouts",
        "usual",
    )

    def __init__(
        self,
        hostname: str,
        *,
        extensions: ExtensionSet | Iterable[Extension] | None = None,
        limits: Limits | None = None,
        leniency: Leniency = DEFAULT,
        timeouts: Timeouts | None = None,
        newlines: NewlinePolicy = NewlinePolicy.REJECT,
        rcpt_window: int = 1,
        ask: Iterable[str] = (),
        lmtp: bool = False,
        greeting: str = "ESMTP ready",
        early_talk: bool = False,
        foreign: bool = False,
        strict_replies: bool = False,
    ) -> None:
        """Raises `LocalProtocolError` or `SyntaxProblem` for what cannot work.  See `ServerConnection`.

        `greeting` is the text behind the name; `early_talk` lets a client speak before it; `foreign` gives what is
        clearly another protocol its 500 instead of 421; `strict_replies` holds the replies that the application gives
        to the codes that are listed for the command.
        """
        _check_hostname(hostname)
        self.limits = limits or Limits()
        extensions = _fitted(SERVER_EXTENSIONS if extensions is None else extensions, self.limits)
        if rcpt_window < 1:
            raise LocalProtocolError("rcpt_window is the number of recipients that may be deferred: 1 or more")
        if lmtp and not (extensions.pipelining and extensions.enhanced_codes):
            raise LocalProtocolError("LMTP must offer PIPELINING and ENHANCEDSTATUSCODES (RFC 2033 5)")
        self.ask = frozenset(verb.upper() for verb in ask)
        if not self.ask <= INQUIRIES:
            raise LocalProtocolError("ask names VRFY, EXPN or HELP")
        self.hostname = hostname
        self.extensions = extensions
        self.timeouts = timeouts or Timeouts()
        self.newlines = newlines
        self.rcpt_window = rcpt_window
        self.lmtp = lmtp
        self.early_talk = early_talk
        self.foreign = foreign
        self.language: Language = extensions.language(lmtp=lmtp, leniency=leniency)
        self.line_limits = self._line_limits()
        #: Lines that belong to a command, as the responses of AUTH (RFC 4954 4: 12,288 octets suffice).
        longest = max((verb.line_limit or 0 for verb in extensions.verbs.values()), default=0)
        self.dialogue_limits = LineLimits(max(longest, self.line_limits.base), endless=self.limits.endless_line)
        self.message_limit = _smaller(self.limits.message, extensions.message_limit)
        self.recipient_limit = _smaller(self.limits.recipients, extensions.recipient_limit)
        #: Reply codes of each command, `None` when any will do.
        self.listed = extensions.listed_codes() if strict_replies else None
        self.greeting = replies.greeting(hostname, greeting.replace("ESMTP", "LMTP") if lmtp else greeting)
        self.closing = replies.closing(hostname)
        self.help = replies.help_text(self._help())
        self.usual = Usual(self)
        self._hellos: dict[tuple[str, tuple[str, ...]], Reply] = {}  # what few sets of offers there are, kept as wire

    def _line_limits(self) -> LineLimits:
        special = {
            verb.name.encode("ascii"): verb.line_limit
            for verb in self.extensions.verbs.values()
            if verb.line_limit is not None
        }
        base = self.limits.command_line
        if base is None:
            base = 512
            special[b"MAIL"] = base + self.extensions.increments("MAIL")
            special[b"RCPT"] = base + self.extensions.increments("RCPT")
        else:
            # Whatever is set, what was offered must fit (RFC 5321 4.5.3.1.4).
            special[b"MAIL"] = max(base, 512 + self.extensions.increments("MAIL"))
            special[b"RCPT"] = max(base, 512 + self.extensions.increments("RCPT"))
        return LineLimits(base, special, endless=self.limits.endless_line)

    def _help(self) -> list[str]:
        verbs = sorted(verb.decode("ascii") for verb in self.language.verbs)
        if "EXPN" not in self.ask:
            verbs.remove("EXPN")
        return ["Commands:", *(" ".join(verbs[start : start + 8]) for start in range(0, len(verbs), 8))]

    def named(self, reply: Reply) -> Reply:
        """The reply, and when it is a 421 or 220 with this server's name in front, which clients read by machine
        (RFC 5321 4.2)."""
        if reply.code not in (220, 421) or reply.lines[0].startswith(self.hostname):
            return reply
        return Reply(reply.code, (f"{self.hostname} {reply.lines[0]}", *reply.lines[1:]), reply.enhanced)

    def hello_reply(self, hello: str, session: Session) -> Reply:
        """250 to EHLO or LHLO with what is offered now, one line to HELO (RFC 5321 4.1.1.1)."""
        offered = () if hello == "HELO" else self.extensions.offer(session)
        reply = self._hellos.get((hello, offered))
        if reply is None:
            # RFC 5321 4.1.1.1: every verb beyond the nine of 4.5.1 that is supported is listed.
            listed = [*offered, *(["EXPN"] if "EXPN" in self.ask else []), "HELP"]
            reply = replies.hello_ok(self.hostname, keywords=[] if hello == "HELO" else listed)
            if len(self._hellos) < _KEPT_HELLOS:
                self._hellos[hello, offered] = reply
        return reply


class Usual:
    """The replies of every session that goes well, as octets."""

    __slots__ = ("closing", "greeting", "message", "recipient", "sender", "text")

    def __init__(self, settings: ServerSettings) -> None:
        enhanced = settings.extensions.enhanced_codes
        self.greeting = settings.greeting.to_bytes(enhanced=False)
        self.closing = settings.closing.to_bytes(enhanced=enhanced)
        self.sender = replies.SENDER_OK.to_bytes(enhanced=enhanced)
        self.recipient = replies.RECIPIENT_OK.to_bytes(enhanced=enhanced)
        self.text = replies.START_MAIL_INPUT.to_bytes(enhanced=enhanced)
        self.message = replies.MESSAGE_ACCEPTED.to_bytes(enhanced=enhanced)


def _fitted(extensions: ExtensionSet | Iterable[Extension], limits: Limits) -> ExtensionSet:
    """The extensions as a server with these limits offers them."""
    members = tuple(extensions)
    fitted = tuple(extension.fitted(limits) for extension in members)
    if isinstance(extensions, ExtensionSet) and fitted == members:
        return extensions
    return ExtensionSet(fitted)


def _smaller(first: int | None, second: int | None) -> int | None:
    return min((value for value in (first, second) if value), default=None)


def _check_hostname(hostname: str) -> None:
    try:
        if hostname.startswith("["):
            AddressLiteral(hostname)
        elif not Domain(hostname).is_ascii:
            raise SyntaxProblem("not ASCII")
    except SyntaxProblem as problem:
        raise LocalProtocolError(
            f"the server's name must be a domain or an address literal such as [192.0.2.1]: {problem}"
        ) from None
