"""Which rows of the ledger the open vectors hold: a broken rule turns one of the cases behind it red.

A row that takes more than these cases to hold is not here, or is held by other tests as well; one that is about the
exact reply code is here only when a case takes no other code.  The runner itself knows nothing of this: the table gives
the cases their marks when pytest runs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Ledger row to the cases that hold it, by the ID that each has in its file.
ROWS: Final[Mapping[str, str]] = {
    # -- lines and command grammar
    "B-GRAM-01": "srv-0120 srv-0124 srv-0128 cmdnl-lf-second cmdnl-lfcr cmdnl-lf-only reply-0133 reply-0135",
    "B-GRAM-04": "srv-0005 cmd-0012 cmd-0053 cmd-0067 cmd-0165 cmd-0181 cmd-0199 octet-sharp-s octet-kelvin",
    "S-GRAM-08": "srv-0019 cmd-0047 cmd-0049 cmd-0055 cmd-0061 cmd-0063 cmd-0191",
    "S-GRAM-11": "srv-0063 cmd-0125 cmd-0127",
    "S-GRAM-15": "srv-0053 cmd-0051 cmd-0058 cmd-0065 state-quit-trailing",
    "B-GRAM-17": "cmd-0079 cmd-0085 cmd-0087",
    "S-GRAM-19": "srv-0051",
    # -- the session
    "S-SES-07": "srv-0040",
    "S-SES-08": "srv-0023 state-no-ehlo",
    "S-SES-09": "srv-0025 srv-0027 srv-0029",
    "S-SES-10": "state-rcpt-first",
    "S-SES-11": "state-mail-nested",
    "S-SES-13": "srv-0044 state-reject-then-rcpt state-tempfail-then-rcpt",
    "S-SES-14": "srv-0031 state-ehlo-resets",
    "S-SES-15": "srv-0036",
    "S-SES-16": "srv-0007 state-rset-clears",
    "S-SES-19": "srv-0021",
    "S-SES-23": "421-shutdown 421-pipelined",
    "S-SES-26": "srv-0075 srv-0157 eof-line eof-data2",
    "S-SES-41": "srv-0001 srv-0007 srv-0009 srv-0042",
    # -- commands
    "S-CMD-EHLO-01": "cmd-0023 cmd-0034 cmd-0036 state-ehlo-noarg state-helo-noarg",
    "S-CMD-EHLO-05": "srv-0003",
    "S-CMD-MAIL-01": "srv-0055 cmd-0229 cmd-0231 cmd-0236 cmd-0238 cmd-0248",
    "S-CMD-MAIL-02": "srv-0011 addr-0213 addr-null-sender",
    "S-CMD-MAIL-10": "cmd-0287 cmd-0289 cmd-0307 cmd-0309 cmd-0361",
    "B-CMD-MAIL-13": "srv-0201 cmd-0389",
    "S-CMD-MAIL-15": "srv-0095 srv-0085",
    "S-CMD-RCPT-01": "srv-0057 cmd-0395 cmd-0397 cmd-0403 cmd-0417",
    "S-CMD-RCPT-02": "srv-0013 cmd-0367 cmd-0369",
    "S-CMD-RCPT-08": "srv-0077 srv-0079 srv-0081 srv-0083",
    "S-CMD-RCPT-13": "srv-0163",
    "S-CMD-RCPT-14": "srv-0101",
    "S-CMD-DATA-01": "srv-0025 srv-0027 srv-0029 srv-0161 state-data-allrcpt-failed",
    "S-CMD-DATA-05": "srv-0089 srv-0091 srv-0093",
    "S-CMD-DATA-13": "srv-0117 dot-empty",
    "S-CMD-RSET-01": "srv-0007 srv-0040 srv-0053",
    "S-CMD-RSET-04": "srv-0115",
    "S-CMD-VRFY-01": "srv-0059 cmd-0081",
    "S-CMD-VRFY-04": "srv-0073",
    "S-CMD-VRFY-11": "srv-0009 srv-0046",
    "S-CMD-NOOP-01": "cmd-0073 cmd-0075",
    "S-CMD-NOOP-02": "srv-0042",
    "S-CMD-X-01": "srv-0049",
    # -- replies
    "C-REP-12": "cli-0027 reply-code-000 reply-code-600",
    "C-REP-13": "reply-0039 reply-0042",
    "C-REP-14": "cli-0016",
    "C-REP-16": "cli-0029 reply-code-mismatch reply-code-mismatch-rcpt",
    "C-REP-17": "reply-endless-greeting reply-endless-line reply-endless-line-greeting",
    "C-REP-18": "reply-0133 reply-0135 reply-bare-lf reply-bare-cr",
    "C-REP-19": "sync-extra-greeting sync-extra-mail sync-lmtp-extra",
    "C-REP-28": "cli-0021 cli-0023 sync-greeting-554",
    # -- addresses
    "B-ADDR-02": "addr-0185 addr-0186 addr-0243 addr-0248",
    "B-ADDR-04": "addr-0194 addr-0287 addr-0289 cmd-0244 addr-dot-start addr-dot-dot",
    "B-ADDR-06": "cmd-0185 cmd-0377 addr-quoted-at addr-quoted-gt",
    "B-ADDR-10": "cmd-0029 cmd-0242 addr-label-empty",
    "S-ADDR-16": "cmd-0262 addr-0085 addr-0087",
    "B-LIT-01": "addr-0309 addr-0310 cmd-0405 addr-ip4",
    "B-LIT-05": "addr-ip6-zone addr-ip6-long",
    # -- text
    "C-DATA-01": "cli-0068 text-dotdot text-real-eod",
    "C-DATA-02": "text-chunk-dot text-chunk-crlf-split",
    "S-DATA-03": "srv-0107 srv-0109 dot-stuffed dot-midline",
    "S-DATA-04": "srv-0120 srv-0124 eod-lf-dot-lf eod-cr-dot-cr eod-lf-dot-cr eod-cr-dot-crlf eod-crlf-dot-lf "
    "eod-crlf-dot-cr eod-crcrlf-dot-crcrlf",
    "S-DATA-05": "srv-0120 srv-0128 eod-lf-lf-dot-lf-lf",
    "S-DATA-07": "srv-0113",
    "S-DATA-15": "dot-pipelined-next",
    "C-DATA-20": "cli-0068 cli-0075",
    "B-LIM-06": "srv-0104 text-998 text-999-dot",
    "S-LIM-14": "res-line-endless res-line-endless-cr res-line-600",
    "B-SEC-09": "eod-lf-dot-lf eod-cr-dot-cr eod-crlf-dot-lf text-smug-lf-dot-lf text-smug-cr-dot-cr text-smug-crcrlf",
    "S-SEC-07": "octet-echo-unknown octet-ehlo-esc octet-help-format octet-format",
    "C-SEC-08": "inj-mail-crlf inj-rcpt-crlf inj-ehlo-crlf inj-size-crlf inj-body-crlf inj-orcpt-lf inj-expn-cr "
    "inj-mechanism-crlf inj-raw-crlf",
    # -- LMTP
    "S-LMTP-01": "srv-0159 cmd-0017 cmd-0019 cmd-0021",
    "S-LMTP-02": "cmd-0043 state-lmtp-helo state-smtp-lhlo",
    "S-LMTP-03": "srv-0161",
    "S-LMTP-04": "srv-0159 srv-0163 srv-0167",
    "C-LMTP-12": "cli-0134 sync-lmtp-extra",
    "X-LMTP-01": "cmd-0043 state-lmtp-helo state-smtp-lhlo",
    "X-LMTP-02": "srv-0159",
    "X-LMTP-04": "srv-0161",
    "X-LMTP-05": "srv-0159",
    "X-LMTP-06": "srv-0163",
    "X-LMTP-07": "srv-0165",
    # -- extensions
    "X-8BITMIME-02": "cmd-0199 cmd-0291 param-body-bad",
    "X-8BITMIME-08": "cli-0089 text-8bit-no-ext",
    "X-8BITMIME-10": "cli-0088",
    "X-SIZE-02": "cmd-0193 cmd-0195 cmd-0283 cmd-0285 cmd-0311 param-size-neg param-size-plus param-size-underscore "
    "param-size-21digits",
    "X-SIZE-04": "srv-0099",
    "X-SIZE-05": "srv-0095 param-size-over",
    "X-SIZE-15": "srv-0097 res-data-over-size",
    "X-SIZE-17": "text-size-over",
    "X-SIZE-21": "reply-size-bad reply-size-neg",
    "X-PIPELINING-04": "cli-0080 cli-0082",
    "X-PIPELINING-12": "srv-0136 srv-0139 early-order",
    "X-PIPELINING-14": "srv-0133 srv-0161",
    "X-CHUNKING-02": "cmd-0161 cmd-0163 cmd-0165 cmd-0167 cmd-0169 cmd-0171 cmd-0173 cmd-0175 cmd-0177",
    "X-CHUNKING-05": "srv-0141 bdat-basic-dots",
    "X-CHUNKING-06": "srv-0143 srv-0147",
    "X-CHUNKING-08": "bdat-zero-last",
    "X-CHUNKING-10": "srv-0149",
    "X-CHUNKING-13": "srv-0151 bdat-no-mail bdat-no-rcpt",
    "X-CHUNKING-25": "srv-0157",
    "X-BINARYMIME-03": "srv-0155 bdat-binarymime-data",
    "X-STARTTLS-01": "srv-0208 cmd-0069 tls-arg",
    "X-STARTTLS-03": "srv-0212 tls-inject-mail tls-inject-auth tls-inject-fragment tls-inject-crlf",
    "X-STARTTLS-04": "tls-inject-full tls-inject-pipelined",
    "X-STARTTLS-10": "tls-caps-reset",
    "X-STARTTLS-13": "srv-0210",
    "X-STARTTLS-16": "tls-required-mail",
    "X-STARTTLS-19": "tls-stripped tls-refused-454",
    "X-STARTTLS-21": "tls-refused-250",
    "X-STARTTLS-23": "srv-0213",
    "X-AUTH-01": "srv-0169",
    "X-AUTH-03": "srv-0187 srv-0193 cmd-0147 cmd-0153",
    "X-AUTH-04": "auth-unknown",
    "X-AUTH-05": "auth-twice",
    "X-AUTH-13": "cmd-0137",
    "X-AUTH-17": "srv-0177 srv-0189 auth-cancel",
    "X-AUTH-18": "cli-0120 auth-challenge-badb64",
    "X-AUTH-19": "srv-0179 srv-0185 srv-0191 auth-badchars auth-embedded-space auth-bad-padding auth-urlsafe cmd-0155",
    "X-AUTH-21": "srv-0199",
    "X-AUTH-28": "srv-0203",
    "X-AUTH-38": "auth-quit-as-response",
    "X-AUTH-45": "srv-0201 cmd-0213 cmd-0305",
    "X-DSN-05": "cmd-0379 cmd-0381 cmd-0383 cmd-0431 cmd-0433",
    "X-DSN-06": "srv-0219 cmd-0429 param-notify-never-mix",
    "X-DSN-07": "cmd-0385 cmd-0389",
    "X-DSN-10": "cmd-0387 cmd-0435 cmd-0437",
    "X-DSN-14": "cmd-0205 cmd-0297 param-ret-bad",
    "X-DSN-23": "cli-0098",
    "X-SMTPUTF8-03": "srv-0225 cmd-0201 param-utf8-value",
    "X-SMTPUTF8-04": "cli-0092",
    "X-SMTPUTF8-05": "cli-0094",
    "X-SMTPUTF8-06": "inj-rcpt-utf8-no-ext",
    "X-SMTPUTF8-08": "srv-0223 srv-0227 cmd-0469 cmd-0473 addr-utf8-not-asked addr-utf8-not-asked-mail",
    "X-SMTPUTF8-12": "cmd-0479 addr-utf8-overlong addr-utf8-truncated addr-utf8-truncated-end",
    "X-SMTPUTF8-19": "cmd-0095",
    "X-DELIVERBY-02": "cmd-0215 cmd-0217 cmd-0315 cmd-0317 cmd-0319 cmd-0321 cmd-0325",
    "X-DELIVERBY-03": "cmd-0323",
    "X-MTPRIORITY-01": "cmd-0221 cmd-0223 cmd-0328 cmd-0330 cmd-0332 cmd-0334",
    "X-MTPRIORITY-02": "cmd-0351",
    "X-FUTURERELEASE-04": "cmd-0225 cmd-0336",
    "X-RRVS-01": "srv-0233 cmd-0391 cmd-0393 cmd-0441 cmd-0443 cmd-0445",
    "X-REQUIRETLS-01": "cmd-0203 cmd-0295",
}


def rows_by_case() -> dict[str, list[str]]:
    """The other way round: the rows that each case holds."""
    found: dict[str, list[str]] = {}
    for row, cases in ROWS.items():
        for case in cases.split():
            found.setdefault(case, []).append(row)
    return found
