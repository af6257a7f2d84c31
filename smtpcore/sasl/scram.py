"""SCRAM-SHA-1, SCRAM-SHA-256, SCRAM-SHA-512 and their -PLUS forms (RFC 5802, RFC 7677).

The password is never sent, the server proves that it knows the keys, and -PLUS ties the exchange to the TLS connection.
SMTP has no data with success, so the server's proof goes as one more challenge, which the client answers with an
empty line (RFC 4954 section 4; RFC 4422 section 3).
"""

from __future__ import annotations

import re
from typing import Final, Sequence

from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.sasl import gs2
from smtpcore.sasl import scram_keys as keys
from smtpcore.sasl.base import (
    Challenge,
    ClientMechanism,
    Failure,
    FailureReason,
    Mechanism,
    Outcome,
    SaslError,
    ServerMechanism,
    StoredSecret,
    Success,
    Verify,
    prepared,
    unexpected_challenge,
)
from smtpcore.sasl.credentials import ChannelBinding, Identity, SecretNeeded
from smtpcore.sasl.scram_keys import MIN_ITERATIONS, ScramKeys

#: The six mechanisms by name.
SCRAM: Final = {
    f"SCRAM-{name}{plus}": Mechanism(f"SCRAM-{name}{plus}", channel_binding=bool(plus), hash=algorithm)
    for name, (algorithm, _) in keys.HASHES.items()
    for plus in ("-PLUS", "")
}

#: Most rounds that a client computes by default, so that a server cannot keep it busy (X-SCRAM-20).
MAX_ITERATIONS: Final = 1_000_000

_COUNT = re.compile(rb"[1-9][0-9]{0,9}")


def _mechanism(name: str) -> Mechanism:
    if name not in SCRAM:
        raise LocalProtocolError(f"not one of {', '.join(SCRAM)}")
    return SCRAM[name]


def _check_nonce(nonce: bytes) -> None:
    if not nonce or not gs2.PRINTABLE.issuperset(nonce):
        raise LocalProtocolError("a nonce consists of visible ASCII octets without a comma")


def _is_base64_of(text: bytes, octets: bytes) -> bool:
    import hmac

    return hmac.compare_digest(text, gs2.encode_base64(octets))


