"""Internationalised domain labels: U-labels, A-labels and the way between them (IDNA2008, RFC 5890-5893).

The properties of RFC 5892 are derived here from `unicodedata`, so they are those of the running Python's Unicode
version.  Nothing is mapped: no case folding, no NFKC, no UTS 46.  What is not a U-label is refused.
"""

from __future__ import annotations

from smtpcore.errors import SyntaxProblem

#: Octets of a label in the DNS (RFC 1035 2.3.4); for a U-label its A-label counts (RFC 5890 2.3.2.1).
MAX_LABEL = 63

_PREFIX = "xn--"
_LETTERS_DIGITS = frozenset(("Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc"))  # RFC 5892 2.1

# RFC 5892 2.6: the exceptions, those that need no context.
_ALLOWED = frozenset("\u00df\u03c2\u06fd\u06fe\u0f0b\u3007")
_FORBIDDEN = frozenset("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b")

_ARABIC_INDIC = frozenset(map(chr, range(0x660, 0x66A)))
_EXTENDED_ARABIC_INDIC = frozenset(map(chr, range(0x6F0, 0x6FA)))

# RFC 5892 2.3, 2.4, 2.9 (ignorable code points and blocks, old Hangul Jamo), as far as letters, digits and marks go.
_IGNORED = (
    (0x034F, 0x034F),
    (0x1100, 0x11FF),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x20D0, 0x20FF),
    (0x3164, 0x3164),
    (0xA960, 0xA97C),
    (0xD7B0, 0xD7FB),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0x1D100, 0x1D24F),
    (0xE0100, 0xE01EF),
)

# Joining_Type of the Unicode Character Database, hexadecimal ranges.  A range may run over code points that no U-label
# can hold.  Transparent characters need no table: among those allowed in a label they are the nonspacing marks.
_DUAL = (
    "620 626 628 62a-62e 633-647 649-64a 66e-66f 679-687 69a-6bf 6c1-6c2 6cc 6ce 6d0-6d1 6fa-6fc 6ff 712-714 71a-71d"
    " 71f-727 729 72b 72d-72e 74e-758 75c-76a 76d-770 772 775-777 77a-77f 7ca-7ea 841-845 848 84a-853 855 860 862-865"
    " 868 886 889-88d 88f 8a0-8a9 8af-8b0 8b3-8b8 8ba-8c8 1820-1878 1887-18a8 18aa a840-a871 10ac0-10ac4 10ad3-10ad6"
    " 10ad8-10adc 10ade-10ae0 10b80 10b82 10b86-10b88 10b8a-10b8b 10b8d 10b90 10d01-10d21 10d23 10ec3-10ec4"
    " 10ec6-10ec7 10f30-10f32 10f34-10f44 10f70-10f73 10f76-10f81 10fb0 10fb2-10fb3 10fb8 10fbb-10fbc 10fbe-10fbf"
    " 10fc1 10fc4 1e922-1e943"
)
_RIGHT = (
    "622-625 627 629 62f-632 648 671-673 688-699 6c0 6c3-6cb 6cd 6cf 6d2-6d5 6ee-6ef 710 715-719 71e 728 72a 72c 72f"
    " 74d 759-75b 76b-76c 771 773-774 778-779 840 846-847 849 854 856-858 867 869-882 88e 8aa-8ac 8ae 8b1-8b2 8b9"
    " 10ac5 10ac7-10aca 10ace-10ad2 10add 10ae1 10ae4 10b81 10b83-10b85 10b89 10b8c 10b8e-10b8f 10b91 10d22 10ec2"
    " 10f33 10f74-10f75 10fb4-10fb6 10fb9-10fba 10fbd 10fc2-10fc3"
)
_LEFT = "a872 10acd 10ad7 10d00"

# How the names of characters of Hiragana, Katakana and Han begin.
_JAPANESE = (
    "HIRAGANA ",
    "HENTAIGANA ",
    "KATAKANA LETTER",
    "KATAKANA ITERATION",
    "KATAKANA VOICED",
    "CJK ",
    "IDEOGRAPHIC ITERATION",
    "IDEOGRAPHIC NUMBER",
    "OLD CHINESE ITERATION",
    "VIETNAMESE ALTERNATE",
)

