"""Catch all mail: a server for development that takes everything and delivers nothing.

It accepts every sender and recipient and hands each message to --output:

  print         readable text on standard output (the default)
  json          one line for each message: helo, mail_from, mail_params,
                rcpt_to (a list of {"to", "params"}), body_base64, tls, auth
  maildir:DIR   a file for each message in DIR/new, exactly its octets

It says `listening on HOST:PORT` on standard error as soon as clients can connect
(--port 0 chooses a free port) and runs until Ctrl-C, which is the regular end:
open conversations get 421, messages that were acknowledged are kept, exit status 0.

  python -m smtpcore serve --port 2525 --output json
"""

from __future__ import annotations

import argparse
import errno
import signal
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from typing import Final

from smtpcore import cli, replies
from smtpcore.cli.accounts import Accounts
from smtpcore.cli.outputs import Incoming, Output, OutputGone, envelope_of, make_output
from smtpcore.cli.wire import Wire, server_context
from smtpcore.commands import EndOfMessage
from smtpcore.content import NewlinePolicy
from smtpcore.errors import SMTPError
from smtpcore.events import Body, Closed, ServerEvent, Step, TransactionAborted
from smtpcore.extensions.auth import Authenticate
from smtpcore.extensions.base import Extension
from smtpcore.extensions.known import SERVER_EXTENSIONS
from smtpcore.extensions.size import Size
from smtpcore.extensions.starttls import StartTlsExtension
from smtpcore.server import ServerConnection
from smtpcore.settings import ServerSettings

#: Octets: what many public servers take.
MAX_SIZE: Final = 50 << 20
#: Connections served at a time; more wait in the listener's queue.
CONNECTIONS: Final = 200
#: Seconds that conversations have to end once the server stops.
STOP_WAIT: Final = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s, this machine only)")
    add("--port", type=int, default=2525, help="port to listen on; 0 chooses a free one (default: %(default)s)")
    add("--name", default="localhost", help="the server's name in greeting and replies (default: %(default)s)")
    add("--lmtp", action="store_true", help="speak LMTP (RFC 2033) instead of SMTP")
    add(
        "--max-size",
        type=int,
        default=MAX_SIZE,
        metavar="N",
        help="largest message in octets; 0: any (default: 50 MiB)",
    )
    add("--output", default="print", metavar="print|json|maildir:DIR", help="where messages go (default: %(default)s)")
    add(
        "--newlines",
        choices=[policy.value for policy in NewlinePolicy],
        default=NewlinePolicy.REJECT.value,
        help="CR or LF alone in a message: reject it (default), keep them, or repair them to CRLF",
    )
    add("--cert", metavar="FILE", help="certificate chain in PEM: offers STARTTLS")
    add("--key", metavar="FILE", help="its private key, when that is not in the same file")
    add("--implicit-tls", action="store_true", help="TLS from the first octet instead of STARTTLS (with --cert)")
    add("--auth", metavar="any|FILE", help="offer AUTH: to anybody, or to the name:password lines of a file")
    add("--require-auth", action="store_true", help="take mail only after AUTH")
    add("--clear-text-auth", action="store_true", help="passwords without TLS, too (this network can read them)")
    add("-v", "--verbose", action="store_true", help="write every event of every conversation to standard error")


def run(options: argparse.Namespace) -> int:
    """Listen, serve, and stop in good order.  Raises `Trouble`."""
    server = Server(options)
    with server.listen(options.host, options.port):
        with suppress(KeyboardInterrupt):
            signal.signal(signal.SIGTERM, _interrupt)
            # Whoever waits for this line may connect now; it comes before everything else.
            print(f"listening on {server.address}", file=sys.stderr, flush=True)
            server.serve()
        with suppress(KeyboardInterrupt):  # who presses Ctrl-C again does not want to wait for the rest
            server.stop()
    if server.output_lost:
        print(f"smtpcore: the output is gone: {server.output_lost}", file=sys.stderr)
        return cli.OUTPUT_LOST
    return cli.OK


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


