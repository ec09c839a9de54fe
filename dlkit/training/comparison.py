"""A run beside its baselines: what they need is taken before training, and they are fitted once it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlkit.baselines.compare import baselines, verdicts
from dlkit.baselines.material import Gathered, gather
from dlkit.data.bound import Spec
from dlkit.data.contract import Splits
from dlkit.files import write_json
from dlkit.runs import RunFolder
from dlkit.schema.loader import Loaded
from dlkit.training.prepare import PreCheck, Prepared
from dlkit.training.program.metrics import RunningMetrics


class Comparison:
    """Holds what baselines need while a run goes on."""

    def __init__(self, pre_check: PreCheck | None = None) -> None:
        """Hold nothing yet.

        Args:
            pre_check: what else looks at data and model before there is a run.
        """
        self._pre_check = pre_check
        self._gathered: Gathered | None = None

    def gather(self, loaded: Loaded, spec: Spec, splits: Splits | None) -> Sequence[str]:
        """Take what is needed of the data before preprocessing; a `PreCheck`, which says what the given one says."""
        lines = self._pre_check(loaded, spec, splits) if self._pre_check is not None else ()
        if splits is not None and loaded.config.training.baselines != "off":
            self._gathered = gather(splits)
        return lines

    def result(self, prepared: Prepared, folder: RunFolder, result: Mapping[str, Any]) -> dict[str, Any]:
        """Fit the baselines, and record them in the folder.

        Args:
            prepared: the run.
            folder: its folder.
            result: of the run.

        Returns:
            `baselines`, as `dlkit.baselines.compare.baselines` gives them, and in them `no_better`: lines that say
            where the network is not better; nothing where there are none.
        """
        material = self._gathered() if self._gathered is not None else None
        if material is None:
            folder.baselines.unlink(missing_ok=True)  # an earlier end of the run may have had some
            return {}
        found = baselines(material, prepared.built.choice)
        network = _figures(folder, material.split, result)
        found["no_better"] = verdicts(found, network, RunningMetrics(prepared.built).directions())
        write_json(folder.baselines, found)
        return {"baselines": found}


def _figures(folder: RunFolder, split: str, result: Mapping[str, Any]) -> dict[str, float]:
    """The figures of the network on the split that baselines are judged on, that of its best weights."""
    if split == "test":
        return dict(result.get("test", {}))
    row = folder.read_history()[result["epoch"] - 1]
    return {name.removeprefix("val_"): v for name, v in row.items() if name.startswith("val_") and v is not None}
