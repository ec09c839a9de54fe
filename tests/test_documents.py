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
from tests.documents import ROOT, blocks

READMES = ["README.md", "README.zh-CN.md"]


# The same configuration on fewer images.
FEWER = {'"train[:10%]"': '"train[:1%]"', '"train[90%:]"': '"train[99%:]"', "test: test}": 'test: "test[:10%]"}'}


@pytest.mark.parametrize("fewer", [FEWER, pytest.param({}, marks=pytest.mark.slow)], ids=["fewer images", "as it is"])
def test_the_configuration_commands_and_python_of_the_readme_run_in_order(
    fewer: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = "README.md"  # the other one has the same code, which a test below compares
    (configuration,) = [b for b in blocks(readme, "yaml") if b.startswith("# mnist_small.yaml")]
    for written, other in fewer.items():
        assert written in configuration
        configuration = configuration.replace(written, other)
    (tmp_path / "mnist_small.yaml").write_text(configuration, encoding="utf-8")
    commands = [
        line for block in blocks(readme, "sh") for line in block.splitlines() if "mnist_small" in line
    ]  # fmt: skip
    assert {shlex.split(c)[3] for c in commands} == {"check", "show", "train", "evaluate"}
    monkeypatch.chdir(tmp_path)
    for command in commands:
        done = CliRunner().invoke(app, shlex.split(command, comments=True)[3:])
        assert done.exit_code == 0, f"{command}\n{done.output}"
    exec("\n".join(blocks(readme, "python")), {})


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


def executed(folder: Path, *names: str, short: bool = False) -> list[str]:
    """Run notebooks in a folder, in one kernel, and give what their cells printed."""
    notebook, *others = (nbformat.read(ROOT / "notebooks" / name, as_version=4) for name in names)
    notebook.cells += [cell for other in others for cell in other.cells]
    for cell in notebook.cells:
        cell.source = shortened(cell.source) if short else cell.source
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": str(folder)}}).execute()
    return [str(o) for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]


def shortened(source: str) -> str:
    """The same in two epochs on fewer images, in a graph, which is made sooner than a program of XLA's."""
    source = re.sub(r'("(?:training\.)?epochs": )\d+', r"\g<1>2", source)
    fewer = {
        **FEWER,
        '"test": "test"}': '"test": "test[:10%]"}',
        "[:5000]": "[:500]",
        "[5000:]": "[9500:]",
        "epochs=20": "epochs=3",
        "for epoch in range(20)": "for epoch in range(3)",
        '"data.clean": ': '"training.baselines": "off", "data.clean": ',
        '"model": ': '"runtime": {"compile": "graph"}, "model": ',
    }
    for written, other in fewer.items():
        source = source.replace(written, other)
    return source


FIRST, OWN, EVERY = "01_first_model.ipynb", "03_your_own_data.ipynb", "04_every_network.ipynb"
FORMULAS = ["02_from_formulas_to_code.ipynb", "02_from_formulas_to_code.zh-CN.ipynb"]


def holds_a_first_model(printed: list[str], folder: Path) -> None:
    assert any("did you mean `epochs`?" in text for text in printed)
    assert (folder / "runs" / "first_model" / "latest" / "model.keras").is_file()


def holds_a_model_of_own_data(printed: list[str], folder: Path) -> None:
    for words in ("missing", "logistic regression", "flats.csv:1202, column `rent`, holds `ask us`"):
        assert any(words in text for text in printed), words
    assert list((folder / "runs" / "flats").glob("*/baselines.json"))


def test_the_notebooks_run_in_a_few_epochs(tmp_path: Path) -> None:
    # That of formulas asserts by itself what its text says.
    printed = executed(tmp_path, FIRST, FORMULAS[0], OWN, short=True)
    holds_a_first_model(printed, tmp_path)
    holds_a_model_of_own_data(printed, tmp_path)


def test_both_languages_of_a_notebook_show_the_same_code() -> None:
    one, other = (nbformat.read(ROOT / "notebooks" / name, as_version=4).cells for name in FORMULAS)
    assert [(cell.cell_type, cell.source) for cell in one if cell.cell_type == "code"] == [
        (cell.cell_type, cell.source) for cell in other if cell.cell_type == "code"
    ]
    assert [cell.cell_type for cell in one] == [cell.cell_type for cell in other]


@pytest.mark.slow
def test_the_notebook_of_a_first_model_runs(tmp_path: Path) -> None:
    holds_a_first_model(executed(tmp_path, FIRST), tmp_path)


@pytest.mark.slow
def test_the_notebook_of_your_own_data_runs(tmp_path: Path) -> None:
    holds_a_model_of_own_data(executed(tmp_path, OWN), tmp_path)


@pytest.mark.slow
def test_the_notebook_of_every_network_runs(tmp_path: Path) -> None:
    printed = executed(tmp_path, EVERY)
    assert sum("parameters" in text for text in printed) == 7


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
