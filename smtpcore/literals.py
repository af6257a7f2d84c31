"""Address literals: `[192.0.2.1]`, `[IPv6:2001:db8::1]`, `[tag:text]` (RFC 5321 4.1.3).

Read by own code: RFC 5321 lets `::` stand for two groups or more only, has no zone and takes leading zeros as
decimal; the parsers of sockets differ in each point.
"""

from __future__ import annotations

import re

from smtpcore.domains import expect_end, run_end, to_octets
from smtpcore.errors import SyntaxProblem
from smtpcore.leniency import DEFAULT, Leniency
from smtpcore.value import Value

_CONTENT = re.compile(rb"[!-Z^-~]+")  # dcontent
_TAG = re.compile(rb"[A-Za-z0-9-]*[A-Za-z0-9]")  # Ldh-str
_SNUM = re.compile(rb"[0-9]{1,3}")
_HEX = re.compile(rb"[0-9A-Fa-f]{1,4}")

_WHOLE_GRAMMAR = Leniency(unknown_literal_tag=True)
_NO_LEADING_ZERO = Leniency(literal_leading_zero=False)


class AddressLiteral(Value):
    """An address literal with its brackets, kept as it was written; equal when it means the same address.

    `AddressLiteral(text)` raises `SyntaxProblem` when the text is not in RFC 5321 4.1.3.  Tags that are not registered
    are taken here: only the reader of commands refuses them by default (`Leniency.unknown_literal_tag`).
    """

    text: str

    def __post_init__(self) -> None:
        octets = to_octets(self.text)
        _, end = read_literal(octets, 0, leniency=_WHOLE_GRAMMAR, deviations=[])
        expect_end(octets, end)

    @classmethod
    def parse(cls, text: str | bytes, *, leniency: Leniency = DEFAULT) -> AddressLiteral:
        """The literal that the whole text is, brackets included.  Raises `SyntaxProblem`."""
        octets = to_octets(text)
        literal, end = read_literal(octets, 0, leniency=leniency, deviations=[])
        expect_end(octets, end)
        return literal

    @classmethod
    def from_ip(cls, text: str) -> AddressLiteral:
        """The literal of an IP address as sockets write it: `192.0.2.1` or `2001:db8::1` (RFC 4291 2.2).

        Raises `SyntaxProblem`, also for a zone (`fe80::1%eth0`) and for leading zeros in IPv4.
        """
        octets = to_octets(text)
        if b":" in octets:
            address = _read_ipv6(octets, 0, _NO_LEADING_ZERO, [], shortest_gap=1)
        else:
            address = _read_ipv4(octets, 0, _NO_LEADING_ZERO, [])
        literal: AddressLiteral = cls._make(_literal_text(address))
        return literal

    def __str__(self) -> str:
        return self.text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AddressLiteral):
            return NotImplemented
        return self.text == other.text or self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash((AddressLiteral, self._meaning()))

    def _meaning(self) -> bytes | tuple[str, str]:
        address = self.address
        if address is not None:
            return address
        tag, _, content = self.text[1:-1].partition(":")
        return tag.lower(), content

    @property
    def tag(self) -> str:
        """`"IPv4"` (which has no tag on the wire), `"IPv6"`, or the tag as it was written."""
        if ":" not in self.text:
            return "IPv4"
        return "IPv6" if _is_ipv6(self.text[1:6]) else self.text[1 : self.text.index(":")]

    @property
    def address(self) -> bytes | None:
        """The 4 or 16 octets of the address in network order; None when the tag is not known here."""
        octets = self.text.encode("ascii")[1:-1]
        if b":" not in octets:
            return _read_ipv4(octets, 0, DEFAULT, [])
        if _is_ipv6(self.text[1:6]):
            return _read_ipv6(octets, 5, DEFAULT, [])
        return None

    def canonical(self) -> AddressLiteral:
        """The literal in its one canonical spelling (RFC 5952 4; `::` never for one group); itself if unknown."""
        address = self.address
        if address is None:
            return self
        literal: AddressLiteral = self._make(_literal_text(address))
        return literal


def read_literal(line: bytes, start: int, *, leniency: Leniency, deviations: list[str]) -> tuple[AddressLiteral, int]:
    """Read `address-literal` (RFC 5321 4.1.3) at `start`; the literal and the offset of the first octet after it.

    Raises `SyntaxProblem` with the offset of the first octet that does not fit.  The names of deviations that were
    taken are added to `deviations`.
    """
    if line[start : start + 1] != b"[":
        raise SyntaxProblem("An address literal begins with a bracket.", position=start)
    end = run_end(_CONTENT, line, start + 1)
    if line[end : end + 1] != b"]":
        raise SyntaxProblem("An address literal ends with a bracket.", position=end)
    content = line[start + 1 : end]
    text = content.decode("ascii")
    try:
        if b":" not in content:
            _read_ipv4(content, 0, leniency, deviations)
        elif _is_ipv6(text[:5]):  # B-LIT-07: what is malformed here is never a general literal
            _read_ipv6(content, 5, leniency, deviations)
        else:
            _check_general(content, leniency, deviations)
    except SyntaxProblem as problem:
        raise SyntaxProblem(problem.text, position=start + 1 + problem.position) from None
    return AddressLiteral._make(f"[{text}]"), end + 1


