"""The table of rules, by the code of what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dlkit.checks import (
    data,
    duplicates,
    duration,
    groups,
    initializers,
    leaks,
    metrics,
    model,
    network,
    shift,
    similar_images,
    splits,
    step,
    units,
)
from dlkit.checks.context import CheckContext, OfSplits, SplitsContext
from dlkit.config.problems import Problem
from dlkit.data.contract import Splits
from dlkit.schema import Config

Rule = Callable[[CheckContext], Iterable[Problem]]

# Those on whole splits.
OF_SPLITS: dict[str, Callable[[OfSplits], Iterable[Problem]]] = {
    "example-in-two-splits": duplicates.in_two_splits,
    "group-in-two-splits": groups.in_two_splits,
    "similar-images-in-two-splits": similar_images.across_splits,
    "column-gives-answer": leaks.perfect_column,
    "splits-differ": shift.splits_differ,
}
RULES: dict[str, Rule] = {
    "no-validation": splits.no_validation,
    "no-test": splits.no_test,
    "batch-larger-than-split": splits.batch_larger_than_split,
    "single-example-batch": splits.lone_last_example,
    "input-scale": data.input_scale,
    "pixel-scale": data.pixel_scale,
    "input-not-finite": data.input_not_finite,
    "constant-input": data.constant_input,
    "constant-target": data.constant_target,
    "class-without-examples": data.rare_classes,
    **OF_SPLITS,
    "nothing-to-train": model.nothing_to_train,
    "output-width": model.output_width,
    "empty-output": network.empty_output,
    "outputs-twice": network.outputs_twice,
    "large-model": model.too_large,
    "unusable-metric": metrics.give_no_number,
    "loss-not-finite": step.loss_not_finite,
    "gradient-not-finite": step.gradient_not_finite,
    "disconnected-weights": step.disconnected,
    "first-loss": step.first_loss,
    "probabilities-for-logits": step.probabilities_for_logits,
    "equal-units": units.equal_units,
    "dead-units": units.dead_units,
    "saturated-units": units.saturated_units,
    "vanishing-stack": network.vanishing,
    "initializer-does-not-fit": initializers.does_not_fit,
    "rough-normalization": network.rough_normalization,
    "single-pixel": network.padding_alone,
    "heavy-dropout": network.heavy_dropout,
    "many-parameters": network.far_more_parameters,
    "unusual-learning-rate": network.unusual_rate,
    "long-training": duration.long_training,
}

# Those that need neither a step nor a model with values, and whose finding a run does not report otherwise.
BEFORE_TRAINING = (
    "batch-larger-than-split", "single-example-batch", "input-scale", "pixel-scale", "input-not-finite",
    "constant-input", "constant-target", "class-without-examples", *OF_SPLITS, "nothing-to-train", "output-width",
    "empty-output", "outputs-twice", "large-model", "unusable-metric", "vanishing-stack", "rough-normalization",
    "initializer-does-not-fit", "single-pixel", "heavy-dropout", "many-parameters", "unusual-learning-rate",
    "long-training",
)  # fmt: skip


def problems(case: CheckContext, codes: Iterable[str] = tuple(RULES)) -> list[Problem]:
    """What the rules of these codes find; by default all of them."""
    return [problem for code in codes for problem in RULES[code](case)]


def leaks_and_shifts(config: Config, splits: Splits) -> list[Problem]:
    """What the rules on whole splits find.

    Args:
        config: the configuration.
        splits: its data, before the host stage.
    """
    case = SplitsContext(config, splits)
    return [problem for rule in OF_SPLITS.values() for problem in rule(case)]
