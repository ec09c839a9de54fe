"""Run folders of others: whatever was changed in one is said in a message; nothing hangs, and nothing is imported."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlkit
from dlkit.config.problems import ConfigError, DlkitError
from dlkit.evaluation.evaluate import evaluate
from dlkit.evaluation.predict import predict
from dlkit.files import sha256
from tests import documents
from tests.models.crafted import little_memory
from tests.quick import ALONE
from tests.training.helpers import DATA, MLP, finished, images, settings, train


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which nobody changed."""
    return finished(settings(MLP, {"epochs": 2}), tmp_path_factory.mktemp("whole")).folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(whole, tmp_path / "run", symlinks=True))


def newest(run: Path) -> Path:
    return max((run / "checkpoints").glob("step-*"))


def edited(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a JSON file in place, or put in its place what `change` returns."""
    content = json.loads(path.read_text())
    changed = change(content)
    path.write_text(json.dumps(content if changed is None else changed))


def state(change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Change `state.json` of every checkpoint, and its digest with it."""

    def make(run: Path) -> None:
        for folder in (run / "checkpoints").glob("step-*"):
            edited(folder / "state.json", change)
            edited(
                folder / "digests.json",
                lambda d, folder=folder: d.update({"state.json": sha256(folder / "state.json")}),
            )

    return make


def arrays(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """Change `arrays.npz` of every checkpoint, and its digest with it."""

    def make(run: Path) -> None:
        for folder in (run / "checkpoints").glob("step-*"):
            change(folder / "arrays.npz")
            edited(
                folder / "digests.json",
                lambda d, folder=folder: d.update({"arrays.npz": sha256(folder / "arrays.npz")}),
            )

    return make


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    return lambda run: (run / name).write_bytes(content if isinstance(content, bytes) else content.encode()) and None


def pipe(name: str) -> Callable[[Path], None]:
    def make(run: Path) -> None:
        (run / name).unlink()
        os.mkfifo(run / name)

    return make


def chosen(**values: Any) -> Callable[[Path], None]:
    return lambda run: edited(run / "environment.json", lambda e: e["chosen"].update(values))


def declared(path: Path) -> None:
    """An array that declares terabytes and holds none."""
    import io
    import zipfile

    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/0.npy", head.getvalue())


DEEP = "[" * 100_000
RESUME: dict[str, tuple[Callable[[Path], None], str]] = {
    "environment is no JSON": (text("environment.json", "{"), "damaged-run"),
    "environment is a list": (text("environment.json", "[]"), "damaged-run"),
    "environment is deep": (text("environment.json", DEEP), "damaged-run"),
    "environment is a pipe": (pipe("environment.json"), "damaged-run"),
    "environment is no UTF-8": (text("environment.json", b"\xff"), "damaged-run"),
    "devices are a word": (lambda run: edited(run / "environment.json", lambda e: e.update(devices=3)), "damaged-run"),
    "replicas are a word": (
        lambda run: edited(run / "environment.json", lambda e: e.update(replicas="x")), "damaged-run"
    ),
    "nothing chosen": (lambda run: edited(run / "environment.json", lambda e: e.pop("chosen") and None), "damaged-run"),
    "chosen is a list": (lambda run: edited(run / "environment.json", lambda e: e.update(chosen=[1])), "damaged-run"),
    "a billion micro-batches": (chosen(micro_batches=10**9), "damaged-run"),
    "no micro-batches": (chosen(micro_batches=0), "damaged-run"),
    "micro-batches are a word": (chosen(micro_batches="many"), "damaged-run"),
    "unknown compiler": (chosen(compile="gcc"), "damaged-run"),
    "epochs of the schedule": (chosen(schedule_epochs=-1), "damaged-run"),
    "history of words": (text("history.csv", "epoch,loss\n1,x\n2,y\n"), "damaged-run"),
    "history without epochs": (text("history.csv", "loss\n1\n2\n"), "damaged-run"),
    "history of other rows": (text("history.csv", "epoch,loss\n1,2,3\n2,3,4\n"), "damaged-run"),
    "history is short": (text("history.csv", "epoch,loss\n"), "damaged-run"),
    "history is a pipe": (pipe("history.csv"), "damaged-run"),
    "events are numbers": (text("events.jsonl", "3\n" * 2000), "damaged-run"),
    "events are deep": (text("events.jsonl", (DEEP[:150] + "\n") * 100), "damaged-run"),
    "events have no kind": (text("events.jsonl", "{}\n" * 2000), "damaged-run"),
    "events are lists": (text("events.jsonl", '{"kind": "early-stopping", "text": [1]}\n'), "damaged-run"),
    "looks are empty": (text("events.jsonl", '{"kind": "health", "look": {}}\n' * 900), "damaged-run"),
    "looks are wrong": (text("events.jsonl", '{"kind": "health", "look": {"layers": 3}}\n' * 900), "damaged-run"),
    "findings have no code": (text("events.jsonl", '{"kind": "finding"}\n' * 2000), "damaged-run"),
    "digests are a list": (lambda run: edited(newest(run) / "digests.json", lambda d: []), "whole"),
    "all digests are deep": (
        lambda run: [(p / "digests.json").write_text(DEEP) for p in (run / "checkpoints").glob("step-*")] and None,
        "damaged-checkpoint",
    ),
    "state is a list": (state(lambda s: []), "damaged-checkpoint"),
    "state has another format": (state(lambda s: s.update(format=[1])), "damaged-checkpoint"),
    "progress is missing": (state(lambda s: s.pop("progress") and None), "damaged-checkpoint"),
    "progress is a list": (state(lambda s: s.update(progress=[])), "damaged-checkpoint"),
    "epoch is a word": (state(lambda s: s["progress"].update(epoch="x")), "damaged-checkpoint"),
    "epoch is negative": (state(lambda s: s["progress"].update(epoch=-1)), "damaged-checkpoint"),
    "steps without end": (state(lambda s: s["progress"].update(step=10**30)), "damaged-checkpoint"),
    "best epoch has not been": (state(lambda s: s["progress"].update(best_epochs=[99])), "damaged-checkpoint"),
    "best epochs are words": (state(lambda s: s["progress"].update(best_epochs=["x"])), "damaged-checkpoint"),
    "about is a word": (state(lambda s: s.update(about="x")), "damaged-checkpoint"),
    "events are a word": (state(lambda s: s["about"].update(events="many")), "damaged-checkpoint"),
    "seconds are a list": (state(lambda s: s["about"].update(seconds=[])), "damaged-checkpoint"),
    "another model": (state(lambda s: s["about"].update(model="x")), "checkpoint-of-another-run"),
    "arrays are no archive": (arrays(lambda path: path.write_bytes(b"PK") and None), "damaged-checkpoint"),
    "arrays declare terabytes": (arrays(declared), "damaged-checkpoint"),
    "arrays are objects": (
        arrays(lambda path: np.savez(path, **{"weights/0": np.array([{}], object)})), "damaged-checkpoint"
    ),
    "arrays are packed": (
        arrays(lambda path: np.savez_compressed(path, **{"weights/0": np.zeros(10**6)})), "damaged-checkpoint"
    ),
    "arrays are others": (arrays(lambda path: np.savez(path, x=np.zeros(3))), "checkpoint-of-another-run"),
    "nothing is fitted": (lambda run: shutil.rmtree(run / "fitted"), "damaged-run"),
    "fitted is no JSON": (text("fitted/spec.json", "{"), "damaged-run"),
    "fitted is deep": (text("fitted/spec.json", DEEP), "damaged-run"),
    "fitted is a pipe": (pipe("fitted/spec.json"), "damaged-run"),
    "fitted has no states": (
        lambda run: edited(run / "fitted" / "spec.json", lambda f: f["targets"][0].pop("state") and None),
        "damaged-run",
    ),
    "a table of one class": (
        lambda run: edited(
            run / "fitted" / "spec.json", lambda f: f["targets"][0]["state"].update(table=["x"]) or None
        ),
        "damaged-run",
    ),
    "configuration is a list": (text("config.yaml", "- 1\n"), "not-a-mapping"),
}  # fmt: skip


# What another case finds in the same place in another way.
VARIATIONS = {
    "environment is a list",
    "environment is no UTF-8",
    "replicas are a word",
    "chosen is a list",
    "no micro-batches",
    "micro-batches are a word",
    "history without epochs",
    "history of other rows",
    "events are lists",
    "events have no kind",
    "looks are wrong",
    "state has another format",
    "progress is a list",
    "epoch is a word",
    "best epochs are words",
    "about is a word",
    "seconds are a list",
    "arrays are packed",
    "fitted is deep",
    "fitted has no states",
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.slow if case in VARIATIONS else ()) for case in RESUME]
)
def test_a_run_that_was_changed_is_not_gone_on_with(case: str, run: Path) -> None:
    change, code = RESUME[case]
    change(run)
    with little_memory(600):
        if code == "whole":
            assert dlkit.load_run(run, data=DATA).resume({"training.epochs": 3}, verbose=False).state == "finished"
            return
        with pytest.raises(DlkitError) as refused:
            dlkit.load_run(run, data=DATA).resume({"training.epochs": 3}, verbose=False)
    assert [problem.code for problem in refused.value.problems] == [code]
    assert len(str(refused.value)) < 1000


