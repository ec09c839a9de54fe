"""dlkit in Python: `dlkit.train(...)` gives a `Run`, as the command line does on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlkit import runs
from dlkit.config import changes
from dlkit.config.problems import ConfigError
from dlkit.progress import progress_for
from dlkit.progress.quiet import load_tensorflow
from dlkit.runs import RunFolder
from dlkit.schema import Config, loader

if TYPE_CHECKING:
    import keras

    from dlkit.training.find_lr.curve import RangeTest
    from dlkit.training.listeners import Listener
    from dlkit.training.nonfinite.replay import Replay

# By dotted key, or words as on the command line: `{"training.epochs": 3}`, `["training.epochs=3"]`.
Overrides = Mapping[str, Any] | Sequence[str]


class Run:
    """A run on disk.

    Attributes:
        folder: where it lies.
    """

    def __init__(self, folder: RunFolder, data: Any = None, *, trust: bool = False) -> None:
        self.folder: Path = folder.path
        self._trust = trust
        self._folder = folder
        self._data = data

    @property
    def history(self) -> dict[str, list[Any]]:
        """The figures of each epoch by column, as in Keras's `History.history`: `loss`, `val_accuracy`, ...

        None for the validation of an epoch that was not validated.
        """
        rows = self._folder.read_history()
        return {column: [row[column] for row in rows] for column in (rows[0] if rows else {})}

    @property
    def test(self) -> dict[str, float]:
        """Loss and metrics on the test split, by name; empty where there was none."""
        found = self._folder.read_test()
        return {name: value for name, value in found.items() if name not in ("epoch", "examples")}

    @property
    def config(self) -> Config:
        """The resolved configuration."""
        return self._load(needs_source=False).config

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed` or `interrupted`."""
        return str(self._folder.read_state().get("state", "unknown"))

    @cached_property
    def model(self) -> keras.Model:
        """The saved model with its best weights: raw input to float32 probabilities, compiled.

        Raises:
            ConfigError: if there is none yet.
            RunError: if it is damaged.
        """
        load_tensorflow()
        from dlkit.evaluation.trained import open_trained
        from dlkit.training.forks import remember_use

        remember_use()
        return open_trained(self._folder.model, trust=self._trust).model

    def evaluate(self, split: str = "test", *, flips: str | None = None) -> dict[str, float]:
        """Loss and metrics of the saved model on a split of the run's data, computed again.

        Args:
            split: train, validation or test.
            flips: test-time augmentation, `horizontal`, `vertical` or `both`: the results are means over images as they
                are and flipped so.

        Raises:
            ConfigError: if the run has no such split, or its model takes no images to be flipped.
        """
        load_tensorflow()
        from dlkit.evaluation.evaluate import evaluate_run

        return evaluate_run(self._folder, split=split, data=self._data, flips=flips, trust=self._trust)

    def resume(self, overrides: Overrides | None = None, *, allow_change: bool = False, verbose: bool = True) -> Run:
        """Go on with a run from its newest checkpoint.

        Args:
            overrides: values by dotted key; `training.epochs`, `max_steps` and `max_time` may always be raised.
            allow_change: take other settings too. The result is then that of neither; what the checkpoint cannot be
                used with (another model, other data) is refused all the same.
            verbose: show progress.

        Returns:
            The run itself.

        Raises:
            ConfigError: naming the keys that would change; or saying why a finished run has nothing left to train,
                though other settings were given.
            RunError: if the run failed again.
        """
        needs_source = self._data is None
        loaded = self._load(overrides, needs_source=needs_source)
        if not allow_change:
            changes.refuse_changes(self._load(needs_source=needs_source), loaded)
        if overrides and self.state == "finished":
            from dlkit.training.going_on import nothing_to_train

            if problem := nothing_to_train(loaded.config, self._folder):
                raise ConfigError(problem)
        self.__dict__.pop("model", None)
        progress = progress_for(verbose)
        try:
            load_tensorflow()
            from dlkit.training import run

            run.resume(loaded, self._folder, progress, data=self._data)
        finally:
            progress.close()
        return self

    def replay(self) -> Replay:
        """Run the batch that made a loss or weight of this run NaN or infinite once more, and look at every tensor.

        Returns:
            `rows` (name, shape, smallest and largest value, values that are not finite), `operation`, `incident`.

        Raises:
            RunError: if the run has kept none.
        """
        loaded = self._load(needs_source=self._data is None)
        load_tensorflow()
        from dlkit.training.nonfinite.replay import replay

        return replay(loaded, self._folder, self._data)

    def _load(self, overrides: Overrides | None = None, *, needs_source: bool) -> loader.Loaded:
        """The configuration that the run keeps, with its plug-ins."""
        words = [overrides] if isinstance(overrides, str) else overrides or {}
        return loader.load_run_config(self._folder.config, words, needs_source=needs_source, trust=self._trust)

    def __repr__(self) -> str:
        figures = ", ".join(f"test {name} {value:.4f}" for name, value in self.test.items())
        return f"Run({str(self.folder)!r}, {self.state}{', ' + figures if figures else ''})"