class ScramClient(ClientMechanism):
    """The client's side of one exchange.

    `nonce`: fresh random text, as `secrets.token_urlsafe(24).encode()`.  `channel_binding`: what the transport has;
    required for -PLUS, and for the plain form it says that the client could have bound (flag `y`), so that a server
    whose -PLUS was filtered out of the list will notice.  `plus_offered`: whether the server offered the -PLUS form;
    then a client that can bind must use it (RFC 5802 section 6).  `min_iterations` and `max_iterations` bound what the
    server may ask for.  Raises `LocalProtocolError` for arguments that break these rules and for a name or password
    that SASLprep does not allow.
    """

    __slots__ = ("_bare", "_binding", "_expected", "_header", "_limits", "_nonce", "_password", "mechanism")

    def __init__(
        self,
        mechanism: str,
        username: str,
        password: str,
        nonce: bytes,
        *,
        authorization_id: str = "",
        channel_binding: ChannelBinding | None = None,
        plus_offered: bool = False,
        min_iterations: int = MIN_ITERATIONS,
        max_iterations: int = MAX_ITERATIONS,
    ) -> None:
        super().__init__()
        self.mechanism = _mechanism(mechanism)
        _check_nonce(nonce)
        plus = self.mechanism.channel_binding
        if plus and channel_binding is None:
            raise LocalProtocolError(f"{mechanism} needs a channel binding from the transport")
        if not plus and channel_binding is not None and plus_offered:
            raise LocalProtocolError(f"the server offers {mechanism}-PLUS and the transport can bind: use it")
        name = prepared(username)
        acting = prepared(authorization_id) if authorization_id else ""
        if name is None or acting is None:
            raise LocalProtocolError("a name is empty or has characters that SASLprep does not allow")
        flag = "p" if plus else "n" if channel_binding is None else "y"  # X-SCRAM-12
        binding_type = channel_binding.type if channel_binding is not None else ""
        self._header = gs2.format_header(flag, binding_type, acting)
        self._binding = channel_binding.data if plus and channel_binding is not None else b""
        self._nonce = nonce
        self._bare = b"n=" + gs2.escape(name) + b",r=" + nonce
        self._password = keys.normalized(password)
        self._limits = (min_iterations, max_iterations)

    def _respond(self, turn: int, challenge: bytes) -> bytes:
        if turn == 0:
            return self._header + self._bare
        try:
            if turn == 1:
                return self._prove(challenge)
            if turn == 2:
                return self._check(challenge)
        except SyntaxProblem:
            raise SaslError("the server's message is not in SCRAM's grammar", reason="malformed-challenge") from None
        raise unexpected_challenge()

    def _prove(self, server_first: bytes) -> bytes:
        """The client-final-message (RFC 5802 section 3)."""
        nonce, encoded_salt, count = gs2.attributes(server_first, b"rsi")
        salt = gs2.decode_base64(encoded_salt)
        # X-SCRAM-07: a server that adds nothing could replay.
        if not nonce.startswith(self._nonce) or nonce == self._nonce or not gs2.PRINTABLE.issuperset(nonce):
            raise SaslError("the server's nonce does not continue the client's", reason="nonce")
        if not _COUNT.fullmatch(count):
            raise SyntaxProblem("not an iteration count")
        least, most = self._limits
        iterations = int(count)
        if not least <= iterations <= most:
            raise SaslError(f"the server asks for fewer than {least} or more than {most} rounds", reason="iterations")
        algorithm = self.mechanism.hash
        salted = keys.salted_password(algorithm, self._password, salt, iterations)
        bound = gs2.encode_base64(self._header + self._binding)
        without_proof = b"c=" + bound + b",r=" + nonce
        message = b",".join((self._bare, server_first, without_proof))
        client_key = keys.client_key(algorithm, salted)
        signature = keys.mac(algorithm, keys.digest(algorithm, client_key), message)
        self._expected = keys.mac(algorithm, keys.server_key(algorithm, salted), message)
        return without_proof + b",p=" + gs2.encode_base64(keys.xor(client_key, signature))

    def _check(self, server_final: bytes) -> bytes:
        """The server's proof: only after it a 235 counts (X-SCRAM-15, X-SCRAM-17)."""
        if server_final[:2] == b"e=":
            raise SaslError("the server reports a failure", reason="server-error")
        (signature,) = gs2.attributes(server_final, b"v")
        if not _is_base64_of(signature, self._expected):
            raise SaslError("the server does not know the user's keys: an impostor?", reason="server-signature")
        self._complete = True
        return b""


