"""Domain names as SMTP writes them (RFC 5321 4.1.2, 4.5.3.1.2; RFC 6531 3.3).

The reader takes octets and goes from left to right once: which octet does not fit is known without looking twice.
"""

from __future__ import annotations

import re

from smtpcore.errors import SyntaxProblem
from smtpcore.idna import MAX_LABEL, check_u_label, to_a_label, to_u_label
from smtpcore.leniency import DEFAULT, STRICT, Leniency
from smtpcore.value import Value

#: Octets of a domain (RFC 5321 4.5.3.1.2).
MAX_DOMAIN = 255

_Run = re.Pattern[bytes]
# Octets of a label, by (UTF-8 allowed, underscore allowed).
_LABELS: dict[tuple[bool, bool], _Run] = {
    (False, False): re.compile(rb"[A-Za-z0-9-]+"),
    (False, True): re.compile(rb"[A-Za-z0-9_-]+"),
    (True, False): re.compile(rb"[A-Za-z0-9\x80-\xff-]+"),
    (True, True): re.compile(rb"[A-Za-z0-9_\x80-\xff-]+"),
}
# Octets that may follow a domain wherever one stands; a dot before one of them is a trailing dot.
_AFTER_DOMAIN = (b"", b">", b" ", b",", b":")
_LOWER = {code: code + 32 for code in range(65, 91)}


class Domain(Value):
    """A domain name, kept as it was written.  Its letters compare in any ASCII case (RFC 5321 2.4).

    `Domain(text)` raises `SyntaxProblem` when the text is not a domain of RFC 5321 4.1.2, or of RFC 6531 3.3 with
    U-labels, of at most 255 octets with labels of at most 63.  A U-label and its A-label are two different texts here:
    compare `to_ascii()` of both where that matters.
    """

    text: str

    def __post_init__(self) -> None:
        octets = to_octets(self.text)
        _, end = read_domain(octets, 0, utf8=True, leniency=STRICT, deviations=[])
        expect_end(octets, end)

    @classmethod
    def parse(cls, text: str | bytes, *, utf8: bool = False, leniency: Leniency = DEFAULT) -> Domain:
        """The domain that the whole text is; U-labels only with `utf8`.  Raises `SyntaxProblem`."""
        octets = to_octets(text)
        domain, end = read_domain(octets, 0, utf8=utf8, leniency=leniency, deviations=[])
        expect_end(octets, end)
        return domain

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Domain):
            return NotImplemented
        return self.text == other.text or _lower(self.text) == _lower(other.text)

    def __hash__(self) -> int:
        return hash((Domain, _lower(self.text)))

    @property
    def is_ascii(self) -> bool:
        """Whether the name has no U-label."""
        return self.text.isascii()

    def to_ascii(self) -> Domain:
        """The same name with an A-label for each U-label, as the DNS and servers without SMTPUTF8 want it.

        Raises `SyntaxProblem` (`limit-domain`) when that form is longer than 255 octets (RFC 5890 2.3.2.1).
        """
        if self.text.isascii():
            return self
        labels = (label if label.isascii() else to_a_label(label) for label in self.text.split("."))
        text = ".".join(labels)
        if len(text) > MAX_DOMAIN:
            raise _too_long(MAX_DOMAIN)
        ascii_form: Domain = Domain._make(text)
        return ascii_form

    def to_unicode(self) -> Domain:
        """The same name with a U-label for each A-label, for people.

        What only looks like an A-label stays, and so does a name whose U-labels would be over 255 octets.
        """
        text = ".".join(map(_unicode_label, self.text.split(".")))
        unicode_form: Domain = self if len(to_octets(text)) > MAX_DOMAIN else Domain._make(text)
        return unicode_form


def _unicode_label(label: str) -> str:
    try:
        return to_u_label(label)
    except SyntaxProblem:
        return label