_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
_BIDI_ALLOWED = frozenset(("R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM"))


def check_u_label(label: str, offset: int = 0) -> None:
    """Raise `SyntaxProblem` unless `label` is a U-label (RFC 5891 4.2, RFC 5892, RFC 5893).

    `reason` is `"u-label"`, or `"limit-label"` when its A-label is longer than 63 octets (RFC 1035 2.3.4).  `position`
    is `offset` plus the offset in octets, as UTF-8, of the character that does not fit.
    """
    # Every character costs at least one octet of the A-label: a long text is refused before any work is spent on it.
    if len(label) > MAX_LABEL:
        raise SyntaxProblem("A label is longer than 63 octets.", reason="limit-label", position=offset)
    fault = _fault(label)
    if fault is not None:
        text, index = fault
        octets = len(label[:index].encode("utf-8", "surrogatepass"))
        raise SyntaxProblem(text, reason="u-label", position=offset + octets)
    if len(_encode(label)) > MAX_LABEL:
        text = "A label is longer than 63 octets in its ASCII form."
        raise SyntaxProblem(text, reason="limit-label", position=offset)


def to_a_label(label: str) -> str:
    """The A-label (`xn--...`) of a U-label; raises `SyntaxProblem` as `check_u_label` does (RFC 5891 4.4)."""
    check_u_label(label)
    return _encode(label)


