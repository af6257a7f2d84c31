"""Hypothesis strategies for everything that this library says and understands.

Needs `hypothesis`, which is imported here and nowhere else in the package.  Every value that a strategy makes can be
sent, and what is read back is equal; the strategies of octets make what is nearly right.
"""

from __future__ import annotations

from smtpcore.testing._address_strategies import (
    address_literals,
    almost_valid_mailboxes,
    domains,
    forward_paths,
    mailboxes,
    reverse_paths,
)
from smtpcore.testing._command_strategies import (
    almost_valid_lines,
    auths,
    commands,
    date_times,
    hellos,
    inquiries,
    keywords,
    mail_parameters,
    mails,
    noops,
    parameters,
    rcpt_parameters,
    rcpts,
)
from smtpcore.testing._reply_strategies import (
    capabilities,
    ehlo_keywords,
    enhanced_codes,
    replies,
    reply_codes,
    reply_octets,
    reply_texts,
)

__all__ = [
    # addresses
    "domains",
    "address_literals",
    "mailboxes",
    "reverse_paths",
    "forward_paths",
    "almost_valid_mailboxes",
    # commands
    "commands",
    "hellos",
    "mails",
    "rcpts",
    "inquiries",
    "noops",
    "auths",
    "almost_valid_lines",
    # parameters
    "keywords",
    "parameters",
    "mail_parameters",
    "rcpt_parameters",
    "date_times",
    # replies
    "replies",
    "reply_codes",
    "reply_texts",
    "reply_octets",
    "enhanced_codes",
    "ehlo_keywords",
    "capabilities",
]
