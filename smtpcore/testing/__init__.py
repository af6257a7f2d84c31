"""Tools for tests and harnesses: both ends joined in memory, and strategies for Hypothesis.

`smtpcore.testing.strategies` needs the package hypothesis, and is imported only by who names it.
"""

from __future__ import annotations

from smtpcore.testing.link import Link, link, octets, whole

__all__ = ["Link", "link", "octets", "whole"]
