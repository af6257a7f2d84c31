"""The named replies of this library, and all about replies under one name (RFC 5321 4.2.3).

Each text names its command or says what was wrong, and never repeats what the peer sent.  The enhanced codes are those
of RFC 5248 table 1, RFC 4954 6, RFC 6531 3 and 4, RFC 7504 and RFC 7505.  Replies to EHLO, HELO and LHLO and the
greeting have none (RFC 2034 4); the others have one and are sent without it where it is not wanted
(`Reply.to_bytes(enhanced=False)`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from smtpcore.enhanced import EnhancedCode
from smtpcore.errors import SyntaxProblem
from smtpcore.reply import CODES as CODES
from smtpcore.reply import MAX_LINE
from smtpcore.reply import Reply as Reply
from smtpcore.reply import ReplyError as ReplyError
from smtpcore.reply_reader import ReplyReader as ReplyReader
from smtpcore.reply_reader import mailbox_of_reply as mailbox_of_reply
from smtpcore.reply_reader import parse_reply as parse_reply

# -- 2yz and 3yz --------------------------------------------------------------------------------------------------

#: To RSET and NOOP (RFC 5321 4.1.1.5, 4.1.1.9).
OK: Final = Reply(250, "OK", "2.0.0")
#: To MAIL (RFC 5321 4.1.1.2).
SENDER_OK: Final = Reply(250, "Sender OK", "2.1.0")
#: To RCPT (RFC 5321 4.1.1.3).
RECIPIENT_OK: Final = Reply(250, "Recipient OK", "2.1.5")
#: To the end of the message (RFC 5321 4.1.1.4).
MESSAGE_ACCEPTED: Final = Reply(250, "Message accepted", "2.6.0")
#: To a BDAT that is not the last (RFC 3030 2).
CHUNK_OK: Final = Reply(250, "Chunk received", "2.0.0")
#: To VRFY, by a server that does not tell (RFC 5321 3.5.3, 7.3).
CANNOT_VERIFY: Final = Reply(252, "Cannot VRFY user, but will accept the message and attempt delivery", "2.5.0")
#: To DATA (RFC 5321 4.1.1.4).
START_MAIL_INPUT: Final = Reply(354, "Start mail input; end with <CRLF>.<CRLF>")
#: To AUTH (RFC 4954 6).
AUTHENTICATED: Final = Reply(235, "Authentication succeeded", "2.7.0")
#: To STARTTLS (RFC 3207 4).
READY_FOR_TLS: Final = Reply(220, "Ready to start TLS", "2.0.0")

# -- 4yz ----------------------------------------------------------------------------------------------------------

#: RFC 5321 4.2.3.
MAILBOX_BUSY: Final = Reply(450, "Mailbox unavailable now, try again later", "4.2.0")
#: RFC 5321 4.2.3.
LOCAL_ERROR: Final = Reply(451, "Local error in processing, try again later", "4.3.0")
#: RFC 5321 4.2.3.
INSUFFICIENT_STORAGE: Final = Reply(452, "Insufficient system storage, try again later", "4.3.1")
#: RFC 5321 4.5.3.1.10: 452, not 552.
TOO_MANY_RECIPIENTS: Final = Reply(452, "Too many recipients", "4.5.3")
#: RFC 4954 6.
AUTH_TEMPORARY: Final = Reply(454, "Temporary authentication failure", "4.7.0")
#: RFC 3207 4.
TLS_UNAVAILABLE: Final = Reply(454, "TLS not available now", "4.7.0")
#: RFC 5321 4.1.1.11.
PARAMETER_TEMPORARY: Final = Reply(455, "Unable to accommodate parameters now", "4.5.4")

# -- 5yz ----------------------------------------------------------------------------------------------------------

#: RFC 5321 4.2.4: 500 for a verb that is not known, 502 for one that is not offered.
COMMAND_UNRECOGNIZED: Final = Reply(500, "Command not recognized", "5.5.1")
#: RFC 5321 4.2.3.
SYNTAX_ERROR: Final = Reply(500, "Syntax error", "5.5.2")
#: RFC 5321 4.5.3.1.9.
LINE_TOO_LONG: Final = Reply(500, "Line too long", "5.5.2")
#: RFC 4954 4, 6.
AUTH_LINE_TOO_LONG: Final = Reply(500, "Authentication exchange line too long", "5.5.6")
#: To EHLO and HELO, so without enhanced code (RFC 5321 4.1.1.1, RFC 2034 4).
BAD_HELLO: Final = Reply(501, "Syntax error in the domain or address literal")
#: RFC 5321 4.3.2.
BAD_ARGUMENT: Final = Reply(501, "Syntax error in argument", "5.5.4")
#: To MAIL (RFC 3463 3.2).
BAD_SENDER: Final = Reply(501, "Syntax error in sender address", "5.1.7")
#: To RCPT (RFC 3463 3.2).
BAD_RECIPIENT: Final = Reply(501, "Syntax error in recipient address", "5.1.3")
#: To MAIL and RCPT: a known parameter with a value outside its grammar (RFC 5321 4.1.1.11).
BAD_PARAMETER: Final = Reply(501, "Syntax error in parameter", "5.5.4")
#: To DATA, RSET, QUIT and STARTTLS (RFC 5321 4.1.1.4, 4.1.1.5, 4.1.1.10, RFC 3207 4).
NO_ARGUMENT_ALLOWED: Final = Reply(501, "This command takes no argument", "5.5.4")
#: To MAIL and RCPT: the same keyword twice (RFC 5321 4.1.1.11).
DUPLICATE_PARAMETER: Final = Reply(501, "Parameter given twice", "5.5.4")
#: To `*` within an authentication exchange (RFC 4954 4).
AUTH_CANCELLED: Final = Reply(501, "Authentication cancelled", "5.7.0")
#: RFC 4954 4.
AUTH_BAD_BASE64: Final = Reply(501, "Not valid base64", "5.5.2")
#: To an initial response for a mechanism where the server speaks first (RFC 4954 4).
NO_INITIAL_RESPONSE: Final = Reply(501, "This mechanism takes no initial response", "5.7.0")
#: RFC 5321 4.2.4.
NOT_IMPLEMENTED: Final = Reply(502, "Command not implemented", "5.5.1")
#: RFC 5321 4.1.4.
BAD_SEQUENCE: Final = Reply(503, "Bad sequence of commands", "5.5.1")
#: RFC 5321 4.1.4.
NEED_HELLO: Final = Reply(503, "Send EHLO or HELO first", "5.5.1")
#: RFC 5321 3.3.
NEED_MAIL: Final = Reply(503, "Send MAIL first", "5.5.1")
#: RFC 5321 3.3.
NEED_RCPT: Final = Reply(503, "Send RCPT first", "5.5.1")
#: RFC 5321 4.1.4.
NESTED_MAIL: Final = Reply(503, "Sender already given", "5.5.1")
#: RFC 4954 4.
ALREADY_AUTHENTICATED: Final = Reply(503, "Already authenticated", "5.5.1")
#: RFC 4954 4.
BAD_MECHANISM: Final = Reply(504, "Authentication mechanism not supported", "5.5.4")
#: Instead of the greeting, by a host that never accepts mail; afterwards to all but QUIT (RFC 7504 3).
DOES_NOT_ACCEPT_MAIL: Final = Reply(521, "Server does not accept mail", "5.3.2")
#: RFC 4954 6.
AUTH_REQUIRED: Final = Reply(530, "Authentication required", "5.7.0")
#: RFC 3207 4.
TLS_REQUIRED: Final = Reply(530, "Must issue a STARTTLS command first", "5.7.0")
#: RFC 4954 6.
AUTH_TOO_WEAK: Final = Reply(534, "Authentication mechanism is too weak", "5.7.9")
#: RFC 4954 6.
AUTH_FAILED: Final = Reply(535, "Authentication credentials invalid", "5.7.8")
#: RFC 4954 6.
ENCRYPTION_REQUIRED: Final = Reply(538, "Encryption required for this authentication mechanism", "5.7.11")
#: RFC 5321 4.2.3.
MAILBOX_UNAVAILABLE: Final = Reply(550, "Mailbox unavailable", "5.1.1")
#: RFC 5321 4.2.3.
POLICY: Final = Reply(550, "Refused by policy", "5.7.1")
#: RFC 7505 4.2.
SENDER_NULL_MX: Final = Reply(550, "Sender domain does not accept mail (null MX)", "5.7.27")
#: RFC 6531 3.5.
NON_ASCII_SENDER: Final = Reply(550, "Non-ASCII sender address not permitted", "5.6.7")
#: To VRFY and EXPN whose answer needs UTF-8 that the client did not allow; also possible with 252 (RFC 6531 3.7.4.2).
UTF8_REPLY_REQUIRED: Final = Reply(550, "The reply needs UTF-8, which the command did not allow", "5.6.8")
#: RFC 1870 6.1, 6.3.
MESSAGE_TOO_BIG: Final = Reply(552, "Message size exceeds the fixed maximum", "5.3.4")
#: RFC 6531 3.5.
NON_ASCII_RECIPIENT: Final = Reply(553, "Non-ASCII recipient address not permitted", "5.6.7")
#: To DATA (RFC 5321 3.3).
NO_VALID_RECIPIENTS: Final = Reply(554, "No valid recipients", "5.5.1")
#: To the end of a message with CR or LF alone (RFC 5321 2.3.8).
BARE_NEWLINE: Final = Reply(554, "Message has CR or LF alone", "5.6.0")
#: Instead of the greeting, so without enhanced code (RFC 5321 3.1).
NO_SERVICE: Final = Reply(554, "No SMTP service here")
#: To a client that sends before the greeting, or behind a command that ends a group (RFC 5321 4.3.1, RFC 2920 3.1).
SYNC_ERROR: Final = Reply(554, "Client sent before its turn", "5.5.0")
#: RFC 5321 4.1.1.11.
UNKNOWN_PARAMETER: Final = Reply(555, "Parameter not recognized or not implemented", "5.5.4")
#: To RCPT, by a relay that knows the recipient domain has a null MX (RFC 7504 4, RFC 7505 4.1).
NULL_MX: Final = Reply(556, "Recipient domain does not accept mail (null MX)", "5.1.10")

# -- Built for this server or session ------------------------------------------------------------------------------

_DOMAIN: Final = re.compile("[!-~]+")
_EHLO_LINE: Final = re.compile("[A-Za-z0-9][A-Za-z0-9-]*(?: [!-~]+)*")  # one way to match: linear


def _named(domain: str, text: str) -> str:
    """Text that begins with the name of the server: clients read it by machine (RFC 5321 4.2, S-REP-06)."""
    if _DOMAIN.fullmatch(domain) is None:
        raise SyntaxProblem("The name of the server is one word of printable ASCII: a domain or an address literal")
    return f"{domain} {text}" if text else domain


def greeting(domain: str, text: str | Iterable[str] = "ESMTP ready") -> Reply:
    """220, the greeting (RFC 5321 3.1, 4.2): the name of the server, then text, on several lines if wanted.

    `ESMTP` is there for old clients that look for it (S-REP-09); software and version are not (S-REP-08).
    """
    first, *more = (text,) if isinstance(text, str) else (*text,) or ("",)
    return Reply(220, (_named(domain, first), *more))


def hello_ok(domain: str, text: str = "", keywords: Iterable[str] = ()) -> Reply:
    """250 to EHLO, HELO and LHLO (RFC 5321 4.1.1.1): the name of the server, then one line for each keyword.

    A keyword comes with its parameters, one space before each.  `SyntaxProblem` for what is outside the grammar, and
    for a line that would need more than 512 octets: such a line cannot go on in the next one, which is a keyword.
    """
    lines = (_named(domain, text), *keywords)
    if not all(map(_EHLO_LINE.fullmatch, lines[1:])):
        raise SyntaxProblem("A line of an EHLO reply is a keyword and parameters of printable ASCII")
    if max(map(len, lines)) > MAX_LINE - len("250 \r\n"):
        raise SyntaxProblem("A line of an EHLO reply has at most 512 octets", reason="limit-line")
    return Reply(250, lines)


def closing(domain: str) -> Reply:
    """221 to QUIT (RFC 5321 4.1.1.10)."""
    return Reply(221, _named(domain, "Service closing transmission channel"), "2.0.0")


def unavailable(
    domain: str, text: str = "Service not available", enhanced: EnhancedCode | str | None = "4.3.2"
) -> Reply:
    """421: the connection is closed behind it (RFC 5321 3.8)."""
    return Reply(421, _named(domain, text), enhanced)


def timeout(domain: str) -> Reply:
    """421 at a deadline of RFC 5321 4.5.3.2."""
    return unavailable(domain, "Timeout, closing transmission channel", "4.4.2")


def too_many_errors(domain: str) -> Reply:
    """421 to a peer that makes nothing but errors (RFC 5321 7.8)."""
    return unavailable(domain, "Too many errors, closing transmission channel", "4.7.0")


def help_text(lines: str | Iterable[str]) -> Reply:
    """214 to HELP (RFC 5321 4.1.1.8)."""
    return Reply(214, lines, "2.0.0")


def will_forward(path: str) -> Reply:
    """251: not local, this server forwards to `path`, written with or without brackets (RFC 5321 3.4)."""
    return Reply(251, f"User not local; will forward to {_bracketed(path)}", "2.1.5")


def try_forward(path: str) -> Reply:
    """551: not local, the client may try `path`, written with or without brackets (RFC 5321 3.4)."""
    return Reply(551, f"User not local; please try {_bracketed(path)}", "5.1.6")


def _bracketed(path: str) -> str:
    return path if path.startswith("<") else f"<{path}>"
