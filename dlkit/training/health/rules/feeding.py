"""Runs that wait for their data."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.config.problems import Problem
from dlkit.training.health.rules import remedies
from dlkit.training.health.rules.context import HealthContext, updates

# Share of the time of the newest looks: above it, data at hand would make the run 1.7 times as fast. Data that are held
# on the device wait for nothing; a pipeline is waited for at the start of each epoch.
WAITING, LOOKS = 0.4, 50
# A block of batches is waited for at once, so that it is several waits that are looked for, and seconds of them.
SEVERAL_WAITS, WORTH = 3, 2.0


def input_bound(case: HealthContext) -> Iterator[Problem]:
    """A run that spends much of its time waiting for data."""
    # The first look counts the start of the run.
    looks = case.looks[max(1, len(case.looks) - LOOKS) :]
    waited = [look.waiting * look.seconds for look in looks]
    seconds = sum(look.seconds for look in looks)
    waits = sum(look.waiting > WAITING for look in looks)
    if waits < SEVERAL_WAITS or sum(waited) < WORTH or sum(waited) < WAITING * seconds:
        return
    yield Problem(
        "input-bound",
        f"training waits for data in {sum(waited) / seconds:.0%} of its time ({updates(looks)}, {seconds:.0f} seconds)",
        key=("data", "feed"),
        help=remedies.feeding(case.config),
        severity="warning",
    )
