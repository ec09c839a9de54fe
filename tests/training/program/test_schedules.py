"""Each schedule is what its name says, step by step."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dlkit.schema.training import (
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    OneCycle,
    Polynomial,
    StepDecay,
)
from dlkit.training.program.schedules import make_schedule

STEPS, EPOCHS = 10, 10


def rates(settings: Any, steps: int = STEPS * EPOCHS) -> list[float]:
    """The rate of every update of a run of 10 epochs of 10 steps, from a full rate of 1."""
    schedule = make_schedule(settings, 1.0, STEPS, EPOCHS)
    return [float(schedule(step)) if callable(schedule) else schedule for step in range(steps)]


def test_constant_never_changes() -> None:
    assert set(rates(Constant(name="constant"))) == {1.0}


def test_cosine_falls_along_half_a_cosine_to_its_final_share() -> None:
    expected = [0.1 + 0.9 * (1 + math.cos(math.pi * step / 100)) / 2 for step in range(100)]
    np.testing.assert_allclose(rates(Cosine(name="cosine", final_factor=0.1)), expected, rtol=1e-5)


def test_exponential_falls_by_its_factor_in_its_period() -> None:
    found = rates(Exponential(name="exponential", decay_rate=0.5, decay_epochs=2.0))
    np.testing.assert_allclose(found, [0.5 ** (step / 20) for step in range(100)], rtol=1e-5)
    stairs = rates(Exponential(name="exponential", decay_rate=0.5, decay_epochs=2.0, staircase=True))
    np.testing.assert_allclose(stairs, [0.5 ** (step // 20) for step in range(100)], rtol=1e-5)


def test_step_falls_with_the_first_update_after_each_epoch_named() -> None:
    found = rates(StepDecay(name="step", epochs=[3.0, 6.0], factor=0.1))
    np.testing.assert_allclose(found, [1.0] * 30 + [0.1] * 30 + [0.01] * 40, rtol=1e-5)


def test_polynomial_falls_along_a_power_of_what_is_left_of_the_run() -> None:
    found = rates(Polynomial(name="polynomial", power=2.0, final_factor=0.1))
    np.testing.assert_allclose(found, [0.1 + 0.9 * (1 - step / 100) ** 2 for step in range(100)], rtol=1e-5)


def test_inverse_time_divides_by_what_grows_with_the_epochs() -> None:
    found = rates(InverseTime(name="inverse_time", decay_rate=0.5, decay_epochs=2.0))
    np.testing.assert_allclose(found, [1 / (1 + 0.5 * step / 20) for step in range(100)], rtol=1e-5)


def test_cosine_restarts_begin_again_after_periods_that_grow() -> None:
    found = rates(CosineRestarts(name="cosine_restarts", first_epochs=2.0, rate_factor=0.5))
    expected = [(1 + math.cos(math.pi * step / 20)) / 2 for step in range(20)]
    expected += [0.5 * (1 + math.cos(math.pi * step / 40)) / 2 for step in range(40)]
    np.testing.assert_allclose(found[:60], expected, rtol=1e-4, atol=1e-6)
    assert found[60] == pytest.approx(0.25)


@pytest.mark.parametrize(
    "after", [Constant(name="constant", warmup_epochs=2.0), Cosine(name="cosine", warmup_epochs=2.0)]
)
def test_warm_up_rises_in_a_line_and_then_hands_over(after: Any) -> None:
    found = rates(after)
    np.testing.assert_allclose(found[:20], [(step + 1) / 20 for step in range(20)], rtol=1e-5)
    assert found[20] == pytest.approx(1.0)
    assert found[99] == pytest.approx(1.0 if after.name == "constant" else 0.0, abs=1e-3)


def test_a_warm_up_does_not_move_the_epochs_of_step() -> None:
    found = rates(StepDecay(name="step", epochs=[3.0], factor=0.1, warmup_epochs=1.0))
    np.testing.assert_allclose(found[10:], [1.0] * 20 + [0.1] * 70, rtol=1e-5)


def test_one_cycle_rises_to_the_full_rate_and_falls_to_almost_nothing() -> None:
    found = rates(OneCycle(name="one_cycle", rise=0.3, start_factor=0.04, final_factor=1e-4))
    assert found[0] == pytest.approx(0.04)
    assert int(np.argmax(found)) == 30
    assert max(found) == pytest.approx(1.0)
    assert found[-1] == pytest.approx(1e-4, rel=0.05)
    assert all(a < b for a, b in pairwise(found[:31]))
    assert all(a > b for a, b in pairwise(found[30:]))
