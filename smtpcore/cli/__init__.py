"""The applications of the library behind `python -m smtpcore`: the one place of this package that does I/O.

One file for each sub-command.  Exit statuses are those of sysexits.h, as mail programs use them.
"""

from __future__ import annotations

import os
import re
from typing import Final, TextIO

#: All recipients were taken; or a server that was told to stop has stopped.
OK: Final = 0
#: The command line, or the message itself, cannot be used.
USAGE: Final = 64
#: A recipient was refused for good; or a server cannot listen.
UNAVAILABLE: Final = 69
#: The output is gone (a closed pipe, a full disk).
OUTPUT_LOST: Final = 74
#: Nothing was refused for good, but not all was taken: try again later.
TRY_AGAIN: Final = 75
#: Stopped by Ctrl-C before the outcome was known (128 + SIGINT, as shells say).
INTERRUPTED: Final = 130


class Trouble(Exception):
    """What a sub-command cannot go on after: a sentence for standard error, and the exit status."""

    def __init__(self, text: str, status: int = USAGE) -> None:
        super().__init__(text)
        self.status = status


_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """Text of a peer for a terminal: control characters are shown escaped, so that they cannot steer it."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def forget(stream: TextIO) -> None:
    """Nobody takes what goes to this stream any more: keep the interpreter from complaining when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
