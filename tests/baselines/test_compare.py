"""What is said of a network that is no better than a baseline."""

from __future__ import annotations

import pytest

from dlkit.baselines.compare import verdicts


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (0.5, 0.7, ["no better than ridge: accuracy 0.500 against 0.700"]),
        (0.7, 0.7, ["no better than ridge: accuracy 0.700 against 0.700"]),
        (0.99991, 0.99996, ["no better than ridge: accuracy 0.9999 against 1.0000"]),
        (1200.04, 1200.06, ["no better than ridge: accuracy 1,200.0 against 1,200.1"]),
        (0.70001, 0.7, []),
    ],
)
def test_both_figures_are_shown_with_the_digits_in_which_they_differ(
    ours: float, theirs: float, says: list[str]
) -> None:
    found = {"baselines": [{"name": "ridge", "target": "y", "figures": {"accuracy": theirs}}]}
    assert verdicts(found, {"accuracy": ours}, {"accuracy": "max"}) == says