def train(
    config: str | Path | Mapping[str, Any],
    overrides: Overrides | None = None,
    *,
    data: Any = None,
    runs_folder: str | Path = "runs",
    verbose: bool = True,
    listener: Listener | None = None,
) -> Run:
    """Train a configuration and save everything in a new run folder.

    Args:
        config: path of a YAML file, or the same content as a dictionary.
        overrides: values by dotted key, as in `{"training.epochs": 3}`; they win over the file.
        data: one's own data in place of `data.source`: a dictionary with `train` and, if there are any, `validation`
            and `test`, each a pair (inputs, targets) of NumPy arrays (dictionaries by name where there are several), a
            data frame, an iterator over examples, or a tf.data.Dataset of single (inputs, targets); one of these alone
            is the training split.
        runs_folder: where the run's folder is made.
        verbose: show progress, in the form that suits the terminal or notebook.
        listener: called with what happens, in place of the progress; see dlkit.training.listeners.

    Returns:
        The finished run.

    Raises:
        ConfigError: if the configuration is wrong or does not fit the data; its text names each mistake.
        RunError: if the run failed.
        ValueError: if `runs_folder` is empty.

    Example:
        >>> run = dlkit.train("configs/mnist_quick.yaml", {"training.epochs": 1})
        >>> run.test["accuracy"], run.folder
    """
    if not str(runs_folder):
        raise ValueError("runs_folder is empty; name a folder, as in runs_folder='runs'")
    loaded = load_config(config, overrides, needs_source=data is None)
    progress = progress_for(verbose and listener is None)
    try:
        progress.working("loading TensorFlow")
        load_tensorflow()
        from dlkit.checks.early import check_before_training
        from dlkit.training.run import start

        return Run(
            start(loaded, Path(runs_folder), listener or progress, data=data, pre_check=check_before_training), data
        )
    finally:
        progress.close()


def find_lr(
    config: str | Path | Mapping[str, Any],
    overrides: Overrides | None = None,
    *,
    data: Any = None,
    steps: int | None = None,
    lowest: float = 1e-7,
    highest: float = 10.0,
) -> RangeTest:
    """Find a learning rate by a range test: a short training in which the rate rises until the loss diverges.

    No run begins, and nothing is written.

    Args:
        config: path of a YAML file, or the same content as a dictionary.
        overrides: values by dotted key; they win over the file.
        data: as for `train`.
        steps: updates; by default an epoch, but at least 200 and at most 300.
        lowest: learning rate of the first step.
        highest: learning rate of the last step.

    Returns:
        `rates`, `losses` and `smoothed` by step, `suggestion` (None if the loss never falls) and `problems` (warnings).
        A notebook shows the curve; `plot()` gives it as a figure.

    Raises:
        ConfigError: if the configuration or the range is wrong.

    Example:
        >>> found = dlkit.find_lr("configs/mnist_quick.yaml")
        >>> run = dlkit.train("configs/mnist_quick.yaml", {"training.optimizer.learning_rate": found.suggestion})
    """
    loaded = load_config(config, overrides, needs_source=data is None)
    load_tensorflow()
    from dlkit.checks.early import check_before_training
    from dlkit.training.find_lr.run import find_lr as run

    return run(loaded, steps=steps, lowest=lowest, highest=highest, data=data, pre_check=check_before_training)


def load_run(run: str | Path, runs_folder: str | Path = "runs", *, data: Any = None, trust: bool = False) -> Run:
    """A run that is already on disk.

    Args:
        run: its folder, `latest`, or the name of a configuration, whose latest run it is.
        runs_folder: where run folders are.
        data: the data it was trained on, as for `train`, where they were given in Python; to evaluate or resume it.
        trust: run the code that comes with the run: plug-ins that no configuration of yours has named, and classes in
            its model that are not Keras's.

    Raises:
        ConfigError: if there is none.
    """
    return Run(runs.find(str(run), Path(runs_folder)), data, trust=trust)


def load_config(
    config: str | Path | Mapping[str, Any], overrides: Overrides | None = None, *, needs_source: bool = True
) -> loader.Loaded:
    """Read and check a configuration; its `config` is the typed result.

    Args:
        config: path of a YAML file, or the same content as a dictionary.
        overrides: values by dotted key.
        needs_source: whether `data.source` has to be there.

    Raises:
        ConfigError: naming every mistake.
    """
    words = [overrides] if isinstance(overrides, str) else overrides or {}
    if isinstance(config, Mapping):
        return loader.from_mapping(config, words, needs_source=needs_source)
    return loader.load(Path(config), words, needs_source=needs_source)
