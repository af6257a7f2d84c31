"""Settings that every test shares: generated inputs are the same in each run, and slow machines are no failure."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "smtpcore",
    derandomize=True,  # a red run is red again, here and on the next machine
    deadline=None,  # time is judged by the benchmarks, not by a busy test machine
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "campaign", parent=settings.get_profile("smtpcore"), derandomize=False, max_examples=20_000, print_blob=True
)
settings.load_profile("smtpcore")
