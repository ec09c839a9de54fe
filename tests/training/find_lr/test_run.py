"""The learning-rate range test, on real images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.training.find_lr.curve import RangeTest, read_curve, smooth
from tests.training.helpers import CNN, DATA, EVEN, MLP, SGD, SMALL, UNEVEN, images, settings, train

BIG = {"train": images(2000), "validation": images(500, 2000)}


def find(config: dict[str, Any], data: Any = None, **options: Any) -> RangeTest:
    """The test of a configuration given in Python."""
    return dlkit.find_lr(config, data=data or BIG, **options)


@pytest.fixture(scope="module")
def mlp() -> RangeTest:
    """The range test of the small network with Adam."""
    return find(settings(MLP))


def test_the_rate_rises_by_the_same_factor_and_the_loss_is_the_batch_loss_before_its_update(mlp: RangeTest) -> None:
    assert mlp.planned == 200  # more than the 125 of an epoch
    assert mlp.rates[0] == pytest.approx(1e-7)
    factors = mlp.rates[1:] / mlp.rates[:-1]
    np.testing.assert_allclose(factors, 1e8 ** (1 / 199), rtol=1e-6)
    assert len(mlp.rates) == len(mlp.losses) == len(mlp.smoothed)
    # Nothing is learned at such rates: ten classes, guessed.
    assert np.mean(mlp.losses[:20]) == pytest.approx(np.log(10), abs=0.4)


def test_the_rates_are_those_that_the_optimizer_takes() -> None:
    from dlkit.training.find_lr.run import RisingRate

    rising = RisingRate(1e-7, 10.0, 125)
    taken = [float(rising(step)) for step in (0, 1, 62, 124)]
    np.testing.assert_allclose(taken, np.geomspace(1e-7, 10, 125)[[0, 1, 62, 124]], rtol=1e-4)


@pytest.mark.parametrize("model", [MLP, pytest.param(CNN, marks=pytest.mark.slow)], ids=["mlp", "cnn"])
def test_training_at_the_suggestion_beats_a_hundredth_and_a_hundredfold_of_it(
    model: dict[str, Any], mlp: RangeTest, tmp_path: Path
) -> None:
    suggestion = (mlp if model is MLP else find(settings(model))).suggestion
    assert suggestion is not None
    assert 1e-4 <= suggestion <= 1e-1

    def loss(rate: float) -> float:
        optimizer = {"name": "adam", "learning_rate": rate}
        config = settings(model, {"epochs": 1, "optimizer": optimizer})
        return train(config, tmp_path / f"{rate:g}", data=BIG).history["val_loss"][0]

    try:
        high = loss(100 * suggestion)
    except dlkit.RunError:
        high = float("inf")
    assert loss(suggestion) < min(loss(suggestion / 100), high)


def test_plain_gradient_descent_is_given_a_higher_rate_than_adam(mlp: RangeTest) -> None:
    sgd = find(settings(MLP, {"optimizer": "sgd"})).suggestion
    assert sgd is not None and mlp.suggestion is not None
    assert sgd > mlp.suggestion


def test_the_same_seed_gives_the_same_curve_and_another_seed_another(mlp: RangeTest) -> None:
    again, other = find(settings(MLP)), find(settings(MLP, seed=7))
    np.testing.assert_array_equal(again.losses, mlp.losses)
    assert again.suggestion == mlp.suggestion
    assert not np.array_equal(other.losses[:10], mlp.losses[:10])


def test_the_rate_and_the_schedule_of_the_configuration_do_not_matter(mlp: RangeTest) -> None:
    config = settings(MLP, {"optimizer": {"name": "adam", "learning_rate": 0.5}, "schedule": "one_cycle"})
    np.testing.assert_array_equal(find(config).losses, mlp.losses)


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    find(settings(SMALL, SGD), EVEN, steps=20)
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_the_same_before_and_after_a_test(tmp_path: Path) -> None:
    config = settings(SMALL, {"epochs": 1, **SGD})
    before = train(config, tmp_path / "before", data=EVEN)
    weights = [w.copy() for w in before.model.get_weights()]
    find(config, EVEN, steps=20)
    after = train(config, tmp_path / "after", data=EVEN)
    assert after.history == before.history
    for old, kept, new in zip(weights, before.model.get_weights(), after.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, kept)
        np.testing.assert_array_equal(old, new)


def test_it_stops_when_the_loss_diverges() -> None:
    found = find(settings(MLP, {"optimizer": "sgd"}), lowest=1e-4, highest=1e4)
    assert found.diverged
    assert len(found.losses) < found.planned
    assert np.isfinite(found.losses).all()
    assert found.suggestion is not None


def test_more_steps_than_an_epoch_go_on_with_the_next() -> None:
    found = find(settings(SMALL, SGD), UNEVEN, steps=30, lowest=1e-6, highest=1e-5)
    assert len(found.losses) == 30  # of 7 an epoch, the last one short


def test_where_nothing_can_be_learned_nothing_is_suggested() -> None:
    x, y = images(1000)
    found = find(settings(MLP), {"train": (np.zeros_like(x), np.random.default_rng(0).permutation(y))})
    assert found.suggestion is found.alternative is None
    assert [(p.code, p.severity) for p in found.problems] == [("no-suggestion", "warning")]


def test_a_loss_that_diverges_at_once_suggests_nothing() -> None:
    found = find(settings(MLP, {"optimizer": "sgd"}), DATA, lowest=1e4, highest=1e8)
    assert found.diverged
    assert found.suggestion is None
    assert found.problems[0].code == "no-suggestion"


def test_a_range_that_ends_too_early_is_reported() -> None:
    (problem,) = find(settings(MLP), lowest=1e-5, highest=1e-2).problems
    assert problem.code == "range-too-narrow"
    assert "--to" in problem.help


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowest": 1.0, "highest": 0.1}, "rise from 1 to 0.1"),
        ({"lowest": 1.0, "highest": 1.0}, "rise from 1 to 1"),
        ({"lowest": 0.0}, "0 is not a learning rate"),
        ({"highest": float("inf")}, "inf is not a learning rate"),
        ({"lowest": float("nan")}, "nan is not a learning rate"),
        ({"steps": 9}, "too few steps to see where the loss falls: 9"),
    ],
)
def test_a_range_that_cannot_be_tested_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(dlkit.ConfigError, match=message):
        find(settings(MLP), DATA, **options)


def test_the_steepest_place_of_a_known_curve_is_found_through_its_noise() -> None:
    rates = np.geomspace(1e-7, 10, 300)
    noise = np.random.default_rng(3).normal(0, 0.05, 300)
    losses = 2.3 - 2 / (1 + (1e-3 / rates) ** 1.5) + noise + np.maximum(0, np.log10(rates / 0.3)) * 20
    found = read_curve("known", rates, list(losses), planned=300, diverged=False)
    assert found.suggestion is not None and 5e-4 < found.suggestion < 2e-3
    assert found.alternative is not None and 3e-3 < found.alternative < 1e-1


def test_the_average_is_corrected_for_its_start() -> None:
    np.testing.assert_allclose(smooth(np.full(5, 3.0), 0.9), 3.0)
    np.testing.assert_allclose(smooth(np.array([1.0, 2.0]), 0.9), [1.0, (0.9 * 1 + 2) / 1.9])


def test_a_notebook_shows_the_picture(mlp: RangeTest) -> None:
    png = mlp._repr_png_()
    assert png is not None and png.startswith(b"\x89PNG")
    (axes,) = mlp.plot().axes
    assert axes.get_xscale() == "log"
    assert f"steepest descent: {mlp.suggestion:g}" in [text.get_text() for text in axes.get_legend().get_texts()]
