"""What a client is about to send: commands on their way, the text of a message, and whether they may be sent at all.

`Pending` is a command between `send` and its reply.  `Text` and `Chunks` turn the content of a message into octets.
`Gate` refuses what the server did not offer, before one octet of it is written (RFC 5321 4.1.1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from smtpcore.addresses import Domain
from smtpcore.capabilities import EMPTY, Capabilities
from smtpcore.commands import Command, Data, EndOfMessage, Hello, Mail, Rcpt
from smtpcore.content import ChunkEncoder, ContentEncoder, NewlinePolicy
from smtpcore.errors import LocalProtocolError
from smtpcore.parameters import Parameters
from smtpcore.replies import Reply
from smtpcore.state import State

if TYPE_CHECKING:
    from smtpcore.extensions.base import ClientDialogue, Extension, Verb
    from smtpcore.extensions.registry import ExtensionSet

#: Largest command line without parameters, in octets with CRLF (RFC 5321 4.5.3.1.4).
LINE: Final = 512
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
    """A command on its way, from `send` to its last reply."""

    __slots__ = ("cancelled", "command", "dialogue", "final", "last", "octets", "starts", "verb", "wire")

    def __init__(self, command: Command, wire: bytes, verb: Verb | None = None, octets: bytes | None = None) -> None:
        self.command = command
        self.wire = wire
        #: The declaration, for a command of an extension.
        self.verb = verb
        #: The octets behind the line (BDAT).
        self.octets = octets
        #: Reads the lines that belong to the command (AUTH).
        self.dialogue: ClientDialogue | None = None
        #: Its reply decides about the message.
        self.final = verb is not None and verb.ends_message is not None and verb.ends_message(command)
        #: The dialogue was cancelled (`*`): only the last reply may follow.
        self.cancelled = False
        #: Ends a pipelined group; behind the last chunk nothing goes out before its reply (RFC 4468 3.2).
        self.last = (verb.last or self.final) if verb is not None else command.verb not in _INSIDE
        #: Not a command: the place where the chunks of a message begin.
        self.starts: ChunkMaker | None = None


def out_of_sequence(verb: str, state: State) -> LocalProtocolError:
    """The error for a command that the state does not allow, with what to do instead."""
    instead = _INSTEAD.get(state) or _INSTEAD_OF.get(verb) or "see RFC 5321 4.1.4 for the order of commands"
    return LocalProtocolError(f"{verb} is out of sequence: {instead}")


class Text:
    """The text behind DATA (RFC 5321 4.5.2)."""

    __slots__ = ("alive", "encoder")

    def __init__(self, encoder: ContentEncoder) -> None:
        self.encoder = encoder
        #: The server still wants it.
        self.alive = True


class Chunks:
    """The chunks behind MAIL and RCPT (RFC 3030 2); binary content passes as it is."""

    __slots__ = ("alive", "encoder", "make", "size")

    def __init__(self, make: ChunkMaker, encoder: ChunkEncoder | None) -> None:
        self.make = make
        self.encoder = encoder
        self.size = 0
        self.alive = True

    def encode(self, chunk: bytes) -> bytes:
        """What to send of this piece now."""
        return chunk if self.encoder is None else self.encoder.encode(chunk)

    def finish(self, chunk: bytes) -> bytes:
        """What to send of the last piece."""
        return chunk if self.encoder is None else self.encoder.encode(chunk) + self.encoder.finish()


class Gate:
    """What may be sent to this server: known from its reply to EHLO, forgotten at TLS (RFC 3207 4.2)."""

    __slots__ = ("_wanted", "capabilities", "enhanced", "extensions", "extra", "max_line", "newlines", "pipelining")

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
        self.learn(EMPTY)

    def learn(self, capabilities: Capabilities) -> None:
        """Replace all that was known of the server (X-FW-28)."""
        self.capabilities = capabilities
        offered = [extension for extension in self.extensions if extension.keyword in capabilities]
        self.pipelining = self._wanted and any(extension.pipelining for extension in offered)
        self.enhanced = any(extension.enhanced_codes for extension in offered)

    def offers(self, extension: Extension) -> bool:
        """Whether the extension is in the reply to EHLO that is in force."""
        return extension.keyword in self.capabilities

    def line(self, command: Command, mail: Mail | None) -> bytes:
        """The line of a command, checked; `mail` is the MAIL that governs a RCPT.

        Raises `LocalProtocolError` or `SyntaxProblem` for what must not be sent.
        """
        limit = LINE
        params: Parameters | None = getattr(command, "params", None)
        if isinstance(command, (Mail, Rcpt)):
            command.path.check_send_limits()
        elif isinstance(command, Hello) and isinstance(command.name, Domain) and not command.name.is_ascii:
            raise LocalProtocolError("the name in EHLO is ASCII: give it with A-labels (RFC 6531 3.7.1)")
        elif isinstance(command, Data) and mail is not None and self.extensions.binary(mail):
            raise LocalProtocolError("binary content does not go by DATA: start_chunks() (RFC 3030 3)")
        if params:
            limit += self._parameters(command, params)
        wire = command.to_bytes()
        if len(wire) > limit:
            raise LocalProtocolError(f"the {command.verb} line has {len(wire)} octets, {limit} are allowed")
        if not wire.isascii():
            self._utf8(command, mail)
        return wire

    def _parameters(self, command: Command, params: Parameters) -> int:
        """Check that each parameter was offered; gives the octets by which they lengthen the line (X-MIX-07)."""
        room = 0
        for keyword, _ in params.pairs:
            owners = self.extensions.owners(command.verb, keyword)
            if owners:
                if not any(self.offers(owner) for owner in owners):
                    raise LocalProtocolError(f"{keyword} is not sent: the server did not offer {owners[0].keyword}")
                room += self.extensions.parameters[command.verb][keyword.upper()].octets
            elif keyword not in self.capabilities and not (self.extra and self.capabilities is not EMPTY):
                raise LocalProtocolError(
                    f"{keyword} is not sent: the server did not offer it and no known extension declares it "
                    "(extra_parameters=True sends it all the same)"
                )
            else:
                room += len(keyword) + 2 + len((params[keyword] or "").encode("utf-8"))
        if isinstance(command, Mail):
            for extension in self.extensions:
                if extension.binary(command) and not self.offers(extension):
                    raise LocalProtocolError(
                        f"binary content is not sent: the server did not offer {extension.keyword}"
                    )
        return room

    def _utf8(self, command: Command, mail: Mail | None) -> None:
        """Octets above 127 need an extension that was offered, and its parameter (RFC 6531 3.4)."""
        params = getattr(mail if isinstance(command, Rcpt) else command, "params", None) or ()
        for extension in self.extensions:
            allowed = extension.utf8 and self.offers(extension)
            if allowed and any(parameter.keyword in params for parameter in extension.parameters):
                return
        raise LocalProtocolError(f"the {command.verb} line is not ASCII, and nothing allows that here (RFC 5321 2.4)")

    def text(self, mail: Mail) -> Text:
        """The text of a message announced by this MAIL."""
        keep = self.newlines is NewlinePolicy.KEEP
        seven = not eight_bit(mail)
        return Text(ContentEncoder(self.newlines, seven_bit=seven, allow_nul=keep, max_line=self.max_line))

    def chunks(self, mail: Mail, make: ChunkMaker) -> Chunks:
        """The chunks of a message announced by this MAIL."""
        if self.extensions.binary(mail):
            return Chunks(make, None)
        keep = self.newlines is NewlinePolicy.KEEP
        return Chunks(make, ChunkEncoder(self.newlines, seven_bit=not eight_bit(mail), allow_nul=keep))


def eight_bit(mail: Mail) -> bool:
    """Whether this MAIL announces octets above 127 in the content (RFC 6152 3)."""
    from smtpcore.extensions.planning import announces_eight_bit

    return bool(mail.params) and announces_eight_bit(mail)


def end_of_message(text: Text) -> EndOfMessage:
    """The command that stands for the final dot."""
    return EndOfMessage._make(text.encoder.size, ())  # type: ignore[no-any-return]
