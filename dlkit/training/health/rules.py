"""What figures of a run mean, in words that name the setting to change. docs/diagnosis.md explains each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dlkit.config.problems import Problem
from dlkit.config.schema import Config
from dlkit.training.health.look import Look

Rule = Callable[["Case"], Iterator[Problem]]


@dataclass(frozen=True)
class Case:
    """What is known of a run so far.

    Attributes:
        config: of the run.
        looks: at its updates, in order.
        history: a row per epoch.
        steps: updates in an epoch.
    """

    config: Config
    looks: tuple[Look, ...]
    history: tuple[Mapping[str, Any], ...]
    steps: int


def findings(case: Case) -> Iterator[Problem]:
    """Everything that the rules find."""
    for rule in RULES:
        yield from rule(case)


RULES: tuple[Rule, ...] = ()