def _is_ipv6(prefix: str) -> bool:
    return prefix.isascii() and prefix.lower() == "ipv6:"


def _check_general(content: bytes, leniency: Leniency, deviations: list[str]) -> None:
    """`General-address-literal`: a tag, which only the registry can give a meaning, and text (B-LIT-06)."""
    end = run_end(_TAG, content, 0)
    if content[end : end + 1] != b":" or end == 0:
        raise SyntaxProblem("The tag of an address literal is malformed.", position=end)
    if end + 1 == len(content):
        raise SyntaxProblem("An address literal has text after its tag.", position=end + 1)
    if not leniency.unknown_literal_tag:
        raise SyntaxProblem("The tag of an address literal is not a registered one.")
    deviations.append("unknown_literal_tag")


def _read_ipv4(data: bytes, start: int, leniency: Leniency, deviations: list[str]) -> bytes:
    """Four `Snum` that reach to the end of the data (B-LIT-01)."""
    numbers = bytearray()
    position = start
    while True:
        end = run_end(_SNUM, data, position)
        digits = data[position:end]
        if not digits or int(digits) > 255:  # ASCII digits only: the pattern saw to it
            raise SyntaxProblem("An IPv4 address is four numbers from 0 to 255.", position=position)
        if len(digits) > 1 and digits[:1] == b"0":
            if not leniency.literal_leading_zero:
                raise SyntaxProblem("A number of an IPv4 address has a leading zero.", position=position)
            if "literal_leading_zero" not in deviations:
                deviations.append("literal_leading_zero")
        numbers.append(int(digits))
        if len(numbers) == 4:
            break
        if data[end : end + 1] != b".":
            raise SyntaxProblem("An IPv4 address is four numbers with dots between them.", position=end)
        position = end + 1
    if end != len(data):
        raise SyntaxProblem("An IPv4 address is four numbers and nothing more.", position=end)
    return bytes(numbers)


def _read_ipv6(data: bytes, start: int, leniency: Leniency, deviations: list[str], shortest_gap: int = 2) -> bytes:
    """`IPv6-addr` that reaches to the end of the data (B-LIT-02..05).

    `shortest_gap`: the fewest groups that `::` may stand for; 2 in RFC 5321, 1 in RFC 4291.
    """
    address = bytearray()
    gap: int | None = None
    room, room_beside_gap = 16, 16 - 2 * shortest_gap
    position = start
    if data[position : position + 2] == b"::":
        gap, room, position = 0, room_beside_gap, position + 2
    while not (gap == len(address) and position == len(data)):  # `::` may be the end
        end = run_end(_HEX, data, position)
        if end == position:
            raise SyntaxProblem("A group of hexadecimal digits is missing in an IPv6 address.", position=position)
        quad = data[end : end + 1] == b"."
        if len(address) + (4 if quad else 2) > room:
            raise SyntaxProblem("An IPv6 address has too many groups.", position=position)
        if quad:
            address += _read_ipv4(data, position, leniency, deviations)
            break
        address += int(data[position:end], 16).to_bytes(2, "big")
        if end == len(data):
            break
        if data[end : end + 1] != b":" or len(address) == 16:
            raise SyntaxProblem("An IPv6 address is up to eight groups of one to four digits.", position=end)
        position = end + 1
        if data[position : position + 1] == b":":
            if gap is not None or len(address) > room_beside_gap:
                raise SyntaxProblem("An IPv6 address has one double colon, for two groups or more.", position=position)
            gap, room, position = len(address), room_beside_gap, position + 1
    if gap is None:
        if len(address) != 16:
            raise SyntaxProblem("An IPv6 address without a double colon has eight groups.", position=len(data))
        return bytes(address)
    return bytes(address[:gap]) + bytes(16 - len(address)) + bytes(address[gap:])


def _literal_text(address: bytes) -> str:
    if len(address) == 4:
        return f"[{'.'.join(map(str, address))}]"
    return f"[IPv6:{_ipv6_text(address)}]"


def _ipv6_text(address: bytes) -> str:
    """RFC 5952 4: lower case, no leading zeros, `::` for the longest run of zero groups, the first of equals."""
    groups = [f"{address[index] << 8 | address[index + 1]:x}" for index in range(0, 16, 2)]
    best = length = 0
    for index in range(8):
        run = 0
        while index + run < 8 and groups[index + run] == "0":
            run += 1
        if run > length:
            best, length = index, run
    if length < 2:  # C-LIT-09
        return ":".join(groups)
    return f"{':'.join(groups[:best])}::{':'.join(groups[best + length :])}"
