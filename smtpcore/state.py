"""The state machine of a conversation, as data.

Two rules: every transition is in this file (an extension's verb adds its own rows in the same form), and nothing here
knows which end of the connection it serves.  The server answers 503 where a row is missing, the client refuses to
send, the documentation draws the picture, all from the same table (RFC 5321 4.1.4, 3.3, 4.3.1).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Mapping, NamedTuple


class State(IntEnum):
    """Where a conversation stands, between two commands."""

    #: Connected; the greeting is owed.
    CONNECTED = 0
    #: Greeted with a refusal; only QUIT is left (RFC 5321 3.1).
    REFUSED = 1
    #: Greeted, no EHLO yet (also right after the TLS handshake, RFC 3207 4.2).
    FRESH = 2
    #: Introduced, no transaction.
    READY = 3
    #: Transaction open, no recipient accepted yet.
    MAIL = 4
    #: Transaction open, at least one recipient accepted.
    RCPT = 5
    #: The text is being transferred after 354.
    DATA = 6
    #: At least one chunk came, the last did not (RFC 3030).
    BDAT = 7
    #: A chunk was refused: nothing but RSET mends the transaction (RFC 3030 2).
    POISONED = 8
    #: Between STARTTLS's 220 and the end of the handshake.
    TLS = 9
    #: Over.
    CLOSED = 10


class Move(NamedTuple):
    """Where a command leads: after a 2yz or 3yz reply, and after a 4yz or 5yz one."""

    done: State
    refused: State


def _stay(state: State) -> Move:
    return Move(state, state)


_TALKING: Final = (State.FRESH, State.READY, State.MAIL, State.RCPT, State.BDAT, State.POISONED)


def _row(state: State) -> dict[str, Move]:
    """What is allowed in every state in which commands are taken (RFC 5321 4.1.4)."""
    row = {verb: _stay(state) for verb in ("NOOP", "VRFY", "EXPN", "HELP")}
    for hello in ("EHLO", "HELO", "LHLO"):
        row[hello] = Move(State.READY, state)  # refused: the state before it stands, transaction included
    row["RSET"] = Move(State.FRESH if state is State.FRESH else State.READY, state)
    row["QUIT"] = Move(State.CLOSED, state)
    return row


#: State, verb, move.  `"CONNECT"` is the greeting, `"."` the end of the message.  A missing entry is out of sequence.
TABLE: Final[Mapping[State, Mapping[str, Move]]] = {
    State.CONNECTED: {"CONNECT": Move(State.FRESH, State.REFUSED)},
    State.REFUSED: {"QUIT": Move(State.CLOSED, State.REFUSED)},
    State.FRESH: _row(State.FRESH),
    State.READY: _row(State.READY) | {"MAIL": Move(State.MAIL, State.READY)},
    State.MAIL: _row(State.MAIL) | {"RCPT": Move(State.RCPT, State.MAIL)},
    State.RCPT: _row(State.RCPT) | {"RCPT": _stay(State.RCPT), "DATA": Move(State.DATA, State.RCPT)},
    State.DATA: {".": _stay(State.READY)},  # the end of the text ends the transaction, taken or refused
    State.BDAT: _row(State.BDAT) | {".": _stay(State.READY)},
    State.POISONED: _row(State.POISONED),
    State.TLS: {"TLS": Move(State.FRESH, State.CLOSED)},
    State.CLOSED: {},
}
