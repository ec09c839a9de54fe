"""Where each rule begins to speak, and what it takes no notice of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dlkit.training.health.rules import HealthContext, findings
from dlkit.training.health.snapshot import LayerStats
from tests.training.health.planted import mlp, regress
from tests.training.health.rules.made import SOUND, alone, case, codes, look, row
from tests.training.helpers import load


def layers(**figures: dict[str, Any]) -> dict[str, LayerStats]:
    """Sound layers but for some figures."""
    return {name: replace(SOUND, **values) for name, values in figures.items()}


def test_nothing_is_found_before_there_is_anything() -> None:
    assert codes(case([])) == []
    assert codes(case([look(0)])) == []
    assert codes(case([], [row(1, val_loss=None)])) == []


@pytest.mark.parametrize("gradient, found", [(1e-5, True), (1e-2, False), (0.0, False)])
def test_a_gradient_has_to_fall_far_and_a_layer_that_gets_none_is_cut_off(gradient: float, found: bool) -> None:
    small = layers(dense_1={"gradient": gradient}, label={})
    looks = [look(10 * n, recent=2.3, layers=small) for n in range(5)]
    assert alone("vanishing-gradients", case(looks)) is found
    assert not alone("vanishing-gradients", case(looks[:4]))
    assert not alone("vanishing-gradients", case([*looks[:4], look(40, recent=2.3)]))


def test_a_small_gradient_of_a_loss_that_falls_is_none_that_vanishes() -> None:
    small = layers(dense_1={"gradient": 1e-5}, label={})
    looks = [look(10 * n, recent=2.0 * 0.9**n, layers=small) for n in range(10)]
    assert codes(case(looks)) == []


def test_a_single_large_gradient_does_not_explode() -> None:
    looks = [look(10 * n) for n in range(10)]
    assert codes(case([*looks, look(100, gradient=1e4), look(110)])) == []
    assert codes(case([*looks, look(100, gradient=1e4), look(110, gradient=1e5)])) == ["exploding-gradients"]


def test_a_gradient_that_was_small_as_all_was_learned_does_not_explode_as_it_comes_back() -> None:
    looks = [look(10 * n, gradient=1.0 if n < 3 else 1e-4) for n in range(20)]
    assert codes(case([*looks, look(200, gradient=2.0), look(210, gradient=2.0)])) == []


@pytest.mark.parametrize("gradient, found", [(50.0, True), (5.0, False)])
def test_a_gradient_explodes_from_the_last_layer_to_the_first(gradient: float, found: bool) -> None:
    large = layers(dense_1={"gradient": gradient}, label={})
    looks = [look(10 * n, layers=large) for n in range(5)]
    assert codes(case(looks)) == (["exploding-gradients"] if found else [])
    assert codes(case([*looks[:4], look(40)])) == []


def test_units_are_dead_only_if_the_same_layer_is_dead_in_every_look() -> None:
    dead = layers(dense_1={"dead": 0.9}, label={})
    assert codes(case([look(10 * n, layers=dead) for n in range(5)])) == ["dead-relu"]
    alive = layers(dense_1={"dead": 0.3}, label={})
    assert codes(case([look(10 * n, layers=alive if n == 2 else dead) for n in range(5)])) == []


def test_dead_units_are_not_reported_again_as_gradients_that_vanish() -> None:
    dead = layers(dense_1={"dead": 1.0, "gradient": 1e-7}, label={})
    looks = [look(50 * n, recent=2.3, layers=dead, classes={"label": (1.0, 0.2)}) for n in range(12)]
    assert codes(case(looks)) == ["dead-relu"]


@pytest.mark.parametrize("shares, found", [((1.0, 0.2), True), ((0.97, 0.2), False), ((1.0, 0.95), False)])
def test_one_class_is_a_fault_only_where_the_labels_have_several(shares: tuple[float, float], found: bool) -> None:
    looks = [look(20 * n, classes={"label": shares}) for n in range(12)]
    assert alone("one-class", case(looks)) is found
    assert not alone("one-class", case([replace(one, epoch=1) for one in looks]))


def test_a_rate_is_too_high_only_while_little_is_learned_and_not_in_the_first_updates() -> None:
    large = layers(dense_1={"update": 0.1}, label={"update": 0.1})
    assert codes(case([look(10 * n, recent=2.2, layers=large) for n in range(3)])) == ["rate-too-high"]
    assert codes(case([look(n, recent=2.2, layers=large) for n in range(3)])) == []
    assert codes(case([look(10 * n, recent=1.0, layers=large) for n in range(3)])) == []


def test_a_loss_that_rises_far_above_that_of_a_constant_answer_shows_a_rate_that_is_too_high() -> None:
    rising = [look(10 * n, recent=2.3 + n) for n in range(12)]
    assert codes(case(rising)) == ["rate-too-high"]
    # Numbers far from 0 begin with a large loss.
    falling = [look(10 * n, recent=1000.0 - n) for n in range(12)]
    assert codes(case(falling)) == []


@pytest.mark.parametrize("rates, found", [([1e-6] * 6, True), ([1e-3, *[1e-6] * 5], False)])
def test_a_rate_is_too_low_only_where_it_is_not_the_end_of_a_schedule(rates: list[float], found: bool) -> None:
    still = layers(dense_1={"update": 1e-6}, label={"update": 1e-6})
    looks = [look(10 * n, recent=2.3, rate=rate, layers=still) for n, rate in enumerate(rates)]
    config = {"optimizer": {"name": "adam", "learning_rate": max(rates)}}
    assert alone("rate-too-low", case(looks, **config)) is found
    # Still warming up to a rate a thousand times as large.
    assert not alone("rate-too-low", case(looks, optimizer={"name": "adam", "learning_rate": 1.0}))


def test_a_loss_of_nearly_nothing_does_not_spike() -> None:
    looks = [look(10 * n, recent=1e-3) for n in range(10)]
    assert codes(case([*looks, look(100, recent=0.1)])) == []
    assert codes(case([*looks, look(100, recent=2.0)])) == ["loss-spike"]


def over_fitted(epochs: int, *, loss: float = 0.5) -> list[dict[str, Any]]:
    """A best epoch, then some whose val_loss is half as large again."""
    return [row(1), *(row(2 + n, loss=loss, val_loss=1.5) for n in range(epochs))]


def test_over_fitting_takes_several_epochs_and_a_training_loss_that_falls() -> None:
    assert codes(case([], over_fitted(4))) == ["over-fitting"]
    assert codes(case([], over_fitted(3))) == []
    assert codes(case([], over_fitted(4, loss=0.95))) == []


def test_epochs_that_were_not_validated_do_not_count() -> None:
    rows = [row for n, row in enumerate(over_fitted(7)) if n != 0]
    skipped = [row(1), *({**each, "val_loss": None} if n % 2 else each for n, each in enumerate(rows))]
    assert codes(case([], skipped)) == ["over-fitting"]
    assert codes(case([], skipped[:-1])) == []


def test_a_model_is_not_over_fitted_while_what_is_monitored_improves() -> None:
    rows = [{**each, "val_accuracy": 0.1 * each["epoch"]} for each in over_fitted(5)]
    assert codes(case([], rows, monitor="val_accuracy", mode="max")) == []
    rows = [{**each, "val_accuracy": 0.5} for each in over_fitted(5)]
    assert codes(case([], rows, monitor="val_accuracy", mode="max")) == ["over-fitting"]


def test_a_plateau_is_silent_under_early_stopping_and_at_the_end_of_a_schedule() -> None:
    rows = [row(n) for n in range(1, 12)]
    assert codes(case([], rows)) == ["plateau"]
    assert codes(case([], rows[:-1])) == []
    assert codes(case([], rows, early_stopping={"patience": 20})) == []
    decayed = [{**each, "learning_rate": 1e-3 if each["epoch"] < 6 else 1e-5} for each in rows]
    assert codes(case([], decayed)) == []


@pytest.mark.parametrize("code", ["vanishing-gradients", "dead-relu", "one-class", "rate-too-high", "rate-too-low"])
def test_what_explains_it_silences_under_fitting_and_a_plateau(code: str) -> None:
    looks = [look(20 * n, recent=2.3) for n in range(60)]
    rows = [row(n, loss=2.3, val_loss=2.3) for n in range(1, 12)]
    assert codes(case(looks, rows)) == ["under-fitting"]
    assert codes(case(looks, rows, reported={code})) == []


def test_waiting_is_reported_by_its_share_of_all_the_time_and_not_for_less_than_seconds() -> None:
    waiting = [look(10 * n, waiting=0.9 if n % 2 else 0.1, seconds=2.0) for n in range(10)]
    assert codes(case(waiting)) == ["input-bound"]
    assert codes(case([replace(one, seconds=0.1) for one in waiting])) == []
    # A long wait at the start of each epoch, and none within it.
    assert codes(case([look(10 * n, waiting=0.9 if n % 5 == 0 else 0.0) for n in range(30)])) == []


def test_what_was_reported_is_not_reported_again() -> None:
    waiting = [look(10 * n, waiting=0.9) for n in range(10)]
    assert codes(case(waiting, reported={"input-bound"})) == []


def test_nothing_is_said_of_targets_that_are_all_the_same() -> None:
    looks = [look(20 * n, recent=1e-5 + 1e-7 * (n % 2), constant=0.0) for n in range(60)]
    assert codes(case(looks, [row(n, loss=1e-5, val_loss=1e-5 / n) for n in range(1, 9)])) == []


def test_numbers_far_from_0_are_reported_as_such() -> None:
    settings = regress(mlp(32), {})
    settings["data"]["targets"]["progress"]["normalize"] = False
    config = load(settings).config
    looks = tuple(look(20 * n, recent=20_000.0, constant=5000.0, classes={}) for n in range(60))
    rows = tuple(row(n, loss=20_000.0, val_loss=20_000.0) for n in range(1, 9))
    (finding,) = findings(HealthContext(config, looks, rows, 100))
    assert finding.code == "under-fitting"
    assert finding.help.startswith("set `data.targets.progress.normalize: true`")
