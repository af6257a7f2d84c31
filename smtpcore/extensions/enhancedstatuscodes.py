"""ENHANCEDSTATUSCODES: replies begin with a code of RFC 3463 (RFC 2034)."""

from __future__ import annotations

from typing import ClassVar

from smtpcore.extensions.base import Extension


class EnhancedStatusCodes(Extension):
    """The ENHANCEDSTATUSCODES extension.  Codes are sent whatever the greeting of the client was (RFC 2034 4)."""

    keyword: ClassVar[str] = "ENHANCEDSTATUSCODES"
    enhanced_codes: ClassVar[bool] = True
