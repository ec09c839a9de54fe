"""Model files as nobody's `save` writes them: a small one of dlkit's, changed."""

from __future__ import annotations

import copy
import json
import resource
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import pytest

from dlkit.config.problems import RunError
from dlkit.models.about import describe
from dlkit.models.saving import load_model
from dlkit.schema.features import Feature
from tests.bound import fitted, spec_of

SPEC = fitted(
    spec_of([Feature("x", "image", (8, 8, 1), "uint8")], [Feature("y", "category", (), "int32", ("a", "b", "c"))]),
    x={"steps": [None]},
    y={"table": ["a", "b", "c"], "counts": [5, 4, 3]},
)
Config = dict[str, Any]


class Small:
    """The members of a small archive, and its two JSON members as data."""

    def __init__(self, folder: Path) -> None:
        path = folder / "small.keras"
        x = keras.Input((8, 8, 1), dtype="uint8", name="x")
        y = keras.layers.Rescaling(1 / 255, name="rescaling")(x)
        y = keras.layers.Flatten(name="flatten")(y)
        y = keras.layers.Dense(4, activation="relu", name="first")(y)
        y = keras.layers.Dense(3, activation="softmax", name="y")(y)
        model = keras.Model(x, y)
        model.compile(
            "adam",
            "sparse_categorical_crossentropy",
            metrics=[
                keras.metrics.SparseCategoricalAccuracy("accuracy"),
                keras.metrics.SparseTopKCategoricalAccuracy(2),
            ],
        )
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            self.members = {name: archive.read(name) for name in archive.namelist()}
        self.config: Config = json.loads(self.members["config.json"])
        self.about: Config = describe(SPEC)

    def write(self, path: Path, change: Callable[[Config, Config], Any] = lambda config, about: None) -> Path:
        """An archive whose JSON members were changed in place, or replaced by what `change` returns."""
        config, about = copy.deepcopy(self.config), copy.deepcopy(self.about)
        changed = change(config, about)
        members = {**self.members, "config.json": json.dumps(config), "dlkit.json": json.dumps(about)}
        return pack(path, {**members, **(changed if isinstance(changed, dict) else {})})

    def weights(self, make: Callable[[Any], None]) -> bytes:
        """The weights, changed as an HDF5 file."""
        import io

        import h5py

        content = io.BytesIO(self.members["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            make(file)
        return content.getvalue()


def pack(path: Path, members: dict[str, Any], compression: int = zipfile.ZIP_STORED) -> Path:
    """An archive of these members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def layer(config: Config, name: str) -> Config:
    """The settings of a layer, and its place in the archive's configuration."""
    found: Config = next(part for part in config["config"]["layers"] if part["config"]["name"] == name)
    return found


def replaced(config: Config, name: str, class_name: str, **settings: Any) -> None:
    """Put another layer in the place of one."""
    part = layer(config, name)
    part["class_name"] = class_name
    part.pop("build_config", None)
    part["config"] = {"name": name, "dtype": "float32", **settings}


def unbuilt(change: Callable[[Config, Config], Any]) -> Callable[[Config, Config], Any]:
    """The change, and no record of the shapes that the layers were built for: Keras works them out."""

    def both(config: Config, about: Config) -> Any:
        for part in (config, *config["config"]["layers"]):
            part.pop("build_config", None)
        return change(config, about)

    return both


def refused(path: Path) -> str:
    """The code of the one message with which a file is refused."""
    with little_memory(), warnings.catch_warnings(), pytest.raises(RunError) as error:
        warnings.simplefilter("ignore")
        load_model(path)
    (problem,) = error.value.problems
    assert problem.message.startswith(str(path)) and problem.help
    assert len(problem.message) < len(str(path)) + 500 and "\n" not in problem.message
    return problem.code


@contextmanager
def little_memory(mebibytes: int = 300) -> Iterator[None]:
    """Fails where the block makes the process larger by more than this at any moment."""
    # 5 sets the highest size so far back to the size now (man 5 proc).
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    # A mistake in the code under test must not take the machine's memory.
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, ((_status("VmSize") + 4 * 2**20) * 1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert _status("VmHWM") - before < mebibytes * 1024


def _status(name: str) -> int:
    """A size of this process in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
