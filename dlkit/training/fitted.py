"""What a run fitted on its training rows, kept in its folder, so that a resumed run or a replay fits nothing."""

from __future__ import annotations

from dataclasses import replace

from dlkit.data.bound import Spec, Target
from dlkit.files import parse_json, read_bytes, write_json
from dlkit.models.about import describe, read_spec
from dlkit.runs import RunFolder, records
from dlkit.schema.loader import Loaded
from dlkit.schema.target import TargetSettings


def keep(folder: RunFolder, spec: Spec) -> None:
    """Write the features, classes, scales and vocabularies of a run, as the saved model's `dlkit.json` has them."""
    folder.fitted.parent.mkdir(exist_ok=True)
    write_json(folder.fitted, describe(spec))


def read(folder: RunFolder, loaded: Loaded) -> Spec | None:
    """What a run fitted when it began; None where it has not begun.

    Args:
        folder: of the run.
        loaded: its own configuration, whose plug-ins may have added kinds and steps.

    Raises:
        RunError: if the file is not there or not as dlkit writes it.
    """
    if not folder.has_begun():
        return None
    with records.damage(folder.fitted), loaded.plugins.active():
        spec = read_spec(parse_json(read_bytes(folder.fitted)))
    targets = {name: _measured(target, loaded.config.data.targets.get(name)) for name, target in spec.targets.items()}
    return replace(spec, targets=targets)


def _measured(target: Target, settings: TargetSettings | None) -> Target:
    """A target with the loss and metrics of the configuration, which nothing that is fitted depends on."""
    if settings is None:
        return target
    chosen = {"loss": settings.loss, "metrics": settings.metrics}
    return replace(target, settings=target.settings.model_copy(update=chosen))
