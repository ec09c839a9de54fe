"""Several things made at once, whose mistakes are reported together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dlkit.config.problems import DlkitError


def collect(makers: Mapping[Any, Callable[[], Any]]) -> dict[Any, Any]:
    """Call every maker, and raise the problems of all that failed together."""
    made, errors = {}, []
    for key, make in makers.items():
        try:
            made[key] = make()
        except DlkitError as error:
            errors.append(error)
    if errors:
        worst = max((type(error) for error in errors), key=lambda kind: kind.exit_status)
        raise worst([problem for error in errors for problem in error.problems])
    return made
