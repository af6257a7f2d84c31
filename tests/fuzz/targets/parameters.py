"""ESMTP parameters of MAIL and RCPT: kept octet for octet; each declared value is read, written and read alike."""

from __future__ import annotations

from collections.abc import Iterable

from smtpcore import xtext
from smtpcore.errors import SyntaxProblem
from smtpcore.extensions.known import CLIENT_EXTENSIONS
from smtpcore.parameters import Parameters, read_parameters
from tests.fuzz import corpus
from tests.fuzz.oracles import check_position


def seeds() -> Iterable[bytes]:
    return corpus.parameters()


def run(data: bytes) -> None:
    _check_xtext(data)
    try:
        params, _ = read_parameters(data, 0)
    except SyntaxProblem as problem:
        check_position(problem.position, data)
        return
    wire = str(params).encode("utf-8")
    assert params == Parameters(params.pairs), "the constructor refuses what was read"
    if params:
        assert read_parameters(wire, 1)[0].pairs == params.pairs
    assert not any(octet < 32 or octet == 127 for octet in wire)
    for declared in CLIENT_EXTENSIONS.parameters.values():
        for parameter in declared.values():
            try:
                value = parameter.get(params)
            except SyntaxProblem:
                continue
            if value is None:
                continue
            keyword, written = parameter(value)
            assert keyword == parameter.keyword
            assert parameter.parse(written) == value, (written, value)


def _check_xtext(data: bytes) -> None:
    text = data.decode("latin-1")
    for decode, encode in ((xtext.decode, xtext.encode), (xtext.decode_utf8, xtext.encode_utf8)):
        try:
            meant = decode(text)
        except SyntaxProblem:
            continue
        if decode is xtext.decode:
            assert meant.isprintable(), meant
            assert decode(encode(meant)) == meant
        elif text.isprintable() and text.isascii():
            assert decode(encode(meant)) == meant, (text, meant)
