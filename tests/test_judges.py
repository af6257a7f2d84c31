"""The judges of the vectors find faults: engines that are wrong on purpose fail, a client that is right passes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smtpcore.commands import EndOfMessage
from tests.toy_client import ToyClient
from tests.vectors.adapters.server_engine import Host
from tests.vectors.cases import ALL_CUTS, WHOLE, Cut, Json, UnknownFormat
from tests.vectors.judges import client_dialog, hostile_client, hostile_server, server
from tests.vectors.judges.server import ServerSetup
from tests.vectors.judges.wire import Freedom, WireError, replies, same_line, split_address, split_replies, xtext
from tests.vectors.runner import DATA, load

#: What the toy client can do.
_EASY = {"greeting", "fallback", "reject-mail", "reject-data", "reject-message", "closing", "injection"}
_SESSIONS = load(DATA / "client_sessions.json").cases
EASY = [case for case in _SESSIONS if case["category"] in _EASY]
DOTS = [case for case in _SESSIONS if b"\r\n." in case["intent"]["body"].encode("latin-1")]


def count(cases: list[Json], fault: str, cut: Cut = WHOLE) -> int:
    """How many cases a client with this fault fails."""

    class Client(ToyClient):
        pass

    Client.fault = fault
    return sum(bool(client_dialog.judge(case, cut, Client)) for case in cases)


@pytest.mark.parametrize("cut", ALL_CUTS, ids=lambda cut: cut.name)
@pytest.mark.parametrize("case", EASY, ids=lambda case: case["id"])
def test_a_right_client_passes(case: Json, cut: Cut) -> None:
    assert client_dialog.judge(case, cut, ToyClient) == []


@pytest.mark.parametrize("fault", ["deaf", "rude", "inject"])
def test_a_wrong_client_fails(fault: str) -> None:
    assert count(EASY, fault) > 0


def test_a_client_that_forgets_the_dots_fails() -> None:
    good = [case for case in DOTS if not client_dialog.judge(case, WHOLE, ToyClient)]
    assert good
    assert count(good, "dots") > 0


def test_a_hostile_server_is_judged_from_outside() -> None:
    cases = {case["id"]: case for case in load(DATA / "hostile_client.json").cases}
    assert hostile_client.judge(cases["text-real-eod"], WHOLE, ToyClient) == []

    class Careless(ToyClient):
        fault = "dots"

    assert hostile_client.judge(cases["text-real-eod"], WHOLE, Careless)
    assert hostile_client.judge(cases["sync-data-250"], WHOLE, ToyClient)


# -- servers -----------------------------------------------------------------------------------------------------------


class Keeping(Host):
    """Takes bare line ends."""

    def __init__(self, setup: ServerSetup) -> None:
        super().__init__(replace(setup, bare_newlines="keep"))


class Losing(Host):
    """Loses an octet of the text."""

    def deliver(self, question: EndOfMessage) -> None:
        self.body = [piece.replace(b".", b"") for piece in self.body]
        super().deliver(question)


class Chatty(Host):
    """Says something twice."""

    def take(self) -> bytes:
        output = super().take()
        return output + b"250 really\r\n" if output.startswith(b"354") else output


class Trusting(Host):
    """Believes every password."""

    def knows(self, credentials: object) -> bool:
        return True


class Hoarding(Host):
    """Keeps what it was fed."""

    fed = 0

    def feed(self, data: bytes) -> None:
        self.fed += len(data)
        super().feed(data)

    @property
    def held(self) -> int:
        return self.fed


@pytest.mark.parametrize(("host", "least"), [(Keeping, 5), (Chatty, 5), (Trusting, 1), (Losing, 5)])
def test_a_wrong_server_fails(host: type[Host], least: int) -> None:
    failed = 0
    for name, judge in (("server_sessions", server.judge), ("hostile_server", hostile_server.judge)):
        cases = [case for case in load(DATA / f"{name}.json").cases if len(str(case)) < 5000]
        failed += sum(bool(judge(case, WHOLE, host)) for case in cases[::2] if not case.get("contentious"))
    assert failed >= least


def test_held_octets_are_counted() -> None:
    cases = {case["id"]: case for case in load(DATA / "hostile_server.json").cases}
    assert "octets held" in hostile_server.judge(cases["res-data-long-line"], WHOLE, Hoarding)[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"surprise": 1}},
        {"steps": [{"surprise": 1}]},
        {"steps": [{"note": "x"}, {}]},
        {"steps": [{"expect": [{"code": 220, "surprise": 1}]}]},
        {"config": {"tls": "surprise"}},
        {"config": {"policy": {"surprise": 1}}},
    ],
)
def test_what_a_judge_does_not_know_is_an_error(change: Json) -> None:
    case = {"config": {"hostname": "mx.example"}, "steps": [], "delivered": [], **change}
    with pytest.raises(UnknownFormat):
        server.judge(case, WHOLE, Host)


# -- the wire ----------------------------------------------------------------------------------------------------------

OFFERED = {"SIZE": ["100"], "8BITMIME": [], "DSN": []}


@pytest.mark.parametrize(
    ("wanted", "got", "body"),
    [
        (b"EHLO a.example", b"ehlo a.example", b""),
        (b"MAIL FROM:<a@b>", b"mail from:<a@b> SIZE=3", b"a\r\n"),
        (b"MAIL FROM:<a@b> SIZE=3 BODY=7BIT", b"MAIL FROM:<a@b>", b"a\r\n"),
        (b"MAIL FROM:<a@b> RET=HDRS ENVID=a+2Bb", b"MAIL FROM:<a@b> envid=a+2Bb ret=hdrs", b""),
        (b"RCPT TO:<a@b> NOTIFY=FAILURE,DELAY", b"RCPT TO:<a@b> NOTIFY=DELAY,FAILURE", b""),
        (b"RCPT TO:<a@b> ORCPT=rfc822;a+40b", b"RCPT TO:<a@b> ORCPT=RFC822;a@b", b""),
        (b"BDAT 3 LAST", b"bdat 3 last", b""),
    ],
)
def test_lines_that_mean_the_same(wanted: bytes, got: bytes, body: bytes) -> None:
    assert same_line(wanted, got, Freedom(OFFERED, body)) is None


@pytest.mark.parametrize(
    ("wanted", "got", "body"),
    [
        (b"EHLO a.example", b"EHLO b.example", b""),
        (b"QUIT", b"QUIT ", b""),
        (b"MAIL FROM:<a@b>", b"MAIL FROM:<A@b>", b""),
        (b"MAIL FROM:<a@b>", b"MAIL FROM:<a@b> SIZE=4", b"a\r\n"),
        (b"MAIL FROM:<a@b>", b"MAIL FROM: <a@b>", b""),
        (b"MAIL FROM:<a@b>", b"MAIL FROM:<a@b>  SIZE=3", b"a\r\n"),
        (b"MAIL FROM:<a@b> BODY=8BITMIME", b"MAIL FROM:<a@b>", b"\xe9\r\n"),
        (b"MAIL FROM:<a@b> SMTPUTF8", b"MAIL FROM:<a@b>", b""),
        (b"MAIL FROM:<a@b> ENVID=a+2Bb", b"MAIL FROM:<a@b> ENVID=a+2bb", b""),
        (b"AUTH PLAIN AAA=", b"AUTH PLAIN aaa=", b""),
    ],
)
def test_lines_that_differ(wanted: bytes, got: bytes, body: bytes) -> None:
    assert same_line(wanted, got, Freedom(OFFERED, body)) is not None


def test_replies_on_the_wire() -> None:
    found, rest = replies(b"250-a\r\n250 5.1.1 b\r\n220\r\n25")
    assert [(reply.code, reply.lines) for reply in found] == [(250, ("a", "5.1.1 b")), (220, ("",))]
    assert rest == b"25"
    assert replies(b"550 5.1.1 no\r\n")[0][0].enhanced == "5.1.1"
    assert split_replies(b"250-a\r\n250 b\r\n2") == ([b"250-a\r\n250 b\r\n"], b"2")
    for broken in (b"x\r\n", b"250 a\nb\r\n", b"2500\r\n"):
        with pytest.raises(WireError):
            replies(broken)


def test_addresses_and_xtext() -> None:
    assert split_address('"a\\"b"@X.example') == split_address('a"b@x.EXAMPLE')
    assert split_address("Postmaster") == split_address("postmaster")
    assert xtext("a+2Bb") == "a+b"
    assert xtext("a+2bb") is None
