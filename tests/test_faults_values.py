"""Small faults of values and their grammar, as mutation testing found them (`docs/mutation.md`)."""

from __future__ import annotations

import gc
import math
from typing import Any
from unittest import mock

import pytest

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.datetimes import is_date_time
from smtpcore.domains import Domain
from smtpcore.errors import LocalProtocolError, SMTPError, SyntaxProblem
from smtpcore.events import Closed
from smtpcore.idna import check_u_label, to_a_label, to_u_label
from smtpcore.leniency import Leniency
from smtpcore.limits import Limits
from smtpcore.literals import AddressLiteral
from smtpcore.mailboxes import Mailbox
from smtpcore.slots import Slots
from smtpcore.timeouts import Deadline
from smtpcore.xtext import decode, decode_utf8

# -- comparison -------------------------------------------------------------------------------------------------------

VALUES = [
    Domain("b.example"),
    AddressLiteral("[192.0.2.1]"),
    Mailbox.parse("a@b.example"),
    ForwardPath.of("a@b.example"),
    ReversePath.of("a@b.example"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_the_other_side_of_a_comparison_is_asked(value: object) -> None:
    other: Any = mock.ANY
    assert (value == other) is True
    assert (value == object()) is False


def test_only_postmaster_is_postmaster_in_any_case() -> None:
    one, two, other = (Mailbox.parse(f"{user}@b.example") for user in ("postmaster", "PostMaster", "a"))
    assert one == two
    assert hash(one) == hash(two)
    assert other != one
    assert one != other


def test_a_source_route_does_not_show_where_it_does_not_count() -> None:
    for path in (ReversePath, ForwardPath):
        with_route, without = path.parse("<@r.example:a@b.example>"), path.parse("<a@b.example>")
        assert with_route.route
        assert with_route == without
        assert repr(with_route) == repr(without)


# -- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [ForwardPath, ReversePath])
@pytest.mark.parametrize("text", ["a" * 300 + "@b.example", "a@" + "b" * 64, "a" * 65 + "@" + "b" * 64])
def test_a_path_to_be_sent_keeps_to_the_limits(path: type[ForwardPath] | type[ReversePath], text: str) -> None:
    with pytest.raises(SyntaxProblem):
        path.of(text)


def test_an_underscore_in_a_literal_is_no_underscore_in_a_domain() -> None:
    ForwardPath(Mailbox("a", AddressLiteral("[x-tag:a_b]"))).check_send_limits()


@pytest.mark.parametrize("read", [ForwardPath.parse, ReversePath.parse])
def test_domains_that_were_seen_are_kept_but_not_without_end(read: Any) -> None:
    before = _domains()
    same = [read(f"<a{number}@same.example>") for number in range(100)]
    assert _domains() <= before + 1
    for number in range(1000):
        read(f"<a@d{number}.example>")
    assert _domains() <= before + 1 + 257
    assert len({id(path.domain) for path in same}) == 1


def _domains() -> int:
    gc.collect()
    return sum(type(each) is Domain for each in gc.get_objects())


# -- mailboxes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("control", ["\x01", "\r", "\x7f"])
def test_what_cannot_be_written_in_a_mailbox_is_refused_whatever_comes_before(control: str) -> None:
    with pytest.raises(SyntaxProblem):
        Mailbox(f"\ud800{control}", Domain("b.example"))


@pytest.mark.parametrize(("size", "deviations"), [(40, ()), (64, ()), (65, ("local_part",))])
def test_the_longest_local_part_is_no_deviation(size: int, deviations: tuple[str, ...]) -> None:
    text = '<"' + "a" * (size - 2) + '"@b.example>'
    assert ForwardPath.parse(text, leniency=Leniency(local_part=256)).deviations == deviations


@pytest.mark.rule("B-ADDR-04")
@pytest.mark.parametrize("size", [2, 63, 64])
def test_no_local_part_of_any_length_ends_with_a_dot(size: int) -> None:
    for text in ("a" * (size - 1) + ".", "a" * (size - 2) + "..a"):
        with pytest.raises(SyntaxProblem):
            Mailbox.parse(f"{text}@b.example")


def test_a_mailbox_beyond_ascii_is_taken_only_when_asked_for() -> None:
    with pytest.raises(SyntaxProblem) as told:
        Mailbox.parse("j\xfc@b.example")
    assert told.value.reason == "utf8-not-enabled"
    assert Mailbox.parse("j\xfc@b.example", utf8=True).needs_utf8


# -- domains ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("octet", [b"\x80", b"\x81", b"\xc3", b"\xff"])
def test_every_octet_above_127_wants_smtputf8(octet: bytes) -> None:
    for text in (b"a@b" + octet, b"a" + octet + b"@b"):
        with pytest.raises(SyntaxProblem) as told:
            Mailbox.parse(text)
        assert told.value.reason == "utf8-not-enabled"


@pytest.mark.parametrize("more", [0, 1])
def test_a_domain_for_people_has_255_octets_at_most(more: int) -> None:
    label = "\u3042" * 19  # 57 octets; its A-label is shorter
    a_label = Domain(label).to_ascii().text
    assert len(a_label) < 57
    rest = "x" * (255 - 4 * 58 + more)
    name = Domain(".".join([a_label] * 4 + [rest]))
    shown = name.to_unicode()
    assert (shown.text == name.text) is bool(more)
    assert len(shown.text.encode()) == (255 if not more else len(name.text))


# -- other texts ------------------------------------------------------------------------------------------------------


@pytest.mark.rule("X-RRVS-01", "X-FUTURERELEASE-05")
@pytest.mark.parametrize("zone", ["+24:00", "+00:60", "-99:00"])
def test_a_zone_that_does_not_exist(zone: str) -> None:
    assert is_date_time(f"2014-04-03T23:01:00{zone}") is False


@pytest.mark.parametrize("digits", ["58", "78", "5B"])
def test_a_character_that_may_stand_plain_is_not_written_as_a_number(digits: str) -> None:
    with pytest.raises(SyntaxProblem):
        decode_utf8(f"\\x{{{digits}}}")


@pytest.mark.parametrize(("digits", "text"), [("D7FF", "\ud7ff"), ("E000", "\ue000"), ("10FFFF", "\U0010ffff")])
def test_the_borders_of_what_a_number_names(digits: str, text: str) -> None:
    assert decode_utf8(f"\\x{{{digits}}}") == text


def test_surrogates_have_no_number() -> None:
    for digits in ("D800", "DFFF", "110000"):
        with pytest.raises(SyntaxProblem):
            decode_utf8(f"\\x{{{digits}}}")
    with pytest.raises(SyntaxProblem):
        decode("+ED+A0+80", utf8=True)


def test_literals_with_unknown_tags_are_equal_when_all_of_them_is() -> None:
    literal = AddressLiteral("[x-tag:ab]")
    assert literal == AddressLiteral("[X-Tag:ab]")
    assert hash(literal) == hash(AddressLiteral("[X-Tag:ab]"))
    for other in ("[y-tag:ab]", "[x-tag:ac]", "[x-tag:bb]", "[x-tag:aB]", "[x-tah:ab]"):
        assert literal != AddressLiteral(other)


def test_a_mistake_in_a_call_is_told_with_the_name_of_the_class() -> None:
    with pytest.raises(TypeError, match=r"^Domain\.__init__\(\)"):
        Domain()  # type: ignore[call-arg]
    assert repr(Domain("b.example")) == "Domain(text='b.example')"


# -- labels of domains ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "reason"), [(62, "u-label"), (63, "u-label"), (64, "limit-label")])
def test_what_is_said_of_a_long_label_with_a_fault(size: int, reason: str) -> None:
    with pytest.raises(SyntaxProblem) as told:
        check_u_label("\xfc" + "a" * (size - 2) + "!")
    assert told.value.reason == reason


@pytest.mark.parametrize("label", ["\ud800-", "a\ud800", "\ud800\xfc"])
def test_a_lone_surrogate_is_a_fault_as_others(label: str) -> None:
    with pytest.raises(SyntaxProblem) as told:
        check_u_label(label)
    assert told.value.reason == "u-label"


@pytest.mark.parametrize("label", ["abc", "\xdc", "-\xfc", ""])
def test_only_a_u_label_has_an_a_label(label: str) -> None:
    with pytest.raises(SyntaxProblem):
        to_a_label(label)


def test_the_longest_a_label() -> None:
    label = "\xfc" + "a" * 54
    while len(to_a_label(label)) < 63:
        label += "a"
    assert to_u_label(to_a_label(label)) == label
    with pytest.raises(SyntaxProblem):
        to_a_label(label + "a")


@pytest.mark.parametrize("label", ["abc", "xx--bcher-kva", "xm--bcher-kva", "x", "", "xn--\xfc", "xn-"])
def test_what_is_no_a_label_is_wrong_from_the_start(label: str) -> None:
    with pytest.raises(SyntaxProblem) as told:
        to_u_label(label)
    assert (told.value.reason, told.value.position) == ("u-label", 0)


@pytest.mark.parametrize(("digits", "place"), [("\u06f1\u0661", 2), ("\u0661\u06f1", 2), ("\u0628\u06f1\u0661", 4)])
def test_two_kinds_of_digits_are_told_at_the_first(digits: str, place: int) -> None:
    with pytest.raises(SyntaxProblem) as told:
        check_u_label("\u0627" + digits)
    assert told.value.position == place


@pytest.mark.parametrize(
    ("label", "fits"),
    [
        ("\u0628\u200c\u0628", True),
        ("\u0621\u0628\u200c\u0628", True),
        ("\u0628\u0621\u200c\u0628", False),
        ("\u0628\u200c\u0628\u0621", True),
        ("\u0628\u200c\u0621\u0628", False),
        ("\u0628\u064b\u200c\u064b\u0628", True),
        ("\u1820\u200c\u1820", True),
        ("\u200c\u1820\u1820", False),
        ("\u1820\u1820\u200c", False),
        ("\u200d\u0915\u094d", False),
        ("\u200c\u0915\u094d", False),
        ("\u0915\u094d\u200d", True),
    ],
)
def test_joiners_look_at_their_neighbours(label: str, fits: bool) -> None:
    """RFC 5892 A.1 and A.2: letters that join on both sides (U+0628, U+1820), or a virama (U+094D) before it."""
    if fits:
        check_u_label(label)
    else:
        with pytest.raises(SyntaxProblem):
            check_u_label(label)


def test_the_end_of_a_connection_is_equal_when_it_says_the_same() -> None:
    assert Closed(SMTPError("x")) == Closed(SMTPError("x"))
    assert Closed(SMTPError("x")) != Closed(LocalProtocolError("x"))
    assert Closed(SMTPError("x")) != Closed(SMTPError("y"))
    assert (Closed() == object()) is False
    assert (Closed() == mock.ANY) is True


def test_no_wait_has_no_end() -> None:
    deadline = Deadline()
    assert deadline.at(5.0, None, 10.0) == math.inf
    assert deadline.at(5.0, "mail", 10.0) == 15.0
    assert deadline.at(9.0, "mail", 10.0) == 15.0


def test_a_reply_that_is_owed_is_not_positive_yet() -> None:
    slots: Slots[str] = Slots()
    slots.open("NOOP")
    slot = slots.find("NOOP")
    assert slot is not None
    assert (slot.positive, slot.wire) == (False, None)


@pytest.mark.parametrize("capital", "AMXZ")
def test_no_capital_letter_is_in_a_u_label(capital: str) -> None:
    with pytest.raises(SyntaxProblem):
        check_u_label(f"\xfc{capital}")


def test_each_digit_of_two_kinds_is_one() -> None:
    for one in ("\u0660", "\u0665", "\u0669"):
        for other in ("\u06f0", "\u06f5", "\u06f9"):
            for label in (f"\u0627{one}{other}", f"\u0627{other}{one}"):
                with pytest.raises(SyntaxProblem) as told:
                    check_u_label(label)
                assert told.value.position == 2
        check_u_label(f"\u06fa{one}")  # a letter behind the digits


@pytest.mark.parametrize(
    ("refused", "taken"),
    [
        ("\u034f", "\u034e\u0350"),
        ("\u1100\u11ff", "\u10ff\u1200"),
        ("\u17b4\u17b5", "\u17b3\u17b6"),
        ("\u180b\u180f", "\u1810"),
        ("\u20d0\u20f0", ""),
        ("\ua960\ua97c", ""),
        ("\ud7b0\ud7fb", "\ud7a3"),
        ("\ufe00\ufe0f", ""),
        ("\U0001d165\U0001d244", ""),
        ("\U000e0100\U000e01ef", ""),
    ],
)
def test_the_borders_of_what_is_no_letter_in_a_label(refused: str, taken: str) -> None:
    """RFC 5892 2.6 to 2.9: characters that are to be ignored, combining marks for symbols, and old Hangul Jamo."""
    for char in refused:
        with pytest.raises(SyntaxProblem):
            check_u_label(f"\u00fc{char}")
    for char in taken:
        check_u_label(f"\u00fc{char}")


@pytest.mark.parametrize("char", "\u3042\U0001b002\u30a2\u30fd\u30fe\u4e00\u3005\u3007\U00016fe3\U00016ff0")
def test_the_katakana_middle_dot_beside_each_kind_of_japanese_text(char: str) -> None:
    """RFC 5892 A.7: Hiragana, Katakana or Han, however the character is named."""
    check_u_label(f"\u00fc{char}\u30fb")
    with pytest.raises(SyntaxProblem):
        check_u_label("\u00fc\u30fb")


def test_the_limits_that_hold_unless_others_are_set() -> None:
    lines = {"command_line": 2048, "endless_line": 65536, "text_line": None, "reply_line": 2048}
    counts = {"recipients": 1000, "errors": 20, "junk": 100, "auth_failures": 3, "chunks": 100_000, "pipeline": 4096}
    sizes = {"message": None, "swallow": 2**30, "held_input": 2**20, "reply_lines": 1024, "reply": 65536}
    assert Limits() == Limits(**lines, **counts, **sizes)  # type: ignore[arg-type]
