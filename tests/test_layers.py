"""Who may import whom, read from the source: the table of docs/design.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dlkit"

# Layer: the other layers that it may import.
LANGUAGE = {"config", "schema"}
# What people extend. A source reads what ships with dlkit; an input has steps.
PARTS = {"sources", "steps", "inputs", "targets", "builders"}
ALLOWED = {
    "lazy": set(),
    "config": set(),
    "schema": {"config", "lazy"},
    "files": {"config"},
    "origins": {"config"},
    "encoded": {"config", "schema", "lazy", "origins"},
    "runs": {"config", "schema", "files"},
    "elements": set(),
    "bundled": {"config", "schema", "data"},
    **{part: {*LANGUAGE, *PARTS, "lazy", "elements", "bundled", "origins", "encoded"} for part in PARTS},
    "data": {*LANGUAGE, *PARTS, "elements", "files"},
    "models": {*LANGUAGE, *PARTS, "data", "files", "origins", "encoded"},
    "training": {*LANGUAGE, *PARTS, "data", "elements", "models", "files", "runs", "origins"},
    "progress": {*LANGUAGE, "training", "runs"},
    "checks": {*LANGUAGE, *PARTS, "data", "models", "training", "files", "runs"},
    "evaluation": {*LANGUAGE, *PARTS, "data", "elements", "models", "training", "files", "runs"},
    "export": {*LANGUAGE, *PARTS, "data", "models", "training", "files", "runs"},
    "api": {*LANGUAGE, "data", "models", "training", "checks", "evaluation", "progress", "files", "runs"},
    "cli": {*LANGUAGE, "data", "models", "training", "checks", "evaluation", "progress", "files", "runs", "api"},
    "__main__": {"cli"},
    "__init__": {*LANGUAGE, "data", "models", "progress", "api"},
}
HEAVY = {"tensorflow", "keras", "numpy", "tensorflow_datasets", "sklearn", "matplotlib"}


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    """The full names of the modules that a file imports, those for type checkers alone left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(path: Path) -> str:
    """The first part of a file's place in the package."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_only_the_layers_below_its_own(path: Path) -> None:
    layer = layer_of(path)
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "dlkit" and len(parts) > 1 and (PACKAGE / parts[1]).with_suffix(".py").exists() | (
            PACKAGE / parts[1]
        ).is_dir():  # fmt: skip
            assert parts[1] in ALLOWED[layer] | {layer}, f"{path.name} imports {module}"


@pytest.mark.parametrize(
    "path", [p for p in FILES if layer_of(p) in LANGUAGE], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_the_configuration_needs_no_heavy_library(path: Path) -> None:
    assert not {module.split(".")[0] for module in imports(path)} & HEAVY


@pytest.mark.parametrize("path", [p for p in FILES if layer_of(p) in PARTS], ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_parts_of_a_configuration_import_heavy_libraries_when_they_are_used(path: Path) -> None:
    assert not {module.split(".")[0] for module in imports(path, top_level=True)} & HEAVY


@pytest.mark.parametrize(
    "path", [p for p in FILES if layer_of(p) in {"cli", "runs", "files", "api", "__init__", "progress"}], ids=str
)
def test_the_command_line_imports_heavy_libraries_inside_its_verbs_alone(path: Path) -> None:
    found = set(imports(path, top_level=True))
    assert not {module.split(".")[0] for module in found} & HEAVY
    assert (
        not {m for m in found if m.startswith(("dlkit.training.", "dlkit.models.", "dlkit.data."))}
        - {"dlkit.training.listeners"}
        - {m for m in found if m.startswith("dlkit.training.listeners.")}
    )
