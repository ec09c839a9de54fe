"""Rules on the examples: inputs as the network gets them, and labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlkit.checks.context import CheckContext
from dlkit.config.phrases import listed
from dlkit.config.problems import Problem
from dlkit.data.contract import Rows

# Networks with the usual initial weights expect inputs of about unit scale (LeCun et al., Efficient BackProp, 1998).
LARGEST_INPUT = 20.0
# Of pixels from 0 to 255: a batch whose largest is darker holds no pictures; resizing goes beyond the ends a little.
DARKEST, WHITE, SLACK = 3.0, 255.0, 30.0


def input_scale(case: CheckContext) -> Iterator[Problem]:
    """Inputs far from unit scale make the first updates large and training slow or unstable."""
    for name, x in _prepared(case):
        if not np.isfinite(x).all() or case.built.preprocessing.encodings[name].vocabulary:
            continue
        if case.config.model.takes_pixels(name, case.config):
            continue  # see `pixel_scale`
        largest = float(np.abs(x).max(initial=0))
        if largest > LARGEST_INPUT:
            step = case.built.spec.inputs[name].settings.scaling_step
            steps = [given.step for given in case.config.data.inputs[name].preprocess]
            yield Problem(
                "input-scale",
                f"`{name}` reaches {largest:,.6g} after preprocessing; networks learn best from values of about 1",
                ("data", "inputs", name, "preprocess"),
                help=f"add `{step}` to its `preprocess`" if step not in steps else "look for outliers in the data",
                severity="warning",
            )


def pixel_scale(case: CheckContext) -> Iterator[Problem]:
    """A backbone scales pixels from 0 to 255 itself: what lies elsewhere was scaled before."""
    for name, x in _prepared(case):
        if not case.config.model.takes_pixels(name, case.config) or not np.isfinite(x).all() or not x.size:
            continue
        if case.built.preprocessing.encodings[name].pixels is not None:
            continue  # the network takes the factor and offset of the steps back
        low, high = float(x.min()), float(x.max())
        if low < -SLACK or not DARKEST < high <= WHITE + SLACK:
            scaling = [f"`{given.step}`" for given in case.config.data.inputs[name].preprocess if not given.host]
            message = f"the backbone takes pixels from 0 to 255, and those of `{name}` lie from {low:.3g} to {high:.3g}"
            help = "where they lie from 0 to 1, write `preprocess: [{rescale: {scale: 255.0}}]`"
            help = f"leave out {listed(scaling)}" if scaling else help
            yield Problem("pixel-scale", message, ("data", "inputs", name, "preprocess"), help=help)


def input_not_finite(case: CheckContext) -> Iterator[Problem]:
    """One value that is not a number makes the loss, and then every weight, not a number."""
    for name, x in _prepared(case):
        if not np.isfinite(x).all():
            yield Problem(
                "input-not-finite",
                f"`{name}` holds values that are not finite numbers after preprocessing",
                ("data", "inputs", name),
                help="clean the data, or look at the steps of its `preprocess`",
            )


def constant_input(case: CheckContext) -> Iterator[Problem]:
    """An input that is the same for every example says nothing."""
    for name, x in _prepared(case):
        if len(x) > 1 and (x == x[:1]).all():
            yield Problem(
                "constant-input",
                f"`{name}` is the same in all {len(x)} examples of the first batch",
                ("data", "inputs", name),
                help="look at its column in the source, and at the steps of its `preprocess`",
                severity="warning",
            )


def constant_target(case: CheckContext) -> Iterator[Problem]:
    """Where every label is the same, there is nothing to learn."""
    for name in case.built.spec.targets:
        labels = _labels(case, name)
        if labels is not None and len(labels) > 1 and (labels == labels[:1]).all():
            yield Problem(
                "constant-target",
                f"all {len(labels):,} labels of `{name}` that were looked at are {labels[0].tolist()}",
                ("data", "targets", name),
                help="look at its column in the source, and at how the training split is cut: sorted data need mixing",
                severity="warning",
            )


def rare_classes(case: CheckContext) -> Iterator[Problem]:
    """A class without any training example is never predicted."""
    for name, target in case.built.spec.targets.items():
        if case.splits is None or not isinstance(case.splits.train, Rows):
            continue
        missing = target.settings.missing(target, case.splits.train.held.targets[name])
        # Where all labels are of one class, `constant_target` reports it.
        if missing and len(missing) < len(target.classes) - 1:
            more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
            yield Problem(
                "class-without-examples",
                f"no training example of `{name}` is of class {', '.join(missing[:5])}{more}",
                ("data", "targets", name),
                help="cut the training split so that it has examples of every class",
                severity="warning",
            )


def _prepared(case: CheckContext) -> Iterator[tuple[str, np.ndarray]]:
    if "train" in case.batches:
        for name, x in case.batches["train"].prepared.items():
            masked = case.built.preprocessing.encodings[name].masked
            yield name, np.where(np.isnan(x), 0, x) if masked else x


def _labels(case: CheckContext, name: str) -> np.ndarray | None:
    """All training labels, of a stream those of the first batch."""
    if case.splits is not None and isinstance(case.splits.train, Rows):
        labels: np.ndarray = case.splits.train.held.targets[name]
        return labels
    return case.batches["train"].batch.targets[name] if "train" in case.batches else None
