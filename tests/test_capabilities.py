"""The reply to EHLO as a mapping (RFC 5321 4.1.1.1)."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.capabilities import EMPTY, Capabilities
from smtpcore.errors import SyntaxProblem
from smtpcore.replies import Reply, ReplyReader, parse_reply
from smtpcore.testing import _reply_strategies as make

VECTORS = json.loads((Path(__file__).parent / "vectors/data/replies.json").read_text("utf-8"))["vectors"]


def read(octets: bytes, *, old_auth: bool = True) -> Capabilities:
    return Capabilities.parse(parse_reply(octets, enhanced=False), old_auth=old_auth)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in VECTORS if case["kind"] == "ehlo"])
def test_vector(case: dict[str, object]) -> None:
    octets = str(case["input"]).encode("latin-1")
    if not case["valid"]:
        with pytest.raises(SyntaxProblem) as caught:
            parse_reply(octets)
        assert caught.value.reason == case["reason"]
        return
    capabilities = read(octets)
    table = {keyword: list(parameters) for keyword, parameters in capabilities.items()}
    if "AUTH" in table:
        table["AUTH"] = list(capabilities.mechanisms)
    assert table == case["capabilities"]
    assert "domain" not in case or capabilities.domain == case["domain"]


@pytest.mark.rule("C-CMD-EHLO-07", "X-FW-08")
def test_the_first_line_is_never_a_keyword() -> None:
    assert read(b"250 SIZE\r\n") == Capabilities(["SIZE"])
    assert dict(read(b"250 SIZE\r\n")) == {}
    capabilities = read(b"250-PIPELINING\r\n250 SIZE 10\r\n")
    assert (dict(capabilities), capabilities.domain) == ({"SIZE": ("10",)}, "PIPELINING")


@pytest.mark.rule("C-EXT-12", "X-FW-09")
def test_keywords_are_found_in_any_case_and_their_spelling_is_kept() -> None:
    capabilities = read(b"250-h\r\n250-8bitMIME\r\n250-x-New a B\r\n250 PiPeLiNiNg\r\n")
    assert list(capabilities) == ["8BITMIME", "X-NEW", "PIPELINING"]
    assert capabilities["x-new"] == capabilities["X-NEW"] == ("a", "B")
    assert "pipelining" in capabilities
    assert "8BITMIME" in capabilities
    assert capabilities.get("nothing") is None
    assert [capabilities.spelling(word) for word in ("pipelining", "8BITMIME")] == ["PiPeLiNiNg", "8bitMIME"]
    for look in (capabilities.__getitem__, capabilities.spelling):
        with pytest.raises(KeyError, match="CHUNKING"):
            look("CHUNKING")
    assert len(capabilities) == 3
    assert isinstance(capabilities, Mapping)


@pytest.mark.rule("X-FW-09")
def test_case_is_that_of_ascii() -> None:
    capabilities = read(b"250-h\r\n250 SIZE\r\n")
    assert "\u017fize" not in capabilities  # its upper case is SIZE
    assert "s\u0131ze" not in capabilities
    assert 5 not in capabilities  # type: ignore[comparison-overlap]
    assert capabilities.every("\u017fize") == ()


@pytest.mark.rule("C-CMD-EHLO-06", "X-FW-35")
def test_garbled_lines_are_kept_aside() -> None:
    capabilities = read(
        b"250-h\r\n250-AUTH=PLAIN X\r\n250-\r\n250- \r\n250-  SIZE   5\t6 \r\n250-=\r\n250-X_Y 1\r\n250-a=b\r\n"
        b"250-\xff\r\n250-\x00\r\n250-DSN \xff\r\n250\r\n"
    )
    assert dict(capabilities) == {"AUTH": ("PLAIN", "X"), "SIZE": ("5", "6"), "DSN": ("\\xff",)}
    assert capabilities.unparsed == ("", " ", "=", "X_Y 1", "a=b", "\\xff", "\x00", "")


@pytest.mark.rule("S-CMD-EHLO-08")
def test_the_greet_may_hold_anything() -> None:
    capabilities = read(b"250 h \x01\x7f\r\n")
    assert (capabilities.domain, capabilities.greet) == ("h", "\x01\x7f")


@pytest.mark.parametrize(
    ("line", "domain", "greet"),
    [
        ("", None, ""),
        (" ", None, ""),
        ("h", "h", ""),
        ("h  a  b ", "h", "a  b"),
        ("h\ta\tb", "h", "a\tb"),
        (" h", "h", ""),
    ],
)
def test_the_first_line(line: str, domain: str | None, greet: str) -> None:
    capabilities = Capabilities([line, "SIZE"])
    assert (capabilities.domain, capabilities.greet, list(capabilities)) == (domain, greet, ["SIZE"])


@pytest.mark.rule("X-FW-36")
def test_repeated_keywords_are_all_kept() -> None:
    capabilities = read(b"250-h\r\n250-AUTH PLAIN\r\n250-size 1\r\n250-SIZE 2\r\n250 AUTH LOGIN plain\r\n")
    assert capabilities.mechanisms == ("PLAIN", "LOGIN")
    assert capabilities["SIZE"] == ("1",)
    assert capabilities.every("size") == (("1",), ("2",))
    assert capabilities.spelling("SIZE") == "size"


@pytest.mark.rule("X-FW-35", "X-FW-36")
@pytest.mark.parametrize(
    ("lines", "mechanisms", "without"),
    [
        (["auth=LOGIN"], ("LOGIN",), None),
        (["AUTH=LOGIN PLAIN"], ("LOGIN", "PLAIN"), None),
        (["AUTH= LOGIN"], ("LOGIN",), None),
        (["AUTH="], (), None),
        (["AUTH PLAIN", "AUTH=LOGIN PLAIN"], ("PLAIN", "LOGIN"), ("PLAIN",)),
        (["AUTH plain =LOGIN caf\u00e9 \u0131 " + "X" * 21], ("PLAIN",), ("PLAIN",)),
        (["AUTH"], (), ()),
    ],
)
def test_the_old_form_of_auth(lines: list[str], mechanisms: tuple[str, ...], without: tuple[str, ...] | None) -> None:
    capabilities = Capabilities(["h", *lines])
    assert capabilities.mechanisms == mechanisms
    assert "AUTH" in capabilities
    assert capabilities.spelling("AUTH") == lines[0][:4]
    strict = Capabilities.parse(Reply(250, ["h", *lines]), old_auth=False)
    assert strict.mechanisms == (without or ())
    assert ("AUTH" in strict) == (without is not None)
    assert pickle.loads(pickle.dumps(strict)).unparsed == strict.unparsed == tuple(x for x in lines if x[4:5] == "=")


def test_the_number_of_keywords_is_limited() -> None:
    lines = [f"X{number}" for number in range(300)]
    capabilities = Capabilities(["h", *lines])
    assert (len(capabilities), capabilities.unparsed) == (256, tuple(lines[256:]))
    few = Capabilities(["h", "", *lines], max_keywords=2)
    assert (list(few), len(few.unparsed)) == (["X0", "X1"], 299)
    assert pickle.loads(pickle.dumps(few)) == few


@pytest.mark.rule("S-CMD-EHLO-05", "X-FW-07")
def test_what_a_server_offers() -> None:
    offered = Capabilities.of("s.example", {"A": (), "B": ["1", "2"], "C": []})
    assert offered.to_reply().to_bytes() == b"250-s.example\r\n250-A\r\n250-B 1 2\r\n250 C\r\n"
    assert Capabilities.of("h", {}, "hello there").to_reply() == Reply(250, "h hello there")


@pytest.mark.rule("S-CMD-EHLO-05")
@pytest.mark.parametrize(
    ("domain", "keywords", "greet"),
    [
        ("", {}, ""),
        ("a b", {}, ""),
        ("h", {"A_B": []}, ""),
        ("h", {"A": [""]}, ""),
        ("h", {"A": ["1\r\n250 B"]}, ""),
        ("h", {"A": ["\u00e9"]}, ""),
        ("h", {}, "a\r\n250 SIZE"),
        ("h", {"A": ["x" * 510]}, ""),
    ],
)
def test_nothing_else_can_be_offered(domain: str, keywords: dict[str, list[str]], greet: str) -> None:
    with pytest.raises(SyntaxProblem):
        Capabilities.of(domain, keywords, greet)


@pytest.mark.rule("S-CMD-EHLO-05", "X-FW-07")
@given(make.capabilities())
def test_what_is_written_is_read_again(capabilities: Capabilities) -> None:
    again = Capabilities.parse(parse_reply(capabilities.to_reply().to_bytes()))
    assert again == capabilities
    assert (dict(again), again.domain, again.greet) == (dict(capabilities), capabilities.domain, capabilities.greet)
    assert hash(again) == hash(capabilities)


def test_what_was_read_is_written_in_the_form_of_the_grammar() -> None:
    capabilities = read(b"250-h\r\n250-auth=LOGIN\r\n250-\r\n250 SIZE   5 \r\n")
    assert capabilities.to_reply().to_bytes() == b"250-h\r\n250-auth LOGIN\r\n250 SIZE 5\r\n"
    for octets in (b"250-\r\n250 SIZE\r\n", b"250-h\r\n250 SIZE \xc3\xa9\r\n", b"250 h \x01\r\n"):
        with pytest.raises(SyntaxProblem):
            read(octets).to_reply()


@pytest.mark.rule("C-CMD-EHLO-06")
@given(st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\r", b"").replace(b"\n", b"")), min_size=1))
def test_any_positive_reply_can_be_read(texts: list[bytes]) -> None:
    reader = ReplyReader(max_lines=len(texts))
    marks = [b"-"] * (len(texts) - 1) + [b" "]
    reply = [reader.push(b"250" + mark + text) for mark, text in zip(marks, texts, strict=True)][-1]
    assert reply is not None
    capabilities = Capabilities.parse(reply)
    assert sum(len(capabilities.every(word)) for word in capabilities) + len(capabilities.unparsed) == len(texts) - 1
    assert all(word == word.upper() and word.isascii() for word in capabilities)


def test_values() -> None:
    capabilities = read(b"250-h\r\n250 SIZE 5\r\n")
    assert capabilities == Capabilities(["h", "SIZE  5"])
    assert capabilities != Capabilities(["h", "size 5"])
    assert capabilities != {"SIZE": ("5",)}
    assert copy.deepcopy(capabilities) == pickle.loads(pickle.dumps(capabilities)) == capabilities
    assert repr(capabilities) == "Capabilities(('h', 'SIZE 5'))"
    assert (dict(EMPTY), EMPTY.domain, EMPTY.greet, EMPTY.mechanisms, EMPTY.unparsed) == ({}, None, "", (), ())
    with pytest.raises(AttributeError):
        capabilities._domain = "x"
    with pytest.raises(AttributeError):
        del capabilities._domain
