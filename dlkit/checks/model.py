"""Rules on the network as it was built."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

from dlkit.checks.context import CheckContext, own_layers
from dlkit.checks.memory import available_memory, estimate, mebibytes
from dlkit.config.phrases import count
from dlkit.config.problems import Problem
from dlkit.training.program.forward import by_target

LARGE_SHARE = 0.8


def nothing_to_train(case: CheckContext) -> Iterator[Problem]:
    """A network without trainable weights cannot learn."""
    if not case.built.network.trainable_variables:
        yield Problem(
            "nothing-to-train", "the network has no trainable parameters", ("model",), help="add layers to it"
        )


def output_width(case: CheckContext) -> Iterator[Problem]:
    """The head has an output for each class, or for each number."""
    outputs = by_target(case.built, case.built.network.output)
    for name, target in case.built.spec.targets.items():
        width, wanted = outputs[name].shape[-1], target.units
        if width != wanted:
            what = target.settings.describes_outputs(target)
            yield Problem(
                "output-width", f"the network gives {count(width, 'output')} for `{name}`, which has {what}", ("model",)
            )


def too_large(case: CheckContext) -> Iterator[Problem]:
    """A model that does not fit the memory ends the run, or the machine."""
    available = available_memory()
    if available is None:
        return
    needed = estimate(case)
    on_gpu = bool(tf.config.list_logical_devices("GPU"))  # which has memory of its own for the weights
    if needed.least > available and not on_gpu:
        yield Problem(
            "large-model",
            f"weights, gradients and the optimizer's state alone need {mebibytes(needed.least)}, "
            f"and {mebibytes(available)} of memory are free",
            ("model",),
            help=_smaller_model(case),
        )
    elif needed.total > LARGE_SHARE * available:
        batch = needed.activations > needed.least + needed.copies
        yield Problem(
            "large-model",
            f"training and saving need about {mebibytes(needed.total)}, and {mebibytes(available)} of memory are free",
            ("data", "batch_size") if batch else ("model",),
            help="choose a smaller batch" if batch else _smaller_model(case),
            severity="warning",
        )


def _smaller_model(case: CheckContext) -> str:
    layer = max(own_layers(case.built.network), key=lambda layer: layer.count_params())
    return f"choose a smaller model; its largest layer, `{layer.name}`, has {count(layer.count_params(), 'parameter')}"
