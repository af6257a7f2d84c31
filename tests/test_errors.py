"""The errors: what can be caught with what, and what a syntax problem says."""

from __future__ import annotations

import copy
import pickle

import pytest

from smtpcore import errors
from smtpcore.errors import (
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    SMTPError,
    SyntaxProblem,
    TimedOut,
)


def test_one_base_for_all() -> None:
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(classes) >= 6
    assert all(issubclass(kind, SMTPError) for kind in classes)


@pytest.mark.parametrize("kind", [LocalProtocolError, RemoteProtocolError, TimedOut])
def test_whose_fault_it_was_can_be_told(kind: type[SMTPError]) -> None:
    others = {LocalProtocolError, RemoteProtocolError, TimedOut} - {kind}
    assert not any(issubclass(kind, other) for other in others)


def test_a_lost_connection_is_the_peers_fault() -> None:
    assert issubclass(ConnectionLost, RemoteProtocolError)


def test_a_syntax_problem_is_a_value_error_with_a_place() -> None:
    problem = SyntaxProblem("A dot is missing.", reason="dot", position=7)
    assert isinstance(problem, ValueError)
    assert (problem.text, problem.reason, problem.position) == ("A dot is missing.", "dot", 7)
    assert str(problem) == "A dot is missing. (octet 7)"
    assert (SyntaxProblem("x").reason, SyntaxProblem("x").position) == ("syntax", 0)


def test_a_syntax_problem_can_be_copied() -> None:
    problem = SyntaxProblem("A dot is missing.", reason="dot", position=7)
    for again in (copy.copy(problem), pickle.loads(pickle.dumps(problem))):
        assert type(again) is SyntaxProblem
        assert (again.text, again.reason, again.position) == (problem.text, problem.reason, problem.position)
        assert str(again) == str(problem)
