"""Rules on splits and batches."""

from __future__ import annotations

from collections.abc import Iterator

import keras

from dlkit.checks.context import CheckContext, own_layers
from dlkit.config.problems import Problem
from dlkit.training.notes import NO_VALIDATION


def no_validation(case: CheckContext) -> Iterator[Problem]:
    """Without validation nothing shows when to stop."""
    if case.splits is not None and case.splits.validation is None and not case.config.data.is_off("validation"):
        yield Problem(
            "no-validation",
            NO_VALIDATION,
            ("data", "splits"),
            help="hold some examples back, as in `splits: {validation: 10%}`, or of a stream, in "
            '`splits: {train: "train[:90%]", validation: "train[90%:]"}`; or write `validation: off`, if that is meant',
            severity="warning",
        )


def no_test(case: CheckContext) -> Iterator[Problem]:
    """Without a test split nothing shows how good the model is on what it has never seen."""
    if case.splits is not None and case.splits.test is None and not case.config.data.is_off("test"):
        yield Problem(
            "no-test",
            "there is no test split: nothing will show how good the model is on examples that it was not chosen by",
            ("data", "splits"),
            help="hold some examples back, as in `splits: {test: 20%}`; or write `test: off`, if that is meant",
            severity="warning",
        )


def batch_larger_than_split(case: CheckContext) -> Iterator[Problem]:
    """A batch that holds the whole split makes one update an epoch."""
    size, batch_size = _train_size(case), case.config.data.batch_size
    if size is not None and batch_size > size:
        yield Problem(
            "batch-larger-than-split",
            f"a batch of {batch_size:,} is larger than the training split of {size:,}, so an epoch is a single update",
            ("data", "batch_size"),
            help=f"choose one below {max(1, size // 2):,}",
            severity="warning",
        )


def lone_last_example(case: CheckContext) -> Iterator[Problem]:
    """Batch normalisation over one example sees no variance."""
    size, batch_size = _train_size(case), case.config.data.batch_size
    normalised = any(isinstance(x, keras.layers.BatchNormalization) for x in own_layers(case.built.network))
    if size is not None and normalised and (size % batch_size == 1 or batch_size == 1):
        which = "every batch" if batch_size == 1 else "the last batch of an epoch"
        yield Problem(
            "single-example-batch",
            f"{which} has a single example, on which batch normalisation cannot work",
            ("data", "batch_size"),
            help="choose another batch size"
            if batch_size == 1
            else f"choose a batch size that does not leave 1 of {size:,}",
            severity="warning",
        )


def _train_size(case: CheckContext) -> int | None:
    return case.built.spec.sizes.get("train")
