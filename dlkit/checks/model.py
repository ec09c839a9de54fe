"""Rules on the network as it was built."""

from __future__ import annotations

from collections.abc import Iterator

from dlkit.checks.case import Case
from dlkit.checks.memory import available_memory, estimate, mebibytes
from dlkit.config.problems import Problem
from dlkit.models.heads import units
from dlkit.training.forward import by_target

LARGE_SHARE = 0.8


def nothing_to_train(case: Case) -> Iterator[Problem]:
    """A network without trainable weights cannot learn."""
    if not case.assembly.network.trainable_variables:
        yield Problem(
            "nothing-to-train", "the network has no trainable parameters", ("model",), help="add layers to it"
        )


def output_width(case: Case) -> Iterator[Problem]:
    """The head has an output for each class, or for each number."""
    outputs = by_target(case.assembly, case.assembly.network.output)
    for name, target in case.assembly.spec.targets.items():
        width, wanted = outputs[name].shape[-1], units(target)
        if width != wanted:
            what = f"{wanted} classes" if target.kind == "category" else f"{wanted} outputs"
            yield Problem(
                "output-width", f"the network gives {width} outputs for `{name}`, which has {what}", ("model",)
            )


def too_large(case: Case) -> Iterator[Problem]:
    """A model that does not fit the memory ends the run, or the machine."""
    available = available_memory()
    if available is None:
        return
    needed = estimate(case).total
    if needed > LARGE_SHARE * available:
        yield Problem(
            "large-model",
            f"training needs about {mebibytes(needed)}, and {mebibytes(available)} of memory are free",
            ("data", "batch_size"),
            help="choose a smaller batch or a smaller model",
            severity="warning",
        )
