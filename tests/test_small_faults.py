"""Small faults that the other tests let pass, as mutation testing found (`docs/mutation.md`): one test for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import pytest

from smtpcore.addresses import Domain, ForwardPath, Mailbox, ReversePath
from smtpcore.client import ClientConnection
from smtpcore.commands import Command, Data, Mail, Noop, Problem, Quit, Rcpt, parse
from smtpcore.content import PIECE, ChunkDecoder, ContentDecoder, ContentEncoder, NewlinePolicy
from smtpcore.errors import SyntaxProblem
from smtpcore.events import Refused, Response, Step
from smtpcore.extensions.base import Extension, When
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.lines import LineLimits, ReceiveBuffer
from smtpcore.replies import Reply
from smtpcore.server import ServerConnection, accept_all
from smtpcore.session import Session
from smtpcore.state import State
from smtpcore.testing import link
from smtpcore.timeouts import Timeouts
from tests.server_tools import HOST, Talk


@pytest.mark.parametrize("length", [62, 63, 64, 65, 300])
def test_the_lf_of_a_long_line_comes_alone(length: int) -> None:
    buffer = ReceiveBuffer()
    line = b"x" * length
    buffer.feed(line + b"\r")
    assert buffer.next_line(LineLimits(1000)) is None
    buffer.feed(b"\n")
    assert buffer.has_line()
    assert buffer.next_line(LineLimits(1000)) == line


@pytest.mark.parametrize("shift", range(-8, 9))
@pytest.mark.parametrize("middle", [b"\r\n.\r\n.\r\n.", b"\r\n.\r\r\n..", b"..\r\n.\r\n"])
def test_dots_at_the_border_of_a_piece(shift: int, middle: bytes) -> None:
    text = b"x" * (PIECE + shift) + middle + b"y\r\n"
    encoder = ContentEncoder(NewlinePolicy.KEEP, max_line=None)
    wire = encoder.encode(text) + encoder.finish()
    assert wire == text.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    decoder = ContentDecoder(NewlinePolicy.KEEP, None)
    got, stop = decoder.feed(wire, 0)
    assert (got, stop, decoder.finished) == (text, len(wire), True)


def test_before_its_first_chunk_nothing_is_owed() -> None:
    assert ChunkDecoder().remaining == 0


@pytest.mark.parametrize("text", ["XX", "X y", "x"])
def test_only_spaces_are_cut_from_an_argument(text: str) -> None:
    assert parse(b"NOOP " + text.encode(), ExtensionSet(()).language(lmtp=False)) == Noop(text)


def test_one_recipient_at_a_time_is_the_default() -> None:
    server = _opened(ServerConnection(HOST))
    server.receive_data(b"RCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\n")
    first = server.next_event()
    assert isinstance(first, Rcpt)
    server.defer(first)
    assert server.next_event() is None
    assert server.next_step is Step.DECIDE


def test_any_code_is_taken_from_the_application_by_default() -> None:
    server = _opened(ServerConnection(HOST))
    server.receive_data(b"RCPT TO:<a@b>\r\n")
    question = server.next_event()
    assert isinstance(question, Rcpt)
    server.reject(question, Reply(559, "My own"))
    assert server.data_to_send() == b"559 5.0.0 My own\r\n"


def _opened(server: ServerConnection) -> ServerConnection:
    for said in (b"", b"EHLO c.example\r\n", b"MAIL FROM:<a@b>\r\n"):
        if said:
            server.receive_data(said)
        for event in server.events():
            accept_all(server, event)
        server.data_to_send()
    return server


def test_the_second_message_of_an_lmtp_session_has_its_own_recipients() -> None:
    client = ClientConnection("c.example", lmtp=True)
    joined = link(client, ServerConnection(HOST, lmtp=True))
    for number in (1, 2):
        recipients = [Rcpt(ForwardPath.of(f"r{number}.{each}@d.example")) for each in range(number)]
        client.send_all([Mail(ReversePath.of("s@c.example")), *recipients, Data()])
        joined.run()
        joined.client_events.clear()
        client.end_body(b"hi\r\n")
        joined.run()
        told = [event.recipient for event in joined.client_events if isinstance(event, Response)]
        assert told == recipients


def test_each_wait_of_a_client_has_its_own_length() -> None:
    waits = Timeouts(greeting=1, command=2, mail=3, rcpt=4, data=5, block=6, end_of_message=7, quit=8, server_command=9)
    client = ClientConnection("c.example", timeouts=waits)
    seen = [client.tick(0)]
    path = ReversePath.of("s@c.example"), ForwardPath.of("r@d.example")
    commands = iter((Mail(path[0]), Rcpt(path[1]), Data(), None, Quit()))
    for reply in (b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"):
        client.receive_data(reply)
        assert list(client.events())
        if reply[:1] == b"3":
            seen.append(client.tick(0))
        if reply != b"220 hi\r\n":
            command = next(commands)
            if command is None:
                client.end_body(b"hi\r\n")
            else:
                client.send(command)
        client.data_to_send()
        seen.append(client.tick(0))
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("code", [200, 259, 400, 459, 500, 559])
def test_the_border_of_the_classes_of_replies(code: int) -> None:
    client = ClientConnection("c.example", greet=False)
    client.receive_data(b"220 hi\r\n")
    assert list(client.events())
    client.send(Noop())
    client.data_to_send()
    client.receive_data(b"%d x\r\n" % code)
    (event,) = client.events()
    assert isinstance(event, Response)
    assert (event.reply.code, client.next_step) == (code, Step.RECEIVE)


@pytest.mark.parametrize(("lmtp", "line"), [(True, "LHLO -"), (False, "EHLO -"), (False, "HELO -")])
def test_no_enhanced_code_for_a_greeting_that_cannot_be_read(lmtp: bool, line: str) -> None:
    assert re.fullmatch(r"501 (?!5\.).*", Talk(lmtp=lmtp)(line))


@pytest.mark.parametrize("line", [b"RCPT TO:<>", b"MAIL FROM:<"])
def test_the_reply_to_a_broken_path_leaves_with_those_of_its_group(line: bytes) -> None:
    server = _opened(ServerConnection(HOST))
    server.receive_data(line + b"\r\nRCPT TO:<c@d>\r\n")
    refused, question = server.next_event(), server.next_event()
    assert isinstance(refused, Refused)
    assert isinstance(question, Rcpt)
    server.accept(question)
    assert [reply[:3] for reply in server.data_to_send().split(b"\r\n")] == [b"501", b"250", b""]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (Reply(250, "J\xfcrgen <j@d.example>"), "252 2.6.8 Cannot VRFY user, but will accept the message"),
        (Reply(550, "J\xfcrgen is gone"), "550 5.6.8 The reply needs UTF-8"),
    ],
)
def test_a_name_beyond_ascii_is_not_told_to_who_did_not_ask_for_it(given: Reply, sent: str) -> None:
    talk = Talk({"VRFY": given}, ask=["VRFY"]).hello()
    assert talk("VRFY j").startswith(sent)


class Busy(Extension):
    """Refuses DATA."""

    code: int = 450
    keyword: ClassVar[str] = "XBUSY"
    guards: ClassVar[Mapping[str, When]] = {"DATA": When.ALWAYS}

    def guard(self, command: Command, session: Session) -> Reply | None:
        return Reply(self.code, "busy")


@pytest.mark.parametrize(("code", "state"), [(450, State.RCPT), (503, State.POISONED)])
def test_data_that_an_extension_refuses_for_now_may_come_again(code: int, state: State) -> None:
    talk = Talk(extensions=[Busy(code)]).envelope()
    assert talk.codes("DATA") == [code]
    assert talk.state() is state


def test_an_address_beyond_ascii_is_not_told_in_a_transaction_without_smtputf8() -> None:
    talk = Talk({"RCPT": Reply(551, "Try <j\xfcrgen@d.example>", "5.1.6")}).hello()
    for words, plain in (("", True), (" SMTPUTF8", False)):
        assert talk.codes("RSET", f"MAIL FROM:<a@b>{words}") == [250, 250]
        assert talk("RCPT TO:<c@d>").isascii() is plain


def test_a_chunk_that_cannot_be_counted_is_reported_before_the_end() -> None:
    talk = Talk().envelope()
    assert talk.codes("BDAT 5x") == [501]
    assert talk.closed
    assert talk.refused == [501]


def test_vrfy_that_allows_utf8_gets_it_outside_of_transactions_too() -> None:
    talk = Talk({"VRFY": Reply(251, "<j\xfcrgen@d.example>", "2.1.5")}, ask=["VRFY"]).hello()
    assert talk("VRFY j SMTPUTF8") == "251 2.1.5 <j\xfcrgen@d.example>"


@pytest.mark.parametrize("code", [400, 459, 500, 559])
def test_the_class_of_a_negative_reply(code: int) -> None:
    reply = Reply(code, "no")
    assert (reply.is_transient, reply.is_permanent) == (code < 500, code >= 500)


def test_a_received_reply_has_its_enhanced_code_unless_told_otherwise() -> None:
    assert Reply.received(250, [b"2.1.5 fine"]) == Reply(250, "fine", "2.1.5")
    assert Reply.received(250, [b"2.1.5 fine"], enhanced=False).enhanced is None


@pytest.mark.parametrize("path", [ForwardPath, ReversePath])
def test_the_longest_label_and_one_above(path: type[ForwardPath] | type[ReversePath]) -> None:
    label = "x" * 63
    assert str(path.of(f"<a@{label}>")) == f"<a@{label}>"
    verb = b"RCPT TO" if path is ForwardPath else b"MAIL FROM"
    language = ExtensionSet(()).language(lmtp=False)
    assert isinstance(parse(verb + f":<a@{label}>".encode(), language), Rcpt | Mail)
    assert isinstance(parse(verb + f":<a@{label}x>".encode(), language), Problem)


def test_paths_in_brackets_may_be_in_any_script() -> None:
    assert str(ForwardPath.of("<j\xfc@d.example>")) == "<j\xfc@d.example>"
    assert str(ReversePath.of("<j\xfc@d.example>")) == "<j\xfc@d.example>"


def test_the_route_of_a_path_is_a_tuple_of_domains() -> None:
    mailbox = Mailbox.parse("a@b")
    for route in ([Domain("c.example")], ("c.example",)):
        with pytest.raises(TypeError):
            ForwardPath(mailbox, route)  # type: ignore[arg-type]
    assert ForwardPath(mailbox, (Domain("c.example"),)).route == (Domain("c.example"),)


def test_a_domain_in_ascii_form_has_255_octets_at_most() -> None:
    u_label = "b\xfccher"
    size = len(Domain(u_label).to_ascii().text)
    for more, fits in ((0, True), (1, False)):
        filling = 255 - size - 1 + more
        labels = ["x" * 62] * (filling // 63) + ["x" * (filling % 63)]
        domain = Domain(".".join((*filter(None, labels), u_label)))
        if fits:
            assert len(domain.to_ascii().text) == 255
        else:
            with pytest.raises(SyntaxProblem):
                domain.to_ascii()
