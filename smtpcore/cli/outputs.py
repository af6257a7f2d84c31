"""Where `serve` puts messages: for people (`print`), for programs (`json`), or into files (`maildir:DIR`).

A message is opened when its first octets come and is written as it comes; it counts when `commit` has returned, and
only then is it acknowledged (RFC 5321 6.1).  Nothing here keeps a whole message in memory.
"""

from __future__ import annotations

import base64
import codecs
import json
import os
import socket
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import IO, BinaryIO, Final, Iterator, Mapping, Protocol, TypedDict

from smtpcore.cli import Trouble, visible
from smtpcore.session import Session

#: Octets of a message that are kept in memory; what is larger goes to a temporary file.
SPOOL: Final = 1 << 20
#: Octets that are handled at a time; a multiple of 3, so that pieces of base64 fit together.
PIECE: Final = 3 << 14


class Recipient(TypedDict):
    """One accepted recipient: the address as written, without brackets, and its parameters by upper-case keyword."""

    to: str
    params: Mapping[str, str | None]


class Envelope(TypedDict):
    """What came around a message.  `mail_from` is empty for the null path; `auth` is null when nobody logged in."""

    helo: str
    mail_from: str
    mail_params: Mapping[str, str | None]
    rcpt_to: list[Recipient]
    tls: bool
    auth: str | None


def envelope_of(session: Session) -> Envelope:
    """The envelope of the message that has just come in."""
    envelope, hello = session.envelope, session.hello
    if envelope is None or hello is None:
        raise ValueError("no message is open in this session")
    return {
        "helo": str(hello.name),
        "mail_from": str(envelope.mail.path)[1:-1],
        "mail_params": {keyword.upper(): value for keyword, value in envelope.mail.params},
        "rcpt_to": [
            {"to": str(rcpt.path)[1:-1], "params": {keyword.upper(): value for keyword, value in rcpt.params}}
            for rcpt in envelope.recipients
        ],
        "tls": session.tls,
        "auth": session.identity,
    }


class Incoming(Protocol):
    """One message on its way in.  Every method may raise `OSError`: the message is then not taken."""

    def write(self, data: bytes) -> None:
        """More of its octets."""
        ...

    def commit(self, envelope: Envelope) -> str:
        """All is there: keep it.  Returns where, for the log."""
        ...

    def discard(self) -> None:
        """Nothing comes of it.  Harmless after `commit`."""
        ...


class OutputGone(OSError):
    """The stream takes nothing any more: part of a message may have been written, so nothing can follow it."""


class Output(Protocol):
    """Opens messages; several may be open at once, each in its own thread."""

    def open(self) -> Incoming:
        """A new message."""
        ...


class _Spooled:
    """A message that is held until it is whole, then written to one stream, never mixed with another."""

    def __init__(self, output: StreamOutput) -> None:
        self._output = output
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=SPOOL)  # noqa: SIM115 - closed by `discard`

    def write(self, data: bytes) -> None:
        self._spool.write(data)

    def commit(self, envelope: Envelope) -> str:
        self._spool.seek(0)
        with self._output.lock:
            try:
                self._output.put(envelope, self._pieces())
                self._output.stream.flush()
            except OSError as error:
                raise OutputGone(error.errno, error.strerror) from error
        self.discard()
        return "written"

    def discard(self) -> None:
        self._spool.close()

    def _pieces(self) -> Iterator[bytes]:
        while piece := self._spool.read(PIECE):
            yield piece


class StreamOutput:
    """Base of the outputs that write whole messages, one after the other, to one stream."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.lock = threading.Lock()

    def open(self) -> Incoming:
        """A new message."""
        return _Spooled(self)

    def put(self, envelope: Envelope, pieces: Iterator[bytes]) -> None:
        """Write one message; the lock is held."""
        raise NotImplementedError


class JsonOutput(StreamOutput):
    """One line of JSON for each message, its octets in base64."""

    def put(self, envelope: Envelope, pieces: Iterator[bytes]) -> None:
        fields = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in envelope.items()]
        fields.insert(4, '"body_base64": "')
        self.stream.write(("{" + ", ".join(fields[:5])).encode("ascii"))
        for piece in pieces:
            self.stream.write(base64.b64encode(piece))
        self.stream.write(('", ' + ", ".join(fields[5:]) + "}\n").encode("ascii"))


class PrintOutput(StreamOutput):
    """The message as text; control characters are shown escaped, so that no message can steer a terminal."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self._numbers = count(1)

    def put(self, envelope: Envelope, pieces: Iterator[bytes]) -> None:
        number = next(self._numbers)
        sender = f"<{envelope['mail_from']}>{_shown(envelope['mail_params'])}"
        self._say(f"--- message {number} from {sender}, client {envelope['helo']}\n")
        for rcpt in envelope["rcpt_to"]:
            self._say(f"--- to <{rcpt['to']}>{_shown(rcpt['params'])}\n")
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        size = 0
        held = last = ""
        for piece in pieces:
            size += len(piece)
            text = held + decoder.decode(piece)
            held = "\r" if text.endswith("\r") else ""  # CRLF may be parted by the border of two pieces
            last = self._text(text[: len(text) - len(held)]) or last
        last = self._text(held + decoder.decode(b"", True)) or last
        self._say(f"{'' if last in ('', chr(10)) else chr(10)}--- end of message {number}, {size} octets\n")

    def _text(self, text: str) -> str:
        """Show some text; gives its last character."""
        self._say(text.replace("\r\n", "\n"))
        return text[-1:]

    def _say(self, text: str) -> None:
        self.stream.write(visible(text).encode("utf-8"))


def _shown(params: Mapping[str, str | None]) -> str:
    return "".join(f" {keyword}" if value is None else f" {keyword}={value}" for keyword, value in params.items())


class MaildirOutput:
    """A file for each message, exactly its octets (CRLF line ends, nothing added): `tmp`, then moved to `new`.

    Raises `Trouble` when the folder can be neither found nor made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
        try:
            for name in ("tmp", "new", "cur"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Trouble(f"no maildir can be made of {folder}: {error.strerror}") from None

    def open(self) -> Incoming:
        """A new message."""
        now = time.time_ns()
        name = f"{now // 10**9}.M{now // 1000 % 10**6}P{os.getpid()}Q{next(self._numbers)}.{self._host}"
        return _MaildirFile(self.folder, name)


class _MaildirFile:
    def __init__(self, folder: Path, name: str) -> None:
        self._tmp, self._new = folder / "tmp" / name, folder / "new" / name
        self._file: BinaryIO = self._tmp.open("xb")

    def write(self, data: bytes) -> None:
        self._file.write(data)

    def commit(self, envelope: Envelope) -> str:
        self._file.flush()
        os.fsync(self._file.fileno())  # 250 is a promise that a crash does not break (RFC 5321 6.1)
        self._file.close()
        self._tmp.rename(self._new)
        if hasattr(os, "O_DIRECTORY"):
            folder = os.open(self._new.parent, os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return f"new/{self._new.name}"

    def discard(self) -> None:
        self._file.close()
        self._tmp.unlink(missing_ok=True)


def make_output(name: str, stream: BinaryIO) -> Output:
    """The output that `--output` names.  Raises `Trouble` for one that does not exist."""
    kind, _, folder = name.partition(":")
    if kind == "maildir" and folder:
        return MaildirOutput(Path(folder))
    if name == "print":
        return PrintOutput(stream)
    if name == "json":
        return JsonOutput(stream)
    raise Trouble(f"--output is print, json or maildir:DIR, not {name}")
