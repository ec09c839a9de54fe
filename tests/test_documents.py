"""What the documents show is run: both READMEs, the notebook; and pages made from code are current."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from typer.testing import CliRunner

from dlkit.cli import app
from tests.documents import ROOT, blocks, run

READMES = ["README.md", "README.zh-CN.md"]


def test_the_configuration_commands_and_python_of_the_readme_run_in_order(tmp_path: Path) -> None:
    readme = "README.md"  # the other one has the same code, which a test below compares
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


def executed(name: str, folder: Path) -> list[str]:
    """Run a notebook in a folder, and give what its cells printed."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    return [str(o) for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]


def test_the_notebook_of_a_first_model_runs(tmp_path: Path) -> None:
    printed = executed("01_first_model.ipynb", tmp_path)
    assert any("did you mean `epochs`?" in text for text in printed)
    assert (tmp_path / "runs" / "first_model" / "latest" / "model.keras").is_file()


def test_the_notebook_of_your_own_data_runs(tmp_path: Path) -> None:
    printed = executed("03_your_own_data.ipynb", tmp_path)
    for words in ("missing", "logistic regression", "flats.csv:1202, column `rent`, holds `ask us`"):
        assert any(words in text for text in printed), words
    assert (tmp_path / "runs" / "flats" / "latest" / "baselines.json").is_file()


def test_what_the_page_on_data_shows_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    shown = [block.partition("\n") for block in blocks("docs/data.md", "console")]
    assert {line.split()[3] for line, _, _ in shown} == {"describe", "show"}
    for line, _, output in shown:
        result = CliRunner().invoke(app, shlex.split(line)[2:])
        assert result.stdout.strip() == output.strip(), line


def test_the_pictures_of_a_page_are_there() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), link


def test_the_pages_made_from_code_are_current() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import reference
    finally:
        sys.path.pop(0)
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == reference.reference(), "run `make docs`"
    assert (ROOT / "docs" / "messages.md").read_text(encoding="utf-8") == reference.messages(), "run `make docs`"