def _lower(text: str) -> str:
    """ASCII letters in lower case and nothing else: `str.lower` would also touch Cherokee and the Kelvin sign."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def to_octets(text: str | bytes) -> bytes:
    """The text as UTF-8.  A lone surrogate becomes octets that no reader takes, instead of another exception."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def expect_end(octets: bytes, end: int) -> None:
    """Raise `SyntaxProblem` unless `end` is the end of the octets."""
    if end != len(octets):
        raise SyntaxProblem("The text goes on where it should end.", position=end)


def run_end(pattern: _Run, line: bytes, start: int) -> int:
    """Offset just after the run of the pattern's octets that begins at `start`; `start` when there is none."""
    match = pattern.match(line, start)
    return start if match is None else match.end()


def read_utf8(line: bytes, start: int, end: int) -> str:
    """The octets as text; `SyntaxProblem` (`utf8-malformed`) when they are not UTF-8 of RFC 3629 (X-SMTPUTF8-12)."""
    try:
        return line[start:end].decode("utf-8")
    except UnicodeDecodeError as error:
        text = "These octets are not UTF-8."
        raise SyntaxProblem(text, reason="utf8-malformed", position=start + error.start) from None


def refuse_non_ascii(line: bytes, position: int) -> None:
    """Raise `SyntaxProblem` (`utf8-not-enabled`) when the octet at `position` is outside ASCII (RFC 5321 2.4)."""
    if line[position : position + 1] >= b"\x80":
        text = "Octets outside ASCII need SMTPUTF8."
        raise SyntaxProblem(text, reason="utf8-not-enabled", position=position)


def read_domain(
    line: bytes, start: int, *, utf8: bool, leniency: Leniency, deviations: list[str], hello: bool = False
) -> tuple[Domain, int]:
    """Read `Domain` (RFC 5321 4.1.2) at `start`; the domain and the offset of the first octet after it.

    Raises `SyntaxProblem` with the offset of the first octet that does not fit.  The names of deviations that were
    taken are added to `deviations`.  `hello`: this is the argument of EHLO, HELO or LHLO.
    """
    underscore = leniency.hello_underscore if hello else leniency.domain_underscore
    labels = _LABELS[utf8, underscore]
    position = start
    while True:
        end = run_end(labels, line, position)
        _check_label(line, position, end)
        if end - start > MAX_DOMAIN:
            raise _too_long(start + MAX_DOMAIN)
        if line[end : end + 1] != b".":
            after = end
            break
        if leniency.trailing_dot and line[end + 1 : end + 2] in _AFTER_DOMAIN:
            deviations.append("trailing_dot")
            after = end + 1
            break
        position = end + 1
    text = line[start:end].decode("utf-8")
    if "_" in text:
        deviations.append("hello_underscore" if hello else "domain_underscore")
    return Domain._make(text), after


def _check_label(line: bytes, start: int, end: int) -> None:
    """`sub-domain` of RFC 5321 4.1.2 and RFC 6531 3.3, and the 63 octets of RFC 1035 2.3.4."""
    label = line[start:end]
    if label[:1] == b"-":
        raise SyntaxProblem("A label begins with a letter or digit.", position=start)
    if label.isascii() and len(label) > MAX_LABEL:
        raise SyntaxProblem("A label is longer than 63 octets.", reason="limit-label", position=start + MAX_LABEL)
    refuse_non_ascii(line, end)
    if line[end : end + 1] == b"_":
        raise SyntaxProblem("An underscore is not allowed in a domain.", position=end)
    if start == end:
        raise SyntaxProblem("A letter or digit that begins a label is missing.", position=start)
    if label[-1:] == b"-":
        raise SyntaxProblem("A label ends with a letter or digit.", position=end - 1)
    if not label.isascii():
        check_u_label(read_utf8(line, start, end), start)


def _too_long(position: int) -> SyntaxProblem:
    return SyntaxProblem("The domain is longer than 255 octets.", reason="limit-domain", position=position)