def to_u_label(label: str) -> str:
    """The U-label of an A-label; raises `SyntaxProblem` when the two do not belong together (RFC 5891 5.4).

    The prefix is taken in any ASCII case.  A text that decodes to something with another A-label, such as plain
    letters, a comma or a slash, is a fake A-label and is refused.
    """
    if len(label) > MAX_LABEL:
        raise SyntaxProblem("A label is longer than 63 octets.", reason="limit-label", position=MAX_LABEL)
    lowered = label.lower()
    if not label.isascii() or lowered[:4] != _PREFIX:
        raise SyntaxProblem("Not an A-label: it does not begin with the ACE prefix.", reason="u-label")
    try:
        text = lowered[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        raise SyntaxProblem("Not an A-label: its Punycode is malformed.", reason="u-label", position=4) from None
    check_u_label(text)
    if _encode(text) != lowered:
        raise SyntaxProblem("Not an A-label: it is not the form its U-label has.", reason="u-label", position=4)
    return text


def is_nfc(text: str) -> bool:
    """Whether the text is in Unicode Normalization Form C, as RFC 6532 3.1 advises for mail."""
    from unicodedata import is_normalized

    return is_normalized("NFC", text)


def _encode(label: str) -> str:
    return _PREFIX + label.encode("punycode").decode("ascii")


def _fault(label: str) -> tuple[str, int] | None:
    """What keeps the text from being a U-label, and at which character; None when nothing does."""
    from unicodedata import category

    if label.isascii():
        return "An internationalized label holds at least one character outside ASCII.", 0
    if label[0] == "-":
        return "A label begins with a letter or digit.", 0
    if label[-1] == "-":
        return "A label ends with a letter or digit.", len(label) - 1
    if label[2:4] == "--":
        return "An internationalized label has no hyphens in its third and fourth places.", 2
    if category(label[0])[0] == "M":
        return "A label cannot begin with a combining mark.", 0
    for index, char in enumerate(label):
        text = _character_fault(label, index, char)
        if text is not None:
            return text, index
    if not is_nfc(label):
        return "An internationalized label is in Unicode Normalization Form C.", 0
    return _bidi_fault(label)


def _character_fault(label: str, index: int, char: str) -> str | None:
    """RFC 5892 3 for one character in its label."""
    if char in _ALLOWED or "a" <= char <= "z" or "0" <= char <= "9" or char == "-":
        return None
    rule = _CONTEXT.get(char)
    if rule is not None:
        return None if rule(label, index) else "A character of this label is allowed in certain contexts only."
    if char in _ARABIC_INDIC:  # RFC 5892 A.8
        return None if _EXTENDED_ARABIC_INDIC.isdisjoint(label) else "Two kinds of Arabic digits do not mix."
    if char in _EXTENDED_ARABIC_INDIC:  # RFC 5892 A.9
        return None if _ARABIC_INDIC.isdisjoint(label) else "Two kinds of Arabic digits do not mix."
    if "A" <= char <= "Z":
        return "An internationalized label is written in lower case."
    if char in _FORBIDDEN or not _is_letter_digit(char):
        return "A character is not allowed in an internationalized label."
    return None


def _is_letter_digit(char: str) -> bool:
    """PVALID by the rules, exceptions aside: assigned, stable, a letter, digit or mark (RFC 5892 2.1-2.4, 2.9)."""
    from unicodedata import category, normalize

    if category(char) not in _LETTERS_DIGITS:
        return False
    if normalize("NFKC", normalize("NFKC", char).casefold()) != char:
        return False
    code = ord(char)
    return not any(first <= code <= last for first, last in _IGNORED)


def _bidi_fault(label: str) -> tuple[str, int] | None:
    """RFC 5893 2 for a label that holds right-to-left text.

    Judged label by label, as RFC 5891 4.2.3.4 asks; whether labels fit together in one name is for its owner.
    """
    from unicodedata import bidirectional

    classes = [bidirectional(char) for char in label]
    if _RIGHT_TO_LEFT.isdisjoint(classes):
        return None
    if classes[0] not in ("R", "AL"):
        return "A label with right-to-left text begins with a right-to-left letter.", 0
    for index, name in enumerate(classes):
        if name not in _BIDI_ALLOWED:
            return "Left-to-right letters do not mix with right-to-left text in a label.", index
    last = len(classes) - 1
    while classes[last] == "NSM":
        last -= 1
    if classes[last] not in ("R", "AL", "EN", "AN"):
        return "A label with right-to-left text ends with a letter or digit.", last
    if "EN" in classes and "AN" in classes:
        return "European and Arabic digits do not mix in a label.", max(classes.index("EN"), classes.index("AN"))
    return None


# Contextual rules (RFC 5892 appendix A).  A script is read from the name: among characters that a label can hold, the
# words below begin the names of the script's characters and of no others.


def _named(char: str, *prefixes: str) -> bool:
    from unicodedata import name

    return name(char, "").startswith(prefixes)


def _after_virama(label: str, index: int) -> bool:
    from unicodedata import combining

    return index > 0 and combining(label[index - 1]) == 9


def _zero_width_non_joiner(label: str, index: int) -> bool:
    """A.1: after a virama, or where cursive letters would join without it."""
    if _after_virama(label, index):
        return True
    from unicodedata import category

    left = index - 1
    while left > 0 and category(label[left]) == "Mn":
        left -= 1
    right = index + 1
    while right < len(label) - 1 and category(label[right]) == "Mn":
        right += 1
    if left < 0 or right >= len(label):
        return False
    return _listed(label[left], f"{_DUAL} {_LEFT}") and _listed(label[right], f"{_DUAL} {_RIGHT}")


def _listed(char: str, ranges: str) -> bool:
    code = ord(char)
    for text in ranges.split():
        first, _, last = text.partition("-")
        if int(first, 16) <= code <= int(last or first, 16):
            return True
    return False


def _middle_dot(label: str, index: int) -> bool:
    """A.3: between two `l`, as in Catalan."""
    return label[index - 1 : index + 2] == "l\u00b7l"


def _greek_keraia(label: str, index: int) -> bool:
    """A.4: before a Greek character."""
    return index + 1 < len(label) and _named(label[index + 1], "GREEK ")


def _hebrew_mark(label: str, index: int) -> bool:
    """A.5, A.6: after a Hebrew character."""
    return index > 0 and _named(label[index - 1], "HEBREW ")


def _katakana_dot(label: str, index: int) -> bool:
    """A.7: in a label with Hiragana, Katakana or Han."""
    return any(_named(char, *_JAPANESE) for char in label)


_CONTEXT = {
    "\u200c": _zero_width_non_joiner,
    "\u200d": _after_virama,  # A.2
    "\u00b7": _middle_dot,
    "\u0375": _greek_keraia,
    "\u05f3": _hebrew_mark,
    "\u05f4": _hebrew_mark,
    "\u30fb": _katakana_dot,
}
