"""What the documents show is run: both READMEs, CONTRIBUTING, the notebook; and pages made from code are current."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
READMES = ["README.md", "README.zh-CN.md"]


def blocks(document: str, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def run(command: list[str], folder: Path, *, root: Path = ROOT, status: int = 0) -> str:
    """Run a command with the dlkit of a folder, and give what it printed; its errors, where it has to fail."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stderr if status else done.stdout


@pytest.mark.parametrize("readme", READMES)
def test_the_configuration_commands_and_python_of_a_readme_run_in_order(readme: str, tmp_path: Path) -> None:
    (configuration,) = [b for b in blocks(readme, "yaml") if b.startswith("# mnist_small.yaml")]
    (tmp_path / "mnist_small.yaml").write_text(configuration, encoding="utf-8")
    commands = [
        line for block in blocks(readme, "sh") for line in block.splitlines() if "mnist_small" in line
    ]  # fmt: skip
    assert {shlex.split(c)[3] for c in commands} == {"check", "show", "train", "evaluate"}
    for command in commands:
        words = shlex.split(command, comments=True)
        run([sys.executable, *words[1:]], tmp_path)
    run([sys.executable, "-c", "\n".join(blocks(readme, "python"))], tmp_path)


@pytest.mark.parametrize("readme", READMES)
def test_the_make_targets_of_a_readme_exist(readme: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / readme).read_text(), flags=re.MULTILINE))
    assert {"train", "test"} <= named <= targets


@pytest.mark.parametrize("readme", READMES)
def test_the_links_of_a_readme_lead_to_files(readme: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / readme).read_text(encoding="utf-8")):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_both_readmes_show_the_same_code() -> None:
    for language in ("sh", "yaml", "python"):
        first, second = ([re.sub(r"\s*#.*", "", b) for b in blocks(r, language)] for r in READMES)
        assert first == second


def test_the_plug_in_of_contributing_trains_with_its_builder_source_and_metric(tmp_path: Path) -> None:
    plug_in = next(b for b in blocks("docs/CONTRIBUTING.md", "python") if b.startswith("# my_plugin.py"))
    configuration = next(b for b in blocks("docs/CONTRIBUTING.md", "yaml") if "name: circles" in b)
    (tmp_path / "my_plugin.py").write_text(plug_in, encoding="utf-8")
    (tmp_path / "circles.yaml").write_text(configuration, encoding="utf-8")
    run([sys.executable, "-m", "dlkit", "train", "circles.yaml", "--quiet"], tmp_path)
    header, *rows = (tmp_path / "runs" / "circles" / "latest" / "history.csv").read_text().splitlines()
    assert header == "epoch,loss,accuracy,worst_class,learning_rate"
    assert len(rows) == 30
    # Two rings that do not touch: a network of that size separates them.
    last = dict(zip(header.split(","), map(float, rows[-1].split(",")), strict=True))
    assert last["worst_class"] > 0.9
    # Plain Keras opens what was saved, though it knows nothing of the plug-in.
    run([sys.executable, "-c", "import keras; keras.saving.load_model('runs/circles/latest/model.keras')"], tmp_path)


def parts_of_contributing() -> dict[str, str]:
    """The five new parts of CONTRIBUTING: the place of each in the package, and what the file holds."""
    text = (ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    place = r"`(dlkit/(?:sources|inputs|targets|steps|builders)/\w+\.py)`"
    found = dict(re.findall(place + r"[^`]*(?:`\w+`[^`]*)*```python\n(.*?)```", text, flags=re.DOTALL))
    assert len({Path(name).parent for name in found}) == 5
    return found


@pytest.mark.parametrize("way", ["files of the package", "a plug-in"])
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
    dlkit = [sys.executable, "-m", "dlkit"]
    run([*dlkit, "train", "rides.yaml", "--quiet"], tmp_path, root=root)
    figures = json.loads(run([*dlkit, "evaluate", "rides", "--json"], tmp_path, root=root))
    assert figures["mean_absolute_error"] < 3  # of counts of 12 or so, which vary by 3.5 around their mean
    found = json.loads(run([*dlkit, "predict", "rides", "two.npz", "--json"], tmp_path, root=root))["predictions"]
    morning, evening = (prediction["lent"]["value"] for prediction in found)
    assert morning > evening  # the one warm, the other cold and windy
    run([*dlkit, "train", "--resume", "rides", "training.epochs=11", "--quiet"], tmp_path, root=root)
    message = run([*dlkit, "train", "rides.yaml", "model.unit=3"], tmp_path, root=root, status=2)
    assert "`units`" in message


def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "notebooks" / "01_first_model.ipynb", as_version=4)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = [str(o) for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    assert any("did you mean `epochs`?" in text for text in printed)
    assert (tmp_path / "runs" / "first_model" / "latest" / "model.keras").is_file()


def test_the_pages_made_from_code_are_current() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import reference
    finally:
        sys.path.pop(0)
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == reference.reference(), "run `make docs`"
    assert (ROOT / "docs" / "messages.md").read_text(encoding="utf-8") == reference.messages(), "run `make docs`"