class ScramServer(ServerMechanism):
    """The server's side of one exchange; asks for `ScramKeys` by `SecretNeeded`.

    `nonce`: fresh random text, as for the client.  `decoy_secret`: this server's secret for users that do not exist,
    see `ScramKeys.decoy`, whose `iterations` and `salt_length` are `decoy_iterations` and `decoy_salt_length`.
    `channel_bindings`: what this connection can be bound to; give the same to the plain form and to -PLUS, so that a
    client that was denied -PLUS is noticed (X-SCRAM-10).  Raises `LocalProtocolError` for a -PLUS form without any.
    """

    __slots__ = (
        "_bare",
        "_bindings",
        "_bound",
        "_decoy",
        "_first",
        "_header",
        "_identity",
        "_keys",
        "_name",
        "_nonce",
        "_proof",
        "mechanism",
    )

    def __init__(
        self,
        mechanism: str,
        nonce: bytes,
        *,
        decoy_secret: bytes,
        decoy_iterations: int = keys.DEFAULT_ITERATIONS,
        decoy_salt_length: int = 16,
        channel_bindings: Sequence[ChannelBinding] = (),
    ) -> None:
        super().__init__()
        self.mechanism = _mechanism(mechanism)
        _check_nonce(nonce)
        if self.mechanism.channel_binding and not channel_bindings:
            raise LocalProtocolError(f"{mechanism} needs a channel binding from the transport")
        self._bindings = {binding.type: binding.data for binding in channel_bindings}
        self._decoy = (decoy_secret, decoy_iterations, decoy_salt_length)
        self._nonce = nonce
        ScramKeys.decoy(self._hash, "", *self._decoy)  # a bad secret shall show now, not at the first unknown user

    @property
    def _hash(self) -> str:
        return self.mechanism.name.removeprefix("SCRAM-").removesuffix("-PLUS")

    def _respond(self, turn: int, response: bytes) -> Outcome:
        if turn == 0:
            return self._start(response)
        if turn == 1:
            return self._verify(response)
        if response:  # the answer to the server's proof is empty
            return Failure(FailureReason.MALFORMED)
        return Success(self._identity)

    def _start(self, client_first: bytes) -> Outcome:
        self._header, self._bare = gs2.parse_header(client_first)
        username, nonce = gs2.attributes(self._bare, b"nr")
        if not gs2.PRINTABLE.issuperset(nonce):
            raise SyntaxProblem("not a nonce")
        received = gs2.unescape(username)
        bound = self._binding_of(self._header)
        if bound is None:
            return Failure(FailureReason.CHANNEL_BINDING)
        self._bound = gs2.encode_base64(self._header.octets + bound)
        name, authorization_id = prepared(received), self._header.authorization_id
        acting = prepared(authorization_id) if authorization_id else ""
        if name is None or acting is None:
            return Failure(FailureReason.CREDENTIALS)
        self._nonce = nonce + self._nonce
        self._name = (name, acting)
        return Verify(SecretNeeded(name, acting, self.name))

    def _binding_of(self, header: gs2.Gs2Header) -> bytes | None:
        """The data to expect in `c=`, None when the flag does not fit (RFC 5802 section 6; X-SCRAM-10, 11)."""
        if self.mechanism.channel_binding:
            return self._bindings.get(header.binding_type)  # no type for the flags n and y
        if header.flag == "n" or (header.flag == "y" and not self._bindings):
            return b""
        return None

    def _provided(self, stored: StoredSecret | None) -> Outcome:
        if stored is None:
            stored = ScramKeys.decoy(self._hash, self._name[0], *self._decoy)
        if not isinstance(stored, ScramKeys) or stored.hash_name != self._hash:
            raise LocalProtocolError(f"{self.name} needs ScramKeys for {self._hash}")
        self._keys = stored
        self._first = b"r=%s,s=%s,i=%d" % (self._nonce, gs2.encode_base64(stored.salt), stored.iterations)
        return Challenge(self._first)

    def _verify(self, client_final: bytes) -> Outcome:
        import hmac

        without_proof, _, last = client_final.rpartition(b",")
        bound, nonce = gs2.attributes(without_proof, b"cr")
        (encoded,) = gs2.attributes(last, b"p")
        proof = gs2.decode_base64(encoded)
        if bound != self._bound:  # X-SCRAM-09
            return Failure(FailureReason.CHANNEL_BINDING)
        algorithm, stored = self.mechanism.hash, self._keys
        if nonce != self._nonce or len(proof) != len(stored.stored_key):  # X-SCRAM-08
            return self._refused()
        # X-SCRAM-23: the user name as received, not as prepared.
        message = b",".join((self._bare, self._first, without_proof))
        client_key = keys.xor(proof, keys.mac(algorithm, stored.stored_key, message))
        if not hmac.compare_digest(keys.digest(algorithm, client_key), stored.stored_key):
            return self._refused()
        self._proof = b"v=" + gs2.encode_base64(keys.mac(algorithm, stored.server_key, message))
        return self._identified(*self._name)

    def _finish(self, identity: Identity) -> Outcome:
        self._identity = identity
        return Challenge(self._proof)