class Server:
    """The listener and its conversations, one thread for each.  Raises `Trouble` for options that do not fit."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.verbose: bool = options.verbose
        self.output: Output = make_output(options.output, sys.stdout.buffer)
        #: Why messages can no longer be written, empty while they can.
        self.output_lost = ""
        self.address = ""
        self.implicit: bool = options.implicit_tls
        self.tls = _context(options)
        self.accounts = Accounts.named(options.auth) if options.auth else None
        try:
            self.settings = ServerSettings(
                options.name,
                extensions=self._extensions(options),
                newlines=NewlinePolicy(options.newlines),
                lmtp=options.lmtp,
            )
        except SMTPError as error:
            raise cli.Trouble(str(error)) from None
        self._stopping = threading.Event()
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        self._open: dict[Wire, threading.Thread] = {}
        self._listener: socket.socket | None = None

    def _extensions(self, options: argparse.Namespace) -> list[Extension]:
        """All that keeps octets as they are, and what the options ask for."""
        if options.max_size < 0:
            raise cli.Trouble("--max-size is in octets: 0 or more")
        offered = [Size(options.max_size) if isinstance(each, Size) else each for each in SERVER_EXTENSIONS]
        if self.tls is not None and not self.implicit:
            offered.append(StartTlsExtension())
        if self.accounts is not None:
            if options.auth == "any" and self.tls is None and not options.clear_text_auth:
                raise cli.Trouble("--auth any needs TLS (--cert), or --clear-text-auth where nobody can listen")
            offered.append(self.accounts.extension(clear_text=options.clear_text_auth, required=options.require_auth))
        elif options.require_auth or options.clear_text_auth:
            raise cli.Trouble("--require-auth and --clear-text-auth need --auth")
        return offered

    def listen(self, host: str, port: int) -> socket.socket:
        """Bind and listen; `address` says where.  Raises `Trouble`."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._listener = socket.create_server((host, port), family=family, backlog=128)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise cli.Trouble(f"cannot listen on {host}, port {port}: {reason}", cli.UNAVAILABLE) from None
        name, number = self._listener.getsockname()[:2]
        self.address = f"[{name}]:{number}" if ":" in name else f"{name}:{number}"
        return self._listener

    def serve(self) -> None:
        """Take connections until `KeyboardInterrupt`, or until the output is gone."""
        assert self._listener is not None
        while not self._stopping.is_set():
            self._room.acquire()
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                self._room.release()
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._stopping.wait(0.1)  # until some conversation ends
                continue
            wire = Wire(sock, self.tls)
            thread = threading.Thread(target=self._converse, args=(wire,), daemon=True)
            self._open[wire] = thread
            thread.start()

    def stop(self) -> None:
        """Tell every client 421 and wait, for seconds, until what was being written is written."""
        self._stopping.set()
        there = list(self._open.items())
        for wire, _ in there:
            with suppress(OSError):
                # Past the TLS layer, which must stay: 421 goes out through it.
                socket.socket.shutdown(wire.sock, socket.SHUT_RD)
        end = time.monotonic() + STOP_WAIT
        for _, thread in there:
            thread.join(max(end - time.monotonic(), 0))

    def output_is_gone(self, error: OSError) -> None:
        """A stream that takes nothing any more does not come back: the server ends."""
        self.output_lost = error.strerror or str(error)
        self._stopping.set()
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()

    def _converse(self, wire: Wire) -> None:
        """One conversation, in its own thread."""
        try:
            wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.implicit:
                wire.sock.settimeout(self.settings.timeouts.tls)
                wire.start_tls()
            _Client(self, wire).run()
        except OSError as error:
            self.say(f"connection failed: {error}")
        finally:
            wire.close()
            self._open.pop(wire, None)
            self._room.release()

    def say(self, text: str) -> None:
        """A line of the log, when that is wanted."""
        if self.verbose:
            print(text, file=sys.stderr, flush=True)

    @property
    def stopping(self) -> bool:
        """Whether the server is on its way out."""
        return self._stopping.is_set()


def _context(options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.cert:
        try:
            return server_context(options.cert, options.key)
        except OSError as error:
            raise cli.Trouble(f"{options.cert} cannot be used for TLS: {error}") from None
    if options.implicit_tls or options.key:
        raise cli.Trouble("--implicit-tls and --key need --cert")
    return None


class _Client:
    """What one client says, and the message that is coming in from it."""

    def __init__(self, server: Server, wire: Wire) -> None:
        self._server = server
        self._wire = wire
        self._conn = ServerConnection(settings=server.settings, tls=server.implicit)
        self._message: Incoming | None = None
        peer, port = wire.sock.getpeername()[:2]
        self._peer = f"{peer}:{port}"

    def run(self) -> None:
        """The driver loop: pull, send, receive."""
        conn = self._conn
        try:
            while conn.next_step is not Step.CLOSE:
                if self._server.stopping:
                    conn.shut_down()
                for event in conn.events():
                    self._decide(event)
                self._wire.turn(conn)
        finally:
            self._drop()

    def _decide(self, event: ServerEvent) -> None:
        conn = self._conn
        if isinstance(event, Body):
            self._write(event.data)
            return
        self._server.say(f"{self._peer}: {event!r}")
        if isinstance(event, EndOfMessage):
            self._commit(event)
        elif isinstance(event, (TransactionAborted, Closed)):
            self._drop()
        elif isinstance(event, Authenticate) and self._server.accounts is not None:
            self._server.accounts.judge(conn, event)
        elif (question := conn.question) is not None:
            conn.accept(question)

    def _write(self, data: bytes) -> None:
        try:
            if self._message is None:
                self._message = self._server.output.open()
            self._message.write(data)
        except OSError as error:
            self._failed(error)
            self._conn.refuse_message(replies.INSUFFICIENT_STORAGE)

    def _commit(self, question: EndOfMessage) -> None:
        try:
            message = self._message or self._server.output.open()
            self._message = message
            place = message.commit(envelope_of(self._conn.session))
        except OSError as error:
            self._failed(error)
            self._conn.reject(question, replies.INSUFFICIENT_STORAGE)
        else:
            self._message = None
            self._server.say(f"{self._peer}: {place}, {question.size} octets")
            self._conn.accept(question)

    def _failed(self, error: OSError) -> None:
        self._drop()
        if isinstance(error, OutputGone):
            self._server.output_is_gone(error)
        else:
            print(f"smtpcore: a message could not be written: {error}", file=sys.stderr, flush=True)

    def _drop(self) -> None:
        if self._message is not None:
            self._message.discard()
            self._message = None
