"""The table of states: complete, closed, and what RFC 5321 4.1.4 says of the order of commands."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import pytest

from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.state import TABLE, Move, State

#: The table with the verbs of every extension of this package.
ROWS: Mapping[State, Mapping[str, Move]] = {state: CLIENT_EXTENSIONS.rows[state] for state in State}
VERBS = sorted({verb for row in ROWS.values() for verb in row})
ANY_TIME = ("NOOP", "VRFY", "EXPN", "HELP", "RSET", "QUIT")
HELLOS = ("EHLO", "HELO", "LHLO")
TALKING = (State.FRESH, State.READY, State.MAIL, State.RCPT, State.BDAT, State.POISONED)

by_state = pytest.mark.parametrize("state", State, ids=lambda state: state.name)
by_talking_state = pytest.mark.parametrize("state", TALKING, ids=lambda state: state.name)


def walk(state: State, verbs: Iterable[str]) -> State | None:
    """Where accepted commands lead; `None` when one is out of sequence."""
    for verb in verbs:
        move = ROWS[state].get(verb)
        if move is None:
            return None
        state = move.done
    return state


def reachable(start: State) -> set[State]:
    found, todo = {start}, [start]
    while todo:
        for move in ROWS[todo.pop()].values():
            new = {move.done, move.refused} - found
            found |= new
            todo += new
    return found


@by_state
def test_any_verb_moves_or_is_refused(state: State) -> None:
    assert set(TABLE) == set(State)
    for verb in VERBS:
        move = ROWS[state].get(verb)
        assert move is None or (type(move.done) is State and type(move.refused) is State)


@by_state
def test_every_state_is_reached_and_left(state: State) -> None:
    assert state in reachable(State.CONNECTED)
    assert State.CLOSED in reachable(state)


def test_the_end_is_the_end() -> None:
    assert not ROWS[State.CLOSED]
    assert all(move.done is not State.CONNECTED is not move.refused for row in ROWS.values() for move in row.values())


@pytest.mark.rule("S-SES-02")
def test_after_a_refusing_greeting_there_is_quit_alone() -> None:
    assert set(ROWS[State.CONNECTED]) == {"CONNECT"}
    assert ROWS[State.CONNECTED]["CONNECT"] == Move(State.FRESH, State.REFUSED)
    assert set(ROWS[State.REFUSED]) == {"QUIT"}


@pytest.mark.rule("S-SES-07", "S-SES-42", "S-CMD-VRFY-11", "S-CMD-EXPN-05", "S-CMD-NOOP-02", "C-CMD-RSET-03")
@by_talking_state
def test_some_commands_have_no_wrong_time(state: State) -> None:
    assert set(ANY_TIME) <= set(ROWS[state])
    for verb in ("NOOP", "VRFY", "EXPN", "HELP"):
        assert ROWS[state][verb] == Move(state, state)
    assert ROWS[state]["QUIT"].done is State.CLOSED


@pytest.mark.rule("S-SES-14", "S-SES-15", "B-SES-32", "X-FW-26", "X-FW-27")
@by_talking_state
@pytest.mark.parametrize("verb", HELLOS)
def test_a_greeting_resets_when_it_is_accepted_and_only_then(state: State, verb: str) -> None:
    assert ROWS[state][verb] == Move(State.READY, state)


@pytest.mark.rule("S-SES-16", "S-SES-17", "S-CMD-RSET-02")
@by_talking_state
def test_reset_drops_the_transaction_and_nothing_else(state: State) -> None:
    assert ROWS[state]["RSET"].done is (State.FRESH if state is State.FRESH else State.READY)


@pytest.mark.rule("S-SES-08", "S-SES-11", "C-SES-12", "C-SES-31")
@by_state
def test_mail_begins_a_transaction_where_none_is(state: State) -> None:
    assert ("MAIL" in ROWS[state]) is (state is State.READY)
    assert ROWS[State.READY]["MAIL"] == Move(State.MAIL, State.READY)


@pytest.mark.rule("S-SES-10", "S-SES-34")
def test_recipients_before_data() -> None:
    assert {state for state in State if "RCPT" in ROWS[state]} == {State.MAIL, State.RCPT}
    assert ROWS[State.MAIL]["RCPT"] == Move(State.RCPT, State.MAIL)
    assert ROWS[State.RCPT]["RCPT"] == Move(State.RCPT, State.RCPT)
    assert {state for state in State if "DATA" in ROWS[state]} == {State.RCPT}
    assert ROWS[State.RCPT]["DATA"] == Move(State.DATA, State.RCPT)


@pytest.mark.rule("S-SES-38")
def test_a_transaction_has_one_order() -> None:
    right = [order for order in itertools.permutations(("MAIL", "RCPT", "DATA")) if walk(State.READY, order)]
    assert right == [("MAIL", "RCPT", "DATA")]


@pytest.mark.rule("B-SES-33", "S-CMD-DATA-10")
def test_the_end_of_the_text_ends_the_transaction() -> None:
    assert {state for state in State if "." in ROWS[state]} == {State.DATA, State.BDAT}
    assert set(ROWS[State.DATA]) == {"."}
    assert ROWS[State.DATA]["."] == ROWS[State.BDAT]["."] == Move(State.READY, State.READY)


@pytest.mark.rule("X-CHUNKING-10", "X-CHUNKING-15", "X-MIX-01", "X-MIX-10")
def test_a_refused_chunk_leaves_only_a_way_back() -> None:
    assert {state for state in State if "BDAT" in ROWS[state]} == {State.RCPT, State.BDAT}
    assert all(ROWS[state]["BDAT"] == Move(State.BDAT, State.POISONED) for state in (State.RCPT, State.BDAT))
    assert set(ROWS[State.POISONED]) == set(ROWS[State.BDAT]) - {"BDAT", "."} == {*ANY_TIME, *HELLOS}


@pytest.mark.rule("X-AUTH-06", "X-AUTH-07")
def test_tls_and_authentication_stand_outside_transactions() -> None:
    assert {state for state in State if "STARTTLS" in ROWS[state]} == {State.READY}
    assert {state for state in State if "AUTH" in ROWS[state]} == {State.READY}
    assert set(ROWS[State.TLS]) == {"TLS"}
    assert ROWS[State.TLS]["TLS"] == Move(State.FRESH, State.CLOSED)


@pytest.mark.rule("S-SES-42")
def test_quit_is_taken_wherever_commands_are() -> None:
    assert [state for state in State if "QUIT" in ROWS[state]] == sorted((*TALKING, State.REFUSED))
