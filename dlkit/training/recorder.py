"""What a run writes down of itself while it goes on: events for programs, a log for people, curves for TensorBoard."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import tensorflow as tf

from dlkit.config.causes import first_line
from dlkit.config.phrases import count
from dlkit.config.problems import Problem, RunError
from dlkit.files import append_text, wait_for_disk
from dlkit.runs import RunFolder, now
from dlkit.training.health.snapshot import HealthSnapshot
from dlkit.training.listeners import Listener, RunPlan

# tf.summary.scalar would need the package tensorboard, which only those who look at the curves have to install.
_PLUGIN = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
_SCALAR = tf.compat.v1.SummaryMetadata(plugin_data=_PLUGIN, data_class=1)


class Recorder(Listener):
    """Writes `events.jsonl`, `train.log` and `tensorboard/` into the folder of a run.

    History and checkpoints are the loop's own, since a resumed run reads them.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def started(self, plan: RunPlan) -> None:
        self._log(
            f"{plan.name}: epochs {plan.first_epoch} to {plan.epochs} of {count(plan.steps, 'step')}, {plan.compiled}"
        )

    def epoch_ended(self, row: dict[str, Any], best: bool, seconds: float) -> None:
        self._folder.event("epoch", epoch=row["epoch"], best=best, seconds=round(seconds, 3))
        row = {name: value for name, value in row.items() if value is not None}
        figures = "  ".join(f"{name} {value:.6g}" for name, value in row.items() if name != "epoch")
        self._log(f"epoch {row['epoch']}  {figures}  {seconds:.1f} s{'  best' if best else ''}")
        # Named as Keras's callback names them, so that runs of both can be laid over each other.
        validation = {f"epoch_{name[4:]}": value for name, value in row.items() if name.startswith("val_")}
        training = {f"epoch_{name}": v for name, v in row.items() if name != "epoch" and not name.startswith("val_")}
        self._curves("train", training, row["epoch"] - 1)
        self._curves("validation", validation, row["epoch"] - 1)

    def noted(self, kind: str, text: str) -> None:
        self._folder.event(kind, text=text)
        self._log(f"{kind}: {text}")

    def goes_back(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def health_measured(self, look: HealthSnapshot) -> None:
        self._folder.event("health", look=look.to_json())
        layers = {
            f"health/{name}/{layer}": value
            for layer, figures in look.layers.items()
            for name, value in asdict(figures).items()
            if value is not None
        }
        self._curves("train", {"health/gradient": look.gradient, **layers}, look.step)

    def found(self, finding: Problem) -> None:
        self._folder.event("finding", code=finding.code, text=finding.message, help=finding.help)
        self._log(f"finding {finding.code}: {finding.message}; {finding.help}")

    def finished(self, result: dict[str, Any]) -> None:
        self._folder.event("finished", **{k: v for k, v in result.items() if k != "folder"})
        for name, value in result.get("test", {}).items():
            self._log(f"test {name} {value:.6g}")
        wait_for_disk(self._folder.events, self._folder.log)

    def _log(self, line: str) -> None:
        append_text(self._folder.log, f"{now()}  {line}\n")

    def _curves(self, split: str, values: dict[str, float], step: int) -> None:
        """Add a value to each of these curves of a split."""
        if not values:
            return
        try:
            if split not in self._writers:
                self._writers[split] = tf.summary.create_file_writer(str(self._folder.tensorboard / split))
            writer = self._writers[split]
            with writer.as_default(step):
                for name, value in values.items():
                    tf.summary.write(name, tf.constant(value, tf.float32), metadata=_SCALAR)
            writer.flush()
        except tf.errors.OpError as error:
            reason = first_line(error, after="}} ")
            message = f"{self._folder.tensorboard} could not be written: {reason}"
            raise RunError(Problem("file-not-written", message, help="free some space, then go on")) from error
