"""Which reply codes are listed for which command (RFC 5321 4.3.2, with RFC 7504), as data.

For servers that hold their application to the list (`strict_replies`).  A client never reads this: to it the first
digit counts (RFC 5321 4.2.1).  Extensions add their own with `Extension.codes`.
"""

from __future__ import annotations

from typing import Final, Mapping

#: Listed for every command: not understood, bad argument, and the server closing.
ALWAYS: Final = frozenset((421, 500, 501))
_MESSAGE: Final = (250, 450, 451, 452, 550, 552, 554)

#: `"CONNECT"` is the greeting, `"."` the end of the message.  A verb that is missing has no list.
LISTED: Final[Mapping[str, frozenset[int]]] = {
    verb: ALWAYS.union(codes)
    for verb, codes in {
        "CONNECT": (220, 521, 554),
        "MAIL": (250, 451, 452, 455, 503, 550, 552, 553, 555),
        "RCPT": (250, 251, 450, 451, 452, 455, 503, 550, 551, 552, 553, 555, 556),
        # Before the text: the RFC has 503 and 554; 451 is its ancestors', 450 and 550 are what policy says (4.3.2).
        "DATA": (354, 450, 451, 503, 550, 554),
        ".": _MESSAGE,
        "VRFY": (250, 251, 252, 502, 504, 550, 551, 553),
        "EXPN": (250, 252, 502, 504, 550),
        "HELP": (211, 214, 502, 504),
        # RFC 5321 4.1.4 has a closed list of refusals, and 4.3.2 a longer one: the shorter holds.
        "EHLO": (250, 502, 550),
        "HELO": (250, 502, 550),
        "LHLO": (250, 502, 550),
    }.items()
}