def test_the_state_of_a_run_that_was_changed_is_unknown_and_no_more(run: Path) -> None:
    for content in ("[]", "{", DEEP, '{"state": ["running"]}', '{"state": "x"}'):
        (run / "state.json").write_text(content)
        assert dlkit.load_run(run).state == "unknown"
    assert dlkit.load_run(run, data=DATA).resume({"training.epochs": 3}, verbose=False).state == "finished"


@pytest.mark.parametrize("content", ["[]", "{", DEEP, '{"loss": [1]}', '{"loss": "x"}'])
def test_figures_of_a_run_that_were_changed_are_refused(content: str, run: Path) -> None:
    (run / "test.json").write_text(content)
    with pytest.raises(DlkitError, match=r"test\.json cannot be used"):
        dlkit.load_run(run).test  # noqa: B018


def test_a_plug_in_beside_a_model_or_in_a_run_is_not_imported(run: Path, tmp_path: Path) -> None:
    mark = tmp_path / "imported"
    (run / "evil.py").write_text(f"open({str(mark)!r}, 'w')\nlosses = {{'evil': open}}\n")
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("plugins: []", "plugins: [evil]"))
    np.save(tmp_path / "x.npy", images(3)[0])
    for attempt in (
        lambda: evaluate(run / "model.keras", data=DATA),
        lambda: evaluate(run, data=DATA),
        lambda: predict(run, data=DATA),
        lambda: dlkit.load_run(run, data=DATA).resume({"training.epochs": 3}, verbose=False),
        lambda: dlkit.load_run(run, data=DATA).evaluate(),
        lambda: dlkit.load_run(run).config,
        lambda: dlkit.load_run(run, data=DATA).replay(),
    ):
        with pytest.raises(ConfigError) as refused:
            attempt()
        assert [problem.code for problem in refused.value.problems] == ["plugin-not-trusted"]
    # What needs no plug-in goes on as ever.
    assert predict(run / "model.keras", [tmp_path / "x.npy"]).results["label"].shape == (3, 10)
    assert not mark.exists()
    assert dlkit.load_run(run, data=DATA, trust=True).evaluate()
    assert mark.exists()


