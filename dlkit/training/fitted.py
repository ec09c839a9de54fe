"""What a run fitted on its training rows, kept in its folder, so that a resumed run or a replay fits nothing."""

from __future__ import annotations

from dlkit.data.bound import Spec
from dlkit.files import parse_json, read_bytes, write_json
from dlkit.models.about import describe, read_spec
from dlkit.runs import RunFolder, records
from dlkit.schema.loader import Loaded


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
        return read_spec(parse_json(read_bytes(folder.fitted)))
