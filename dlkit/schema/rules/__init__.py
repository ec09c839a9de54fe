"""Rules between settings that need no TensorFlow. Each is a small function that yields problems with a key.

What concerns one source, kind, step or builder alone is a rule of its class, and stands in its file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dlkit.config.problems import Problem
from dlkit.schema import Config
from dlkit.schema.rules import data, history, recipes, training

Rule = Callable[[Config], Iterator[Problem]]


def broken_rules(config: Config, *, needs_source: bool = True) -> Iterator[Problem]:
    """The problems of a configuration whose settings are right one by one.

    Args:
        config: the typed configuration.
        needs_source: whether `data.source` must be given.
    """
    if needs_source and config.data.source is None:
        yield Problem(
            "missing-key",
            "`source` is missing in data",
            ("data", "source"),
            label="needs `source`",
            help="as in `source: {kind: tfds, name: mnist}`; arrays can be given in Python instead",
        )
    for rule in RULES:
        yield from rule(config)
    if config.data.source is not None:
        yield from config.data.source.rules(config)
    for name, given in config.data.inputs.items():
        yield from given.rules(name, config)
    for name, target in config.data.targets.items():
        yield from target.rules(name, config)
    yield from config.model.rules(config)


def name_is_free(config: Config) -> Iterator[Problem]:
    """`latest` is the link that leads to the newest run, and means that run on the command line."""
    if config.name.lower() == "latest":
        yield Problem(
            "bad-format",
            f"`name` cannot be `{config.name}`, which means the newest run",
            ("name",),
            label="choose another name",
            help="the run's folder gets this name, and `latest` is the link beside the runs in it",
        )


RULES: tuple[Rule, ...] = (
    name_is_free,
    training.one_kind_of_clipping,
    training.schedule_fits_epochs,
    training.layers_are_unfrozen,
    data.slices_can_be_read,
    data.shares_can_be_taken,
    data.splits_differ,
    history.columns_differ,
    history.monitor_is_a_column,
    history.expects_what_the_run_has,
    training.one_place_for_loss_and_metrics,
    training.loss_and_metrics_fit,
    recipes.smoothing_fits,
    recipes.settings_have_an_effect,
    recipes.few_batches_once,
    recipes.callbacks_can_set_the_rate,
    data.names_differ,
)
