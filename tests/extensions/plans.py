"""What tests of the client's side of an extension share."""

from __future__ import annotations

from typing import Any

import pytest

from smtpcore.addresses import ForwardPath, ReversePath
from smtpcore.commands import Mail, Rcpt
from smtpcore.extensions.base import Extension
from smtpcore.extensions.planning import MailPlan, MissingExtension
from smtpcore.extensions.registry import ExtensionSet
from smtpcore.parameters import Parameters


def plan(
    *extensions: Extension,
    offered: str = "",
    params: tuple[tuple[str, str | None], ...] = (),
    rcpt_params: tuple[tuple[str, str | None], ...] = (),
    sender: str = "<a@b>",
    **message: Any,
) -> str:
    """The MAIL line for a message, where a server offers these EHLO lines (joined by `|`)."""
    capabilities = {line.split()[0]: tuple(line.split()[1:]) for line in offered.split("|") if line}
    mail = Mail(ReversePath.of(sender), Parameters(params))
    rcpts = [Rcpt(ForwardPath.of("<c@d>"), Parameters(rcpt_params))]
    planned = MailPlan(capabilities, mail, rcpts, **message)
    planned.finish(ExtensionSet(extensions))
    return planned.mail.to_bytes().decode().removesuffix("\r\n")


def missing(*extensions: Extension, **message: Any) -> str:
    """The kind of what is missing there."""
    with pytest.raises(MissingExtension) as caught:
        plan(*extensions, **message)
    return caught.value.kind
