"""The keys of SCRAM and the formulas of RFC 5802 section 3.

A server stores `ScramKeys`, never the password: who steals them can pretend to be the server, not the client.
"""

from __future__ import annotations

from typing import ClassVar, Final

from smtpcore.errors import LocalProtocolError, SyntaxProblem
from smtpcore.sasl.prep import saslprep
from smtpcore.value import Value

#: Hash function in RFC spelling: its name in hashlib and its length in octets.
HASHES: Final = {"SHA-1": ("sha1", 20), "SHA-256": ("sha256", 32), "SHA-512": ("sha512", 64)}

#: Fewest rounds that RFC 5802 section 5.1 and RFC 7677 section 4 advise.
MIN_ITERATIONS: Final = 4096
#: Rounds of new keys: about 5 ms for whoever logs in.
DEFAULT_ITERATIONS: Final = 10_000


class ScramKeys(Value):
    """What a server stores about one user for one hash function (X-SCRAM-24).

    `hash_name` is `SHA-1`, `SHA-256` or `SHA-512`.  Raises `LocalProtocolError` for an unknown hash, an empty salt,
    fewer than one round, or keys of the wrong length.
    """

    hash_name: str
    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes
    _secret: ClassVar[tuple[str, ...]] = ("stored_key", "server_key")

    def __post_init__(self) -> None:
        _, length = hash_of(self.hash_name)
        if not self.salt or self.iterations < 1 or {len(self.stored_key), len(self.server_key)} != {length}:
            raise LocalProtocolError("SCRAM keys need a salt, at least one iteration and two keys of the hash's length")

    @staticmethod
    def derive(hash_name: str, password: str, salt: bytes, iterations: int = DEFAULT_ITERATIONS) -> ScramKeys:
        """The keys for a password.  `salt` is random, at least 16 octets are advised, and new for each password.

        Raises `LocalProtocolError` for fewer than 4096 rounds and for a password that SASLprep does not allow.
        """
        if iterations < MIN_ITERATIONS:  # X-SCRAM-19
            raise LocalProtocolError(f"new SCRAM keys take at least {MIN_ITERATIONS} iterations")
        algorithm, _ = hash_of(hash_name)
        salted = salted_password(algorithm, normalized(password), salt, iterations)
        stored_key = digest(algorithm, client_key(algorithm, salted))
        return ScramKeys(hash_name, salt, iterations, stored_key, server_key(algorithm, salted))

    @staticmethod
    def decoy(
        hash_name: str, username: str, secret: bytes, iterations: int = DEFAULT_ITERATIONS, salt_length: int = 16
    ) -> ScramKeys:
        """Keys for a user that does not exist: the same for each try, and no password fits them (X-SCRAM-21).

        `secret` is this server's own and never changes; `iterations` and `salt_length` (octets) are those of its real
        users.  Without it the salt would tell who has an account.
        """
        if not secret or not 0 < salt_length <= 64:
            raise LocalProtocolError("decoys need a secret of the server and a salt of 1 to 64 octets")
        _, length = hash_of(hash_name)
        name = username.encode("utf-8", "surrogatepass")
        salt = mac("sha512", secret, b"salt\0" + name)[:salt_length]
        keys = mac("sha512", secret, b"stored\0" + name)[:length], mac("sha512", secret, b"server\0" + name)[:length]
        return ScramKeys(hash_name, salt, iterations, *keys)


def hash_of(name: str) -> tuple[str, int]:
    """Name in hashlib and length in octets of a hash in RFC spelling.  Raises `LocalProtocolError`."""
    if name not in HASHES:
        raise LocalProtocolError(f"SCRAM knows the hash functions {', '.join(HASHES)}")
    return HASHES[name]


def normalized(password: str) -> bytes:
    """`Normalize(password)`: SASLprep of a stored string (RFC 5802 section 2.2).

    Raises `LocalProtocolError` when it is empty or has characters that SASLprep does not allow.
    """
    try:
        text = saslprep(password, stored=True)
    except SyntaxProblem as error:
        raise LocalProtocolError(f"SASLprep does not allow this password: {error.text}") from None
    if not text:
        raise LocalProtocolError("the password is empty")
    return text.encode("utf-8")


def salted_password(algorithm: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    """`Hi(Normalize(password), salt, i)`, of a password that is normalized already."""
    import hashlib

    return hashlib.pbkdf2_hmac(algorithm, password, salt, iterations)


def client_key(algorithm: str, salted: bytes) -> bytes:
    """`HMAC(SaltedPassword, "Client Key")`."""
    return mac(algorithm, salted, b"Client Key")


def server_key(algorithm: str, salted: bytes) -> bytes:
    """`HMAC(SaltedPassword, "Server Key")`."""
    return mac(algorithm, salted, b"Server Key")


def mac(algorithm: str, key: bytes, message: bytes) -> bytes:
    """HMAC (RFC 2104)."""
    import hmac

    return hmac.digest(key, message, algorithm)


def digest(algorithm: str, message: bytes) -> bytes:
    """H of RFC 5802."""
    import hashlib

    return hashlib.new(algorithm, message).digest()


def xor(left: bytes, right: bytes) -> bytes:
    """Exclusive or of two strings of one length."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
