"""What differs between the configuration that a run keeps and the one it is to go on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlkit.config.problems import ConfigError, Key, Problem

if TYPE_CHECKING:
    from dlkit.schema.loader import Loaded

# A run may always be trained for longer, and what it is compared with changes nothing of it.
FREE = (("training", "epochs"), ("training", "max_steps"), ("training", "max_time"), ("training", "baselines"))


def changed_keys(before: Loaded, after: Loaded) -> list[Key]:
    """The keys whose values differ, in the order of the configuration."""
    return list(_different(before.resolved(), after.resolved(), ()))


def refuse_changes(before: Loaded, after: Loaded) -> None:
    """Refuse to go on with settings that a run did not begin with.

    Raises:
        ConfigError: naming every changed key but those of `FREE`.
    """
    keys = [key for key in changed_keys(before, after) if key not in FREE]
    if keys:
        raise ConfigError(
            after.locate(
                Problem(
                    "not-on-resume",
                    f"`{'.'.join(map(str, key))}` cannot change when a run goes on: the result would be that of "
                    "neither setting",
                    key=key,
                    help="start a new run with it; --allow-change (in Python: allow_change=True) goes on with it, "
                    "unless it changes the model, the data, the batch size, the seed, the optimizer or the monitor",
                )
            )
            for key in keys
        )


def _different(before: Any, after: Any, key: Key) -> list[Key]:
    if before == after and type(before) is type(after):
        return []
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return [found for name in before for found in _different(before[name], after[name], (*key, name))]
    return [key]
