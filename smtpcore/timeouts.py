"""How long each wait may last, in seconds (RFC 5321 4.5.3.2).  Data only: no clock is read here."""

from __future__ import annotations

import math

from smtpcore.errors import LocalProtocolError
from smtpcore.value import Value


class Timeouts(Value):
    """Seconds for each wait; `math.inf` for none.  A wait is for one command, reply or block, never for an octet."""

    #: Client: the greeting (4.5.3.2.1).
    greeting: float = 300.0
    #: Client: the reply to EHLO, HELO, LHLO, STARTTLS, AUTH, RSET, VRFY and all others without a figure in the RFC.
    command: float = 300.0
    #: Client: the reply to MAIL (4.5.3.2.2).
    mail: float = 300.0
    #: Client: the reply to RCPT (4.5.3.2.3).
    rcpt: float = 300.0
    #: Client: the reply to DATA (4.5.3.2.4).
    data: float = 120.0
    #: Both: a block of the text (4.5.3.2.5).
    block: float = 180.0
    #: Client: the reply to the final dot (4.5.3.2.6).
    end_of_message: float = 600.0
    #: Client: the reply to QUIT.
    quit: float = 300.0
    #: Server: the next command (4.5.3.2.7).
    server_command: float = 300.0
    #: Both: the TLS handshake.
    tls: float = 60.0

    def __post_init__(self) -> None:
        for name in self._fields:
            if not getattr(self, name) > 0:
                raise LocalProtocolError(f"the timeout {name} is in seconds and above zero; math.inf means none")

    @classmethod
    def none(cls) -> Timeouts:
        """No deadline anywhere."""
        return cls(*(math.inf for _ in cls._fields))


class Deadline:
    """The end of the wait that is on: it moves only when another wait begins."""

    __slots__ = ("_end", "_key")

    def __init__(self) -> None:
        self._key: object = None
        self._end = math.inf

    def at(self, now: float, key: object, seconds: float) -> float:
        """The time at which the wait named by `key` ends, given that it is `now`; a new key begins a new wait."""
        if key != self._key:
            self._key = key
            self._end = now + seconds
        return self._end
