"""U-labels and A-labels: the rules of RFC 5890-5893 one by one, and all of Unicode against another implementation."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.errors import SyntaxProblem
from smtpcore.idna import check_u_label, is_nfc, to_a_label, to_u_label

PAIRS = [
    ("b\u00fccher", "xn--bcher-kva"),
    ("m\u00fcnchen", "xn--mnchen-3ya"),
    ("fa\u00df", "xn--fa-hia"),
    ("\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae", "xn--jxalpdlp"),
    ("\u6d4b\u8bd5", "xn--0zwm56d"),
    ("\u0438\u0441\u043f\u044b\u0442\u0430\u043d\u0438\u0435", "xn--80akhbyknj4f"),
    ("\u05d8\u05e2\u05e1\u05d8", "xn--deba0ad"),
    ("\u0622\u0632\u0645\u0627\u06cc\u0634\u06cc", "xn--hgbk6aj7f53bba"),
    ("\u30c6\u30b9\u30c8", "xn--zckzah"),
    ("\u0928\u0947\u092a\u093e\u0932", "xn--l2bey1c2b"),
]


def fault(label: str) -> tuple[str, int] | None:
    try:
        check_u_label(label)
    except SyntaxProblem as problem:
        return problem.reason, problem.position
    return None


@pytest.mark.parametrize(("u_label", "a_label"), PAIRS)
@pytest.mark.rule("X-SMTPUTF8-13")
def test_both_forms(u_label: str, a_label: str) -> None:
    assert to_a_label(u_label) == a_label
    assert to_u_label(a_label) == u_label
    assert to_u_label(a_label.upper()) == u_label


@pytest.mark.parametrize(
    ("label", "position"),
    [
        ("", 0),
        ("plain", 0),
        ("-\u00e9", 0),
        ("\u00e9-", 2),
        ("xn--\u00e9", 2),
        ("\u00e9a--b", 3),
        ("\u0301b", 0),
        ("b\u00dccher", 1),
        ("B\u00fccher", 0),
        ("b\u00fcch er", 5),
        ("b\u00fcch_er", 5),
        ("b\u00fcch.er", 5),
        ("\u00fc\u3002a", 2),  # IDEOGRAPHIC FULL STOP is no dot
        ("a\u2024b\u00fc", 1),
        ("exam\u200bple", 4),
        ("exam\ufeffple", 4),
        ("a\u00ad\u00fc", 1),
        ("\u263a", 0),
        ("\u212a\u00fc", 0),  # KELVIN SIGN
        ("\uff21\u00fc", 0),
        ("\u017f\u00fc", 0),  # LONG S, whose upper case is S
        ("\u0130\u00fc", 0),
        ("a\u0308", 0),  # not NFC
        ("\u00fc\ue000", 2),
        ("\u00fc\ud800", 2),
        ("\ud800\u00fc\u263a", 0),
        ("\u00fc\u0378", 2),  # not assigned
        ("\u0640", 0),
        ("\u1100", 0),  # old Hangul
        ("\u00fc\u034f", 2),
        ("\u00fc\U000e0100", 2),
        ("\u0660\u06f0", 0),
    ],
)
@pytest.mark.rule("X-SMTPUTF8-13")
def test_not_a_u_label(label: str, position: int) -> None:
    assert fault(label) == ("u-label", position)


def test_hyphens_elsewhere() -> None:
    assert fault("\u00e9-a-b") is None
    assert fault("\u00e9bc--d") is None


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("l\u00b7l", "a\u00b7l"),
        ("col\u00b7lecci\u00f3", "\u00b7l"),
        ("\u0375\u03b1", "\u03b1\u0375"),
        ("\u0375\u03b1", "\u0375a"),
        ("\u05d0\u05f3", "\u05f3\u05d0"),
        ("\u05d0\u05f4\u05d1", "\u0627\u05f4"),
        ("\u30fb\u30c6", "\u30fb\u00e9"),
        ("\u30fb\u3042", "\u30fba"),
        ("\u30fb\u6d4b", "a\u30fb"),
        ("\u0915\u094d\u200d\u0937", "\u0915\u200d\u0937"),
        ("\u0915\u094d\u200c\u0937", "\u0915\u200c\u0937"),
        ("\u0628\u200c\u0628", "\u0627\u200c\u0628"),  # ALEF does not join to its left
        ("\u0628\u064e\u200c\u064e\u0628", "\u0628\u200c"),
        ("\u0628\u200c\u0627", "\u200c\u0628"),
        ("\ua872\u200c\ua871", "\ua871\u200c\ua872"),
        ("\u0627\u0662", "\u0627\u0661\u06f1"),
        ("\u0627\u06f1", "\u0627\u06f1\u0661"),
    ],
)
def test_characters_that_need_their_context(good: str, bad: str) -> None:
    assert fault(good) is None
    assert fault(bad) is not None


@pytest.mark.parametrize(
    ("label", "position"),
    [
        ("\u05d0\u05d1", None),
        ("\u05d0-1", None),
        ("\u0627\u064b", None),  # a mark at the end does not count
        ("\u0627\u0661", None),
        ("1\u05d0", 0),
        ("a\u05d0", 0),
        ("\u05d0a", 2),
        ("\u0627\u0661-1", 5),
        ("\u06271-\u0661", 4),
        ("\u05d0\u0f0b", 2),  # ends with something that is neither letter nor digit
        ("\u05d0\u0375\u03b1", 4),
    ],
)
def test_right_to_left(label: str, position: int | None) -> None:
    assert fault(label) == (None if position is None else ("u-label", position))


@pytest.mark.rule("B-ADDR-11", "X-SMTPUTF8-25")
def test_the_a_label_has_63_octets_at_most() -> None:
    longest = "\u00e9" + "a" * 55
    assert len(to_a_label(longest)) == 63
    assert fault(longest + "a") == ("limit-label", 0)
    assert fault("\u00e9" * 64) == ("limit-label", 0)
    assert fault("\u00e9" * 57) is None  # 114 octets of UTF-8: it is the A-label that counts
    with pytest.raises(SyntaxProblem) as caught:
        check_u_label("\u00e9\u263a", 7)
    assert caught.value.position == 9


@pytest.mark.parametrize(
    "label",
    [
        "plain",
        "xn--",
        "xn--0",
        "xn--abc",  # decodes to something whose A-label is another one, or to nothing valid
        "xn--0049",
        "xn--0117",
        "xn--a-",
        "xn--999999999",
        "xn--bcher-kva8",
        "xn--b\u00fccher",
        "xn--" + "a" * 60,
        "xn---9ca",  # a delimiter too many
        "xn--a-ccb",  # not NFC inside
    ],
)
@pytest.mark.rule("X-SMTPUTF8-13")
def test_fake_a_labels(label: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        to_u_label(label)
    assert caught.value.reason in ("u-label", "limit-label")


@given(st.text(max_size=70))
def test_any_text_is_judged(text: str) -> None:
    if fault(text) is None:
        assert to_u_label(to_a_label(text)) == text
        assert is_nfc(text)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-", max_size=65).map("xn--".__add__))
def test_any_fake_is_judged(text: str) -> None:
    try:
        label = to_u_label(text)
    except SyntaxProblem:
        return
    assert to_a_label(label) == text


@given(st.text(st.characters(codec="utf-8", categories=("Ll", "Lo", "Mn", "Nd")), max_size=6), st.data())
def test_labels_agree_with_another_implementation(text: str, data: st.DataObject) -> None:
    joiner = data.draw(st.sampled_from(("", "\u200c", "\u200d", "\u00b7", "\u30fb", "-")))
    at = data.draw(st.integers(0, len(text)))
    label = text[:at] + joiner + text[at:]
    if not label.isascii():
        assert (fault(label) is None) == _other_opinion(label), ascii(label)


def _other_opinion(label: str) -> bool:
    other = pytest.importorskip("idna")
    try:
        other.check_label(label)
        return len(other.alabel(label)) <= 63
    except (other.IDNAError, UnicodeError):
        return False


def _compare(codes: range) -> list[str]:
    different: list[str] = []
    for code in codes:
        char = chr(code)
        if unicodedata.category(char) == "Cn":  # the other one may know a later Unicode
            continue
        different += [
            ascii(label)
            for label in (f"a{char}", f"\u05d0{char}", f"\u0628{char}\u0628")
            if (fault(label) is None) != _other_opinion(label)
        ]
    return different


def test_characters_agree_with_another_implementation() -> None:
    assert not _compare(range(0x80, 0x1000))


@pytest.mark.campaign
def test_all_characters_agree_with_another_implementation() -> None:
    assert not _compare(range(0x80, sys.maxunicode + 1))
