"""What CONTRIBUTING shows is run: a plug-in of functions; a new part of each family, as files and as a plug-in."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from dlkit.cli import app
from tests.documents import ROOT, blocks, dlkit, run


def test_the_plug_in_of_contributing_trains_with_its_builder_source_and_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in = next(b for b in blocks("docs/CONTRIBUTING.md", "python") if b.startswith("# my_plugin.py"))
    configuration = next(b for b in blocks("docs/CONTRIBUTING.md", "yaml") if "name: circles" in b)
    (tmp_path / "my_plugin.py").write_text(plug_in, encoding="utf-8")
    (tmp_path / "circles.yaml").write_text(configuration, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["train", "circles.yaml", "runtime.compile=graph", "--quiet"])
    assert done.exit_code == 0, done.output
    header, *rows = (tmp_path / "runs" / "circles" / "latest" / "history.csv").read_text().splitlines()
    assert header == "epoch,loss,accuracy,worst_class,learning_rate"
    assert len(rows) == 30
    # Two rings that do not touch: a network of that size separates them.
    last = dict(zip(header.split(","), map(float, rows[-1].split(",")), strict=True))
    assert last["worst_class"] > 0.9
    # Plain Keras opens what was saved, though it knows nothing of the plug-in.
    run("import keras; keras.saving.load_model('runs/circles/latest/model.keras')", folder=tmp_path)


def parts_of_contributing() -> dict[str, str]:
    """The five new parts of CONTRIBUTING: the place of each in the package, and what the file holds."""
    text = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    place = r"`(dlkit/(?:sources|inputs|targets|steps|builders)/\w+\.py)`"
    found = dict(re.findall(place + r"[^`]*(?:`\w+`[^`]*)*```python\n(.*?)```", text, flags=re.DOTALL))
    assert len({Path(name).parent for name in found}) == 5
    return found


@pytest.mark.parametrize("way", ["files of the package", pytest.param("a plug-in", marks=pytest.mark.slow)])
def test_the_parts_of_contributing_train_are_judged_and_predict(way: str, tmp_path: Path) -> None:
    configuration = next(b for b in blocks("docs/CONTRIBUTING.md", "yaml") if "name: rides" in b)
    root, parts = ROOT, parts_of_contributing()
    if way == "a plug-in":
        # The last class of each file is the part itself.
        classes = {place: re.findall(r"^class (\w+)\(", code, flags=re.MULTILINE)[-1] for place, code in parts.items()}
        added = [f'{Path(p).parent.name} = {{"{Path(p).stem}": {name}}}' for p, name in classes.items()]
        (tmp_path / "my_parts.py").write_text("\n".join([*parts.values(), *added]), encoding="utf-8")
        configuration = f"plugins: [my_parts]\n{configuration}"
    else:
        root = tmp_path
        shutil.copytree(ROOT / "dlkit", root / "dlkit", ignore=shutil.ignore_patterns("__pycache__", "*.gz"))
        for place, code in parts.items():
            assert not (root / place).exists()
            (root / place).write_text(code, encoding="utf-8")
    (tmp_path / "rides.yaml").write_text(configuration, encoding="utf-8")
    np.savez(tmp_path / "two.npz", hour=[[8.0], [20.0]], weather=[[20.0, 1.0], [10.0, 5.0]])
    _, evaluated, predicted, _, refused = dlkit(
        [
            ["train", "rides.yaml", "--quiet"],
            ["evaluate", "rides", "--json"],
            ["predict", "rides", "two.npz", "--json"],
            ["train", "--resume", "rides", "training.epochs=11", "--quiet"],
            ["train", "rides.yaml", "model.unit=3"],
        ],
        tmp_path,
        root=root,
    )
    figures = json.loads(evaluated)
    assert figures["mean_absolute_error"] < 3  # of counts of 12 or so, which vary by 3.5 around their mean
    found = json.loads(predicted)["predictions"]
    morning, evening = (prediction["lent"]["value"] for prediction in found)
    assert morning > evening  # the one warm, the other cold and windy
    assert json.loads((tmp_path / "runs" / "rides" / "latest" / "state.json").read_text())["state"] == "finished"
    assert len((tmp_path / "runs" / "rides" / "latest" / "history.csv").read_text().splitlines()) == 12
    assert "`units`" in refused