LAYER = """
import keras
from keras import layers

@keras.saving.register_keras_serializable(package="mine")
class Twice(layers.Layer):
    def call(self, x):
        return 2 * x

def twice(inputs, *, units: int = 4):
    return Twice()(layers.Dense(units)(layers.Flatten()(next(iter(inputs.values())))))

builders = {"twice": twice}
"""


# Keras knows the layer in a process that trained it, so that another one has to look for it: of somebody else first,
# who is refused, and then of the user, or of somebody who trusts it.
STRANGER = """
import json, sys
from typer.testing import CliRunner
from dlkit.cli import app

words, stranger, more = json.loads(sys.argv[1])
refused = CliRunner().invoke(app, words, env={"XDG_STATE_HOME": stranger})
assert refused.exit_code == 2 and "plugin-not-trusted" in refused.stderr, refused.output
done = CliRunner().invoke(app, [*words, *more], env={"XDG_STATE_HOME": stranger} if more else {})
assert done.exit_code == 0, done.output
"""


@pytest.mark.parametrize("more", [[], pytest.param(["--trust"], marks=pytest.mark.slow)], ids=str)
def test_a_model_with_layers_of_the_user_is_opened_with_their_plug_in(more: list[str], tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(LAYER)
    config = settings({"builder": "twice"}, {"epochs": 1, **ALONE})
    folder = train({**config, "plugins": [str(tmp_path / "twice.py")]}, tmp_path).folder
    np.save(tmp_path / "x.npy", images(3)[0])
    words = ["predict", str(folder), str(tmp_path / "x.npy")]
    given = json.dumps([words, str(tmp_path / "stranger"), more])
    documents.run(STRANGER, given, folder=tmp_path)
