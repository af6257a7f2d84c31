"""PIPELINING: commands ahead of their replies (RFC 2920).  The order of replies holds without it, too."""

from __future__ import annotations

from typing import ClassVar

from smtpcore.extensions.base import Extension


class Pipelining(Extension):
    """The PIPELINING extension."""

    keyword: ClassVar[str] = "PIPELINING"
    pipelining: ClassVar[bool] = True
