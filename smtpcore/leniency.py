"""How far input may stray from the grammar: a value of named switches, with three presets.

Every switch that is on lets one deviation through; the value that was parsed carries its name in `deviations`, so
that the application can still refuse it.  No switch changes where a line or a message ends (RFC 5321 2.3.8).
"""

from __future__ import annotations

from smtpcore.value import Value


class Leniency(Value):
    """Which deviations from RFC 5321 are taken.  The field names are the names of the deviations.

    Sizes are in octets.  `STRICT` is the letter of the RFC, `DEFAULT` what servers of the field do safely,
    `LENIENT` takes whatever can be read in one way only.
    """

    #: `MAIL FROM: <a@b>`: space after the colon (RFC 5321 3.3 forbids it).
    space_after_colon: bool = True
    #: More than one space between verb, path and parameters.
    extra_spaces: bool = True
    #: White space before CRLF (RFC 5321 4.1.1 asks to take it).
    trailing_space: bool = True
    #: `MAIL FROM:a@b`: no angle brackets.
    missing_brackets: bool = False
    #: `<user>`: no domain, other than Postmaster.
    unqualified: bool = False
    #: `<a..b@d>`, `<.a@d>`, `<a.@d>`.
    loose_dots: bool = False
    #: `_` in the domain of a mailbox.
    domain_underscore: bool = False
    #: `<u@d.>`; the dot is dropped.
    trailing_dot: bool = False
    #: `_` in the argument of EHLO and HELO.
    hello_underscore: bool = True
    #: `HELO [192.0.2.1]` (RFC 5321 4.1.1.1 has Domain only, 4.1.4 tells nameless clients to send a literal).
    hello_literal: bool = True
    #: Text after the address literal of EHLO (RFC 5321 4.1.1.1: be prepared for it).
    hello_trailing_text: bool = True
    #: Address literals with a tag that is not registered, as `[foo:bar]`.
    unknown_literal_tag: bool = False
    #: Leading zeros in the numbers of an IPv4 literal; read as decimal (the ABNF has them).
    literal_leading_zero: bool = True
    #: Lower-case hexadecimal digits in xtext (RFC 3461 4 has upper case only).
    xtext_lower_case: bool = True
    #: UTF-8 as hexadecimal octets of xtext in an ORCPT of type rfc822 (RFC 3461 4.2 has ASCII only): Postfix relays
    #: internationalised recipients so, and a refusal would bounce the message.
    xtext_utf8: bool = True
    #: Largest local-part taken, in octets as on the wire (RFC 5321 4.5.3.1.1: 64).
    local_part: int = 128


# The letter of the grammar: it has any tag in a literal (4.1.3), and 4.1.1.1 itself asks for the text behind one.
STRICT = Leniency(
    space_after_colon=False,
    extra_spaces=False,
    hello_underscore=False,
    hello_literal=False,
    unknown_literal_tag=True,
    xtext_lower_case=False,
    xtext_utf8=False,
    local_part=64,
)
DEFAULT = Leniency()
LENIENT = Leniency(
    missing_brackets=True,
    unqualified=True,
    loose_dots=True,
    domain_underscore=True,
    trailing_dot=True,
    unknown_literal_tag=True,
    local_part=256,
)
