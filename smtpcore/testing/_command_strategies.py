"""Hypothesis strategies for parameters and commands, those of the extensions of this package among them.

Every value they make can be sent, and is read back as an equal value by a server that has the extensions
(`smtpcore.extensions.known.KNOWN`).
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from smtpcore.commands import Command, Data, Hello, Inquiry, Mail, Noop, Quit, Rcpt, Reset
from smtpcore.extensions.auth import AUTH_PARAMETER, Auth
from smtpcore.extensions.chunking import Bdat
from smtpcore.extensions.deliverby import BY, DeliverBy
from smtpcore.extensions.dsn import ENVID, NOTIFY, ORCPT, RET, Notify, OriginalRecipient, Ret
from smtpcore.extensions.eightbitmime import BODY, BodyType
from smtpcore.extensions.futurerelease import HOLDFOR, HOLDUNTIL
from smtpcore.extensions.mtpriority import MT_PRIORITY
from smtpcore.extensions.requiretls import REQUIRETLS
from smtpcore.extensions.rrvs import RRVS, ValidSince
from smtpcore.extensions.size import SIZE
from smtpcore.extensions.smtputf8 import SMTPUTF8
from smtpcore.extensions.starttls import StartTls
from smtpcore.parameters import Parameters
from smtpcore.testing._address_strategies import address_literals, domains, forward_paths, mailboxes, reverse_paths

Pair = tuple[str, str | None]

_LET_DIG: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_VALUE: Final = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "=")
_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F)))
_BEYOND_ASCII: Final = "\xa0\xad\xe9\u0130\u017f\u212a\u2028\ufeff\ufffd\U0001f4e7"
#: Octets at which parsers of command lines go wrong.
_TRAPS: Final = b' \t\r\n\0=;:<>@"\\+-aZ0[]\x7f\x80\xc3\xa9\xff'


def keywords() -> st.SearchStrategy[str]:
    """Parameter keywords that nobody has registered, in any case (RFC 5321 4.1.2, esmtp-keyword)."""
    return st.text(_LET_DIG + "-", max_size=10).map(lambda text: "X" + text)


def parameters(*, utf8: bool = False) -> st.SearchStrategy[Parameters]:
    """Parameters of any keyword, with any value of the grammar or none; values beyond ASCII only with `utf8`."""
    values = st.none() | st.text(_VALUE + (_BEYOND_ASCII if utf8 else ""), min_size=1, max_size=20)
    pairs = st.lists(st.tuples(keywords(), values), max_size=4, unique_by=lambda pair: pair[0].upper())
    return pairs.map(lambda found: Parameters(tuple(found)))


def date_times(*, utc: bool = False) -> st.SearchStrategy[str]:
    """Date-times of RFC 3339 without fraction; with `utc` all end in Z."""
    offsets = st.tuples(st.sampled_from("+-"), st.integers(0, 23), st.integers(0, 59))
    zones = st.just("Z") if utc else st.just("Z") | offsets.map(lambda parts: "{}{:02}:{:02}".format(*parts))
    moments = st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds"))
    return st.tuples(moments, zones).map("".join)


def _some_of(*pairs: st.SearchStrategy[Pair]) -> st.SearchStrategy[Parameters]:
    """Up to four of them, in any order."""
    orders = st.lists(st.integers(0, len(pairs) - 1), max_size=4, unique=True)
    chosen = orders.flatmap(lambda order: st.tuples(*(pairs[at] for at in order)))
    return chosen.map(Parameters)


def mail_parameters(*, utf8: bool = False) -> st.SearchStrategy[Parameters]:
    """Parameters of MAIL as the extensions of this package declare them; with `utf8` SMTPUTF8 is one of them."""
    seconds = st.integers(1, 999_999_999)
    by = st.builds(DeliverBy, seconds, st.just("R"), st.booleans())
    by |= st.builds(DeliverBy, st.integers(-999_999_999, 999_999_999), st.just("N"), st.booleans())
    chosen = _some_of(
        st.integers(0, 10**20 - 1).map(SIZE),
        st.sampled_from(BodyType).map(BODY),
        st.sampled_from(Ret).map(RET),
        st.text(_PRINTABLE, min_size=1, max_size=33).map(ENVID),
        reverse_paths().map(AUTH_PARAMETER),
        st.just(True).map(REQUIRETLS),
        by.map(BY),
        st.integers(-9, 9).map(MT_PRIORITY),
        seconds.map(HOLDFOR) | date_times(utc=True).map(HOLDUNTIL),
    )
    return chosen.map(lambda params: params.with_(*SMTPUTF8(True))) if utf8 else chosen


def rcpt_parameters(*, utf8: bool = False) -> st.SearchStrategy[Parameters]:
    """Parameters of RCPT as the extensions of this package declare them; ORCPT of any script only with `utf8`."""
    conditions = st.just(frozenset((Notify.NEVER,))) | st.frozensets(
        st.sampled_from((Notify.SUCCESS, Notify.FAILURE, Notify.DELAY)), min_size=1
    )
    ascii_address = st.text(_PRINTABLE, max_size=60)
    originals = st.builds(OriginalRecipient, ascii_address, st.sampled_from(("rfc822", "X400", "utf-8")))
    if utf8:
        any_script = st.text(_PRINTABLE + _BEYOND_ASCII, max_size=40)
        originals |= st.builds(OriginalRecipient, any_script, st.sampled_from(("utf-8", "UTF-8")))
    since = st.builds(ValidSince, date_times(), st.sampled_from(("", "C", "R")))
    return _some_of(conditions.map(NOTIFY), originals.map(ORCPT), since.map(RRVS))


def hellos(*, lmtp: bool = False) -> st.SearchStrategy[Hello]:
    """Greetings of a client; HELO has no address literal (RFC 5321 4.1.1.1)."""
    names = domains() | address_literals()
    if lmtp:
        return st.builds(Hello, names, st.just("LHLO"))
    return st.builds(Hello, names) | st.builds(Hello, domains(), st.just("HELO"))


def mails(*, utf8: bool = False) -> st.SearchStrategy[Mail]:
    """MAIL; with `utf8` also from internationalised senders, and then with SMTPUTF8."""
    plain = st.builds(Mail, reverse_paths(), mail_parameters())
    return plain | st.builds(Mail, reverse_paths(utf8=True), mail_parameters(utf8=True)) if utf8 else plain


def rcpts(*, utf8: bool = False) -> st.SearchStrategy[Rcpt]:
    """RCPT; with `utf8` also to internationalised recipients."""
    return st.builds(Rcpt, forward_paths(utf8=utf8), rcpt_parameters(utf8=utf8))


def _spaceless(alphabet: str) -> st.SearchStrategy[str]:
    return st.text(alphabet, max_size=40).map(lambda text: text.strip(" "))


def inquiries() -> st.SearchStrategy[Inquiry]:
    """VRFY, EXPN and HELP with what people ask for: names, mailboxes, quoted strings, anything in one line."""
    words = _spaceless(_PRINTABLE).filter(lambda text: text[:1] not in ("", '"'))
    quoted = _spaceless(_PRINTABLE).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
    texts = (words | quoted | mailboxes().map(str)).filter(lambda text: text.upper()[-9:] != " SMTPUTF8")
    asked = st.builds(Inquiry, texts, st.sampled_from(("VRFY", "EXPN", "HELP")))
    utf8 = st.builds(
        Inquiry,
        mailboxes(utf8=True).map(str),
        st.sampled_from(("VRFY", "EXPN")),
        st.just(Parameters((SMTPUTF8(True),))),
    )
    return asked | st.just(Inquiry("", "HELP")) | utf8


def noops() -> st.SearchStrategy[Noop]:
    """NOOP with any text, also beyond ASCII."""
    return st.builds(Noop, _spaceless(_PRINTABLE + _BEYOND_ASCII))


def auths() -> st.SearchStrategy[Auth]:
    """AUTH of any mechanism, without initial response, with an empty one, and with octets."""
    mechanisms = st.sampled_from(("PLAIN", "SCRAM-SHA-256-PLUS", "X")) | st.text(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=20
    )
    return st.builds(Auth, mechanisms, st.none() | st.binary(max_size=60))


def commands(*, utf8: bool = True, lmtp: bool = False) -> st.SearchStrategy[Command]:
    """Commands of a client, of RFC 5321 and of the extensions of this package."""
    fixed: st.SearchStrategy[Command] = st.sampled_from((Data(), Reset(), Quit(), StartTls()))
    chunks = st.builds(Bdat, st.integers(0, 10**20 - 1), st.booleans())
    return st.one_of(
        fixed, hellos(lmtp=lmtp), mails(utf8=utf8), rcpts(utf8=utf8), inquiries(), noops(), auths(), chunks
    )


def almost_valid_lines() -> st.SearchStrategy[bytes]:
    """Command lines without CRLF with up to three octets put in, replaced or taken out: some still are commands."""
    edit = st.tuples(st.integers(0, 2), st.integers(0, 199), st.sampled_from(_TRAPS))
    return st.builds(_mutated, commands().map(Command.to_bytes), st.lists(edit, max_size=3))


def _mutated(line: bytes, edits: list[tuple[int, int, int]]) -> bytes:
    text = bytearray(line[:-2])
    for kind, at, octet in edits:
        place = at % (len(text) + 1)
        text[place : place + (kind > 0)] = b"" if kind > 1 else bytes((octet,))
    return bytes(text)
