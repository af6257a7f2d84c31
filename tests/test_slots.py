"""Replies leave in the order of the commands, whatever the order of the answers (RFC 2920 3.2 (1))."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpcore.slots import Slots


class Key:
    """A command that waits; equal to every other, to see that identity counts."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key)

    def __hash__(self) -> int:
        return 0


@given(st.integers(0, 12).flatmap(lambda count: st.permutations(range(count))), st.sets(st.integers(0, 11)))
def test_answers_in_any_order_leave_in_order(order: list[int], looks: set[int]) -> None:
    slots: Slots[Key] = Slots()
    keys = [Key(number) for number in range(len(order))]
    for key in keys:
        slots.open(key)
    assert slots.unfilled() == keys
    sent: list[bytes] = []
    for step, number in enumerate(order):
        slot = slots.find(keys[number])
        assert slot is not None
        assert slot.key is keys[number]
        assert (slot.wire, slot.positive) == (None, False)
        slot.wire = b"%d" % number
        assert slots.find(keys[number]) is None
        if step in looks:
            sent += [slot.wire for slot in slots.ready() if slot.wire is not None]
            assert len(slots) == len(keys) - len(sent)
    assert slots.unfilled() == []
    sent += [slot.wire for slot in slots.ready() if slot.wire is not None]
    assert sent == [b"%d" % number for number in range(len(keys))]
    assert len(slots) == 0


def test_the_head_holds_back_the_rest() -> None:
    slots: Slots[Key] = Slots()
    first, second = Key(1), Key(2)
    slots.open(first)
    slots.open(second)
    found = slots.find(second)
    assert found is not None
    found.wire = b"250"
    assert slots.ready() == []
    assert [key.number for key in slots.unfilled()] == [1]
    slots.clear()
    assert len(slots) == 0
    assert slots.find(first) is None
