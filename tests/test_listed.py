"""Which codes are listed for which command (RFC 5321 4.3.2)."""

from __future__ import annotations

from smtpcore.listed import LISTED

#: RFC 5321 4.3.2, with RFC 7504 for 521 and 556; EHLO with the shorter list of 4.1.4.  421, 500 and 501 fit everywhere.
SEQUENCES = """
CONNECT 220 521 554
EHLO 250 502 550
HELO 250 502 550
LHLO 250 502 550
MAIL 250 552 451 452 550 553 503 455 555
RCPT 250 251 550 551 552 553 450 451 452 503 455 555 556
DATA 354 450 550 503 554 451
. 250 552 554 451 452 450 550
VRFY 250 251 252 550 551 553 502 504
EXPN 250 252 550 502 504
HELP 211 214 502 504
"""


def test_the_codes_that_are_listed_for_a_command() -> None:
    wanted = {}
    for line in SEQUENCES.split("\n")[1:-1]:
        verb, *codes = line.split(" ")
        wanted[verb] = {421, 500, 501, *map(int, codes)}
    assert wanted == {**LISTED}
