"""Values: the metaclass form that users cannot change and that is cheap to build."""

from __future__ import annotations

import copy
import itertools
import pickle
import sys
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpcore.errors import SyntaxProblem
from smtpcore.value import Value


class Point(Value):
    """Two numbers, the second with a default."""

    x: int
    y: int = 0
    kind: ClassVar[str] = "point"

    def __post_init__(self) -> None:
        if self.x < 0:
            raise SyntaxProblem("x is negative")


class Named(Point):
    """A subclass with fields of its own, one that does not count and one that is secret."""

    name: str = ""
    note: str = ""
    password: str = ""
    _uncompared: ClassVar[tuple[str, ...]] = ("note",)
    _secret: ClassVar[tuple[str, ...]] = ("password",)


class Heir(Named):
    """Adds nothing."""


class Loose(Value):  # noqa: PLW1641 - that is the point
    """Defines equality and says nothing of hashing."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loose) and self.text.lower() == other.text.lower()


class Nothing(Value):
    """No field at all."""


VALUES = (Point(1, 2), Point(1), Named(1, 2, "a", "b", "c"), Heir(1, 2, "a"), Nothing())


def replaced(value: Value, **changes: object) -> object:
    """`copy.replace` where Python has it, and what it calls elsewhere."""
    if sys.version_info >= (3, 13):
        return copy.replace(value, **changes)
    return value.__replace__(**changes)


def test_fields_and_defaults() -> None:
    assert (Point(3).x, Point(3).y, Point(3, 4).y, Point(y=4, x=3).y) == (3, 0, 4, 4)
    assert Named(1, 2, "n", "o", "p").password == "p"
    assert Named(1, name="n").name == "n"
    assert Point.kind == "point"
    assert Point._fields == ("x", "y")
    assert Heir._fields == Named._fields == ("x", "y", "name", "note", "password")


def test_the_constructor_is_that_of_a_class() -> None:
    with pytest.raises(TypeError, match=r"__init__\(\) missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Point(1, z=1)  # type: ignore[call-arg]
    assert Point.__init__.__qualname__ == "Point.__init__"


def test_post_init_judges() -> None:
    for wrong in (Point, Named, Heir):
        with pytest.raises(SyntaxProblem, match="x is negative"):
            wrong(-1)


def test_make_is_the_same_object_without_the_judgement() -> None:
    made = Named._make(1, 2, "a")
    assert type(made) is Named
    assert made == Named(1, 2, "a")
    assert (made.note, made.password) == ("", "")
    assert Point._make(-1).x == -1
    with pytest.raises(AttributeError, match="is immutable"):
        setattr(made, "x", 5)  # noqa: B010 - the type checkers know it too


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_nothing_can_be_changed(value: Value) -> None:
    for name in (*value._fields, "kind", "unheard_of", "__class__"):
        with pytest.raises(AttributeError, match="is immutable"):
            setattr(value, name, 1)
        with pytest.raises(AttributeError, match="is immutable"):
            delattr(value, name)
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_copies_and_pickles_are_equal(value: Value) -> None:
    assert copy.copy(value) is value
    assert copy.deepcopy(value) is value
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert type(again) is type(value)
        assert again == value
        assert hash(again) == hash(value)
        assert all(getattr(again, name) == getattr(value, name) for name in value._fields)


def test_replace_is_checked() -> None:
    value = Named(1, 2, "a", "b", "c")
    other = replaced(value, x=5, note="")
    assert isinstance(other, Named)
    assert (other.x, other.y, other.name, other.note, other.password) == (5, 2, "a", "", "c")
    assert value.x == 1
    with pytest.raises(SyntaxProblem):
        replaced(value, x=-5)
    with pytest.raises(TypeError):
        replaced(value, z=1)


@given(st.lists(st.builds(Named, st.integers(0, 2), st.integers(0, 1), st.sampled_from(("a", "b")), st.text())))
def test_equality_is_that_of_the_fields_that_count(values: list[Named]) -> None:
    for one, other in itertools.product(values, repeat=2):
        same = (one.x, one.y, one.name, one.password) == (other.x, other.y, other.name, other.password)
        assert (one == other) is same
        assert (one != other) is not same
        assert not same or hash(one) == hash(other)


def test_other_classes_are_never_equal() -> None:
    assert Heir(1) != Named(1)
    assert Named(1) != Heir(1)
    assert Point(1) != (1, 0)
    assert len({Heir(1), Named(1), Point(1), Point(1, 0)}) == 3
    assert Point(1).__eq__((1, 0)) is NotImplemented


def test_own_equality_needs_own_hash() -> None:
    assert Loose("A") == Loose("a")
    with pytest.raises(TypeError, match="unhashable"):
        hash(Loose("a"))


def test_repr_shows_what_counts_and_no_secret() -> None:
    assert repr(Point(1)) == "Point(x=1, y=0)"
    assert repr(Named(1, 2, "a", "note", "hunter2")) == "Named(x=1, y=2, name='a', password=<hidden>)"
    assert repr(Nothing()) == "Nothing()"


def test_pattern_matching_by_position() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
