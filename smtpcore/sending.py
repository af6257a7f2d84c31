"""What a client is about to send: commands on their way, the text of a message, and whether they may be sent at all.

`Pending` is a command between `send` and its reply.  `Text` and `Chunks` turn the content of a message into octets.
`Gate` refuses what the server did not offer, before one octet of it is written (RFC 5321 4.1.1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from smtpcore.addresses import Mailbox
from smtpcore.capabilities import EMPTY, Capabilities
from smtpcore.commands import Command, Data, Mail, Rcpt
from smtpcore.content import ChunkEncoder, ContentEncoder, NewlinePolicy, encode_clean
from smtpcore.errors import LocalProtocolError
from smtpcore.extensions.base import Extension
from smtpcore.extensions.planning import announces_eight_bit, planners
from smtpcore.mailboxes import quoted
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply
from smtpcore.state import State

if TYPE_CHECKING:
    from smtpcore.extensions.base import ClientDialogue, Verb
    from smtpcore.extensions.registry import ExtensionSet

#: Largest command line without parameters, in octets with CRLF (RFC 5321 4.5.3.1.4).
LINE: Final = 512
_DATA: Final = Data().to_bytes()
#: No path of less octets can exceed the limits of RFC 5321 4.5.3.1.1-3, nor a line with it and such parameters its own.
SHORT: Final = 64
#: What MAIL and RCPT say before the mailbox.
_HEADS: Final = {"MAIL": "MAIL FROM:<", "RCPT": "RCPT TO:<"}
#: Stands in the `Response` to a command that was queued and could not be sent any more.  A server would have said 503.
NOT_SENT: Final = Reply(503, "Not sent: a command before it was refused", "5.5.1")
#: Makes the command of one chunk, of its size in octets and whether it is the last (`Bdat`, RFC 3030 2).
ChunkMaker = Callable[[int, bool], Command]

#: Commands of RFC 5321 that may stand inside a group; all others end it (RFC 2920 3.1).  The end of a text may be
#: followed at once, since the text is not a command.
_INSIDE: Final = frozenset(("MAIL", "RCPT", "RSET", "."))
#: What to do instead, where a command is out of sequence.
_INSTEAD: Final = {
    State.REFUSED: "the server refused the session: only QUIT is left",
    State.FRESH: "greet first: EHLO, HELO or LHLO has to be accepted",
    State.DATA: "the text is due: send_body(), then end_body()",
    State.TLS: "the TLS handshake comes first",
    State.CLOSED: "the conversation is over: QUIT was sent, or the connection is closed",
    State.POISONED: "a chunk was refused: send RSET first",
    State.BDAT: "chunks are being sent: end_body(), or RSET",
}
_INSTEAD_OF: Final = {
    "MAIL": "a transaction is open: finish it, or send RSET first",
    "RCPT": "send MAIL first",
    "DATA": "send MAIL and RCPT first",
}


class Pending:
    """A command on its way, from `send` to its last reply; here one of RFC 5321, which has nothing but its line."""

    __slots__ = ("command", "last", "name", "wire")
    #: The declaration, for a command of an extension.
    verb: Verb | None = None
    #: The octets behind the line (BDAT).
    octets: bytes | None = None
    #: Reads the lines that belong to the command (AUTH).
    dialogue: ClientDialogue | None = None
    #: The dialogue was cancelled (`*`): only the last reply may follow.
    cancelled: bool = False
    #: Not a command: the place where the chunks of a message begin.
    starts: ChunkMaker | None = None
    #: Its reply decides about the message.
    final: bool = False

    def __init__(self, command: Command, wire: bytes) -> None:
        self.command = command
        #: The verb: everything goes by it, since comparing texts is cheaper than asking for types.
        self.name = name = command.verb
        self.wire = wire
        #: It ends a pipelined group.
        self.last = name not in _INSIDE


class PendingVerb(Pending):
    """A command of an extension on its way."""

    __slots__ = ("cancelled", "dialogue", "final", "octets", "starts", "verb")

    def __init__(
        self,
        command: Command,
        wire: bytes,
        verb: Verb,
        octets: bytes | None = None,
        *,
        dialogue: ClientDialogue | None = None,
        starts: ChunkMaker | None = None,
    ) -> None:
        super().__init__(command, wire)
        self.verb = verb
        self.octets = octets
        self.dialogue = dialogue
        self.cancelled = False
        self.starts = starts
        # Behind the last chunk nothing goes out before its reply (RFC 4468 3.2).
        self.final = verb.ends_message is not None and verb.ends_message(command)
        self.last = verb.last or self.final


def out_of_sequence(verb: str, state: State) -> LocalProtocolError:
    """The error for a command that the state does not allow, with what to do instead."""
    instead = _INSTEAD.get(state) or _INSTEAD_OF.get(verb) or "see RFC 5321 4.1.4 for the order of commands"
    return LocalProtocolError(f"{verb} is out of sequence: {instead}")


class Text:
    """The text behind DATA (RFC 5321 4.5.2); its encoder is made when the first piece comes."""

    __slots__ = ("_gate", "_mail", "alive", "encoder")

    def __init__(self, gate: Gate, mail: Mail) -> None:
        self._gate = gate
        self._mail = mail
        self.encoder: ContentEncoder | None = None
        #: The server still wants it.
        self.alive = True

    @property
    def size(self) -> int:
        """Octets of content so far."""
        return 0 if self.encoder is None else self.encoder.size

    def encode(self, chunk: bytes) -> bytes:
        """What to send of this piece now."""
        encoder = self.encoder
        if encoder is None:
            encoder = self.encoder = self._gate.encoder(self._mail)
        return encoder.encode(chunk)

    def finish(self, chunk: bytes) -> bytes:
        """What to send of the last piece, with the end mark."""
        wire = self.encode(chunk)
        assert self.encoder is not None
        return wire + self.encoder.finish()


class Chunks:
    """The chunks behind MAIL and RCPT (RFC 3030 2); binary content passes as it is."""

    __slots__ = ("alive", "encoder", "make")

    def __init__(self, make: ChunkMaker, encoder: ChunkEncoder | None) -> None:
        self.make = make
        self.encoder = encoder
        self.alive = True

    def encode(self, chunk: bytes) -> bytes:
        """What to send of this piece now."""
        return chunk if self.encoder is None else self.encoder.encode(chunk)

    def finish(self, chunk: bytes) -> bytes:
        """What to send of the last piece."""
        return chunk if self.encoder is None else self.encoder.encode(chunk) + self.encoder.finish()


class Gate:
    """What may be sent to this server: known from its reply to EHLO, forgotten at TLS (RFC 3207 4.2)."""

    __slots__ = (
        "_binary",
        "_is_binary",
        "_judged",
        "_marks",
        "_rooms",
        "_wanted",
        "capabilities",
        "enhanced",
        "extensions",
        "extra",
        "max_line",
        "newlines",
        "offered",
        "pipelining",
        "planners",
    )

    def __init__(
        self,
        extensions: ExtensionSet,
        *,
        newlines: NewlinePolicy,
        max_line: int | None,
        pipelining: bool,
        extra: bool,
    ) -> None:
        self.extensions = extensions
        self.newlines = newlines
        self.max_line = max_line
        #: Parameters that no known extension declares may be sent though nobody offered them.
        self.extra = extra
        self._wanted = pipelining
        self._binary = [each for each in extensions if each.__class__.binary is not Extension.binary]
        #: Keywords without which no MAIL is binary.
        self._marks = frozenset(
            [each.keyword for extension in self._binary for each in extension.parameters if each.place == "MAIL"]
        )
        self._judged: Mail | None = None  # the MAIL that was asked about last
        self._is_binary = False  # whether it announces binary content
        #: The extensions that look at a message before it is sent, by the kind of message (`MailPlan.finish`).
        self.planners = planners(extensions)
        self.learn(EMPTY)

    def learn(self, capabilities: Capabilities) -> None:
        """Replace all that was known of the server (X-FW-28)."""
        self.capabilities = capabilities
        #: The same as a plain dictionary, which is looked into faster.
        self.offered = dict(capabilities)
        offered = [extension for extension in self.extensions if extension.keyword in capabilities]
        self.pipelining = self._wanted and any(extension.pipelining for extension in offered)
        self.enhanced = any(extension.enhanced_codes for extension in offered)
        #: Verb and keyword of parameters with which nothing is the matter: the octets that they may add to a line.
        self._rooms: dict[tuple[str, str], int] = {}

    def offers(self, extension: Extension) -> bool:
        """Whether the extension is in the reply to EHLO that is in force."""
        return extension.keyword in self.offered

    def binary(self, mail: Mail) -> bool:
        """Whether this MAIL announces content without lines; asked several times of the same one."""
        if mail is self._judged:
            return self._is_binary
        for keyword, _ in mail.params.pairs:
            if keyword.upper() in self._marks:
                break
        else:
            return False
        self._judged = mail
        self._is_binary = any(extension.binary(mail) for extension in self._binary)
        return self._is_binary

    def line(self, command: Command, mail: Mail | None) -> bytes:
        """The line of a command, checked; `mail` is the MAIL that governs a RCPT.

        Raises `LocalProtocolError` or `SyntaxProblem` for what must not be sent.
        """
        if type(command) is Mail or type(command) is Rcpt:
            wire = self._short_line(command)
            if wire is not None:
                return wire
        elif type(command) is Data:
            if mail is not None and self.binary(mail):
                raise LocalProtocolError("binary content does not go by DATA: start_chunks() (RFC 3030 3)")
            return _DATA
        return self._any_line(command, mail)

    def _short_line(self, command: Mail | Rcpt) -> bytes | None:
        """MAIL or RCPT with an ordinary mailbox, under the rule of `Command.to_bytes`; `None`: it wants a closer look.

        So short a path is within all limits, and so is a line with it and such parameters.
        """
        mailbox, params = command.path.mailbox, command.params
        if type(mailbox) is not Mailbox:
            return None
        domain = mailbox.domain.text
        path = f"{quoted(mailbox.local_part)}@{domain}>"
        if len(path) >= SHORT or not (path.isascii() and path.isprintable()) or "_" in domain:
            return None
        head = _HEADS[command.verb]
        if not params.pairs:
            return f"{head}{path}\r\n".encode()
        text = str(params)
        if len(text) >= SHORT or not (text.isascii() and text.isprintable()):
            return None
        for keyword, _ in params.pairs:
            if (command.verb, keyword) not in self._rooms:
                self._parameters(command, params)
                break
        return f"{head}{path}{text}\r\n".encode()

    def _any_line(self, command: Command, mail: Mail | None) -> bytes:
        """The line of any command, also of those for which there is a shorter way."""
        limit = LINE
        wire = command.to_bytes()
        if isinstance(command, (Mail, Rcpt)):
            command.path.check_send_limits()
        if params := getattr(command, "params", None):
            limit += self._parameters(command, params)
        if len(wire) > limit:
            raise LocalProtocolError(f"the {command.verb} line has {len(wire)} octets, {limit} are allowed")
        if not wire.isascii():
            self._utf8(command, mail)
        return wire

    def _parameters(self, command: Command, params: Parameters) -> int:
        """Check that each parameter was offered; gives the octets by which they lengthen the line (X-MIX-07)."""
        room, verb, rooms = 0, command.verb, self._rooms
        for keyword, value in params.pairs:
            octets = rooms.get((verb, keyword))
            room += self._room(verb, keyword, value) if octets is None else octets
        if isinstance(command, Mail) and self.binary(command):
            for extension in self._binary:
                if extension.binary(command) and not self.offers(extension):
                    raise LocalProtocolError(f"{extension.keyword} was not offered: binary content is not sent")
        return room

    def _room(self, verb: str, keyword: str, value: str | None) -> int:
        """The octets that a parameter may add to the line; remembered where that is all there is to it."""
        owners = self.extensions.owners(verb, keyword)
        if not owners:
            if keyword.upper() not in self.offered and not (self.extra and self.capabilities is not EMPTY):
                raise LocalProtocolError(
                    f"{keyword} is not sent: the server did not offer it and no known extension declares it "
                    "(extra_parameters=True sends it all the same)"
                )
            return len(keyword) + 2 + len((value or "").encode("utf-8"))
        if not any(owner.keyword in self.offered for owner in owners):
            raise LocalProtocolError(f"{keyword} is not sent: the server did not offer {owners[0].keyword}")
        octets = self.extensions.parameters[verb][keyword.upper()].octets
        if keyword.isupper() and keyword not in self._marks:  # one spelling, so that the table stays small
            self._rooms[verb, keyword] = octets
        return octets

    def _utf8(self, command: Command, mail: Mail | None) -> None:
        """Octets above 127 need an extension that was offered, and its parameter (RFC 6531 3.4)."""
        params = getattr(mail if isinstance(command, Rcpt) else command, "params", None) or ()
        for extension in self.extensions:
            allowed = extension.utf8 and self.offers(extension)
            if allowed and any(parameter.keyword in params for parameter in extension.parameters):
                return
        raise LocalProtocolError(f"the {command.verb} line is not ASCII, and nothing allows that here (RFC 5321 2.4)")

    def encoder(self, mail: Mail) -> ContentEncoder:
        """Makes octets of the text of a message announced by this MAIL."""
        keep = self.newlines is NewlinePolicy.KEEP
        seven = not announces_eight_bit(mail)
        return ContentEncoder(self.newlines, seven_bit=seven, allow_nul=keep, max_line=self.max_line)

    def whole(self, mail: Mail, content: bytes) -> bytes:
        """All of the text of a message, with its end mark: what `encoder` gives, with less work for clean text.

        Raises what `ContentEncoder` raises.
        """
        wire = encode_clean(content, self.max_line)
        if wire is None:
            encoder = self.encoder(mail)
            wire = encoder.encode(content) + encoder.finish()
        return wire

    def chunks(self, mail: Mail, make: ChunkMaker) -> Chunks:
        """The chunks of a message announced by this MAIL."""
        if self.binary(mail):
            return Chunks(make, None)
        keep = self.newlines is NewlinePolicy.KEEP
        seven = not announces_eight_bit(mail)
        return Chunks(make, ChunkEncoder(self.newlines, seven_bit=seven, allow_nul=keep))
