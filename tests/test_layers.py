"""Who may import whom, read from the source: the table of docs/design.md. And how long files and functions may be."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dlkit"

# Layer: the other layers that it may import.
LANGUAGE = {"config", "schema"}
# What people extend. A source reads what ships with dlkit; an input has steps.
PARTS = {"sources", "steps", "inputs", "targets", "builders"}
ALLOWED = {
    "lazy": set(),
    "config": set(),
    "schema": {"config", "lazy", "origins"},
    "files": {"config"},
    "mapped": {"files", "lazy"},
    "keras_internals": set(),
    "origins": {"config", "keras_internals"},
    "encoded": {"config", "schema", "lazy", "origins"},
    "runs": {"config", "schema", "files"},
    "elements": set(),
    "speed": {"lazy"},
    "bundled": {"config", "schema", "data"},
    **{part: {*LANGUAGE, *PARTS, "lazy", "elements", "files", "mapped", "bundled", "origins", "encoded"}
       for part in PARTS},
    "data": {*LANGUAGE, "keras_internals", *PARTS, "elements", "files", "mapped"},
    "models": {*LANGUAGE, "keras_internals", *PARTS, "data", "files", "origins", "encoded"},
    "baselines": {*LANGUAGE, "lazy", "data", "models"},
    "looking": {*LANGUAGE, *PARTS, "keras_internals", "data", "elements", "files", "models"},
    "training": {*LANGUAGE, *PARTS, "keras_internals", "data", "elements", "models", "baselines", "looking", "files",
                 "runs", "origins"},
    "progress": {*LANGUAGE, "lazy", "training", "runs"},
    "checks": {*LANGUAGE, "lazy", "keras_internals", *PARTS, "data", "models", "looking", "training", "files", "runs",
               "origins", "speed"},
    "evaluation": {*LANGUAGE, *PARTS, "data", "elements", "models", "training", "files", "runs"},
    "init": {*LANGUAGE, *PARTS, "elements", "files", "lazy", "speed"},
    "export": {*LANGUAGE, *PARTS, "keras_internals", "data", "elements", "models", "training", "files", "runs"},
    "api": {*LANGUAGE, "data", "models", "training", "checks", "evaluation", "progress", "files", "runs"},
    "api_data": {"api", "checks", "looking", "training", "progress"},
    "cli": {*LANGUAGE, "lazy", "data", "models", "baselines", "looking", "training", "checks", "evaluation", "progress",
            "files", "mapped", "runs", "api", "init", "export"},
    "__main__": {"cli", "lazy"},
    "__init__": {*LANGUAGE, "data", "models", "progress", "api", "api_data"},
}  # fmt: skip
HEAVY = {"tensorflow", "keras", "numpy", "tensorflow_datasets", "sklearn", "matplotlib"}


@cache
def parsed(path: Path) -> ast.Module:
    """A file, without what is for type checkers alone."""
    return without_types(ast.parse(path.read_text(encoding="utf-8")))


def without_types(tree: ast.Module) -> ast.Module:
    """A program without what is for type checkers alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    return tree


def offenders(paths: Iterable[Path], wrong: Callable[[Path], Iterable[object]]) -> dict[str, list[object]]:
    """What is wrong in each file, by its name; empty where nothing is."""
    found = {str(path.relative_to(ROOT)): list(wrong(path)) for path in paths}
    return {name: what for name, what in found.items() if what}


def imports(path: Path, *, top_level: bool = False) -> Iterator[str]:
    """The full names of the modules that a file imports, those for type checkers alone left out."""
    tree = parsed(path)
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


def heavy(path: Path, *, top_level: bool = False) -> set[str]:
    """The heavy libraries that a file imports."""
    return {module.split(".")[0] for module in imports(path, top_level=top_level)} & HEAVY


def test_a_file_imports_only_the_layers_below_its_own() -> None:
    def too_high(path: Path) -> Iterator[str]:
        layer = layer_of(path)
        for module in imports(path):
            parts = module.split(".")
            below = PACKAGE / parts[1] if parts[0] == "dlkit" and len(parts) > 1 else None
            ours = below is not None and (below.with_suffix(".py").exists() or below.is_dir())
            if ours and parts[1] not in ALLOWED[layer] | {layer}:
                yield module

    assert not offenders(FILES, too_high)


def test_the_configuration_needs_no_heavy_library() -> None:
    assert not offenders([p for p in FILES if layer_of(p) in LANGUAGE], heavy)


def test_the_parts_of_a_configuration_import_heavy_libraries_when_they_are_used() -> None:
    assert not offenders([p for p in FILES if layer_of(p) in PARTS], lambda p: heavy(p, top_level=True))


def test_the_command_line_imports_heavy_libraries_inside_its_verbs_alone() -> None:
    late = ("dlkit.training.", "dlkit.models.", "dlkit.data.", "dlkit.looking.")

    def too_early(path: Path) -> set[str]:
        ours = {module for module in imports(path, top_level=True) if module.startswith(late)}
        allowed = {module for module in ours if f"{module}.".startswith("dlkit.training.listeners.")}
        return heavy(path, top_level=True) | (ours - allowed)

    layers = {"cli", "runs", "files", "api", "api_data", "__init__", "progress"}
    assert not offenders([p for p in FILES if layer_of(p) in layers], too_early)


def private_names(tree: ast.AST) -> Iterator[str]:
    """Names below `keras.src`, and attributes that begin with `_` of what is neither the object itself nor dlkit's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("keras.src", "tensorflow.python")):
            yield str(node.module)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = node.value
            own = isinstance(owner, ast.Name) and (owner.id in ("self", "cls", "os") or owner.id.startswith("_"))
            above = isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super"
            if not own and not above and node.attr != "_replace":  # that of a NamedTuple is public
                yield node.attr


def test_private_names_of_libraries_stand_in_one_file() -> None:
    others = [path for path in FILES if path.name != "keras_internals.py"]
    assert not offenders(others, lambda path: private_names(parsed(path)))


def test_no_file_imports_itself_in_a_circle() -> None:
    modules = {
        ".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): p for p in FILES
    }
    below: dict[str, set[str]] = {}
    for name, path in modules.items():
        # `from dlkit.runs import records` in a file of `dlkit.runs` is of the file, and its package is there already.
        found = set(imports(path, top_level=True)) & modules.keys()
        below[name] = {other for other in found if not f"{name}.".startswith(f"{other}.")}
    while free := [name for name, others in below.items() if not others & below.keys()]:
        for name in free:
            del below[name]
    assert not below, f"import each other: {sorted(below)}"


LONGEST_FILE, LONGEST_FUNCTION = 300, 50
# A longer one says why, in a comment among its first lines: `# Long because ...`.
REASON = "# Long because "
FIRST_LINES = 10
WRITTEN = [path for folder in ("dlkit", "tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]


def too_long(text: str) -> Iterator[str]:
    """The file, where it is longer than a file may be without a reason; and its functions likewise."""
    lines = text.splitlines()
    parts = [("the file", 0, len(lines), LONGEST_FILE)]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts.append((node.name, node.lineno - 1, node.end_lineno or 0, LONGEST_FUNCTION))
    for name, first, end, longest in parts:
        if end - first > longest and not any(REASON in line for line in lines[first : first + FIRST_LINES]):
            yield f"{name} has {end - first} lines"


def test_a_file_and_its_functions_are_short_or_say_why_not() -> None:
    assert not offenders(WRITTEN, lambda path: too_long(path.read_text(encoding="utf-8")))


def test_what_is_too_long_is_found() -> None:
    def function(name: str, lines: int, reason: str = "") -> str:
        return f"def {name}():{reason}\n" + "    pass\n" * (lines - 1)

    whole = function("f", LONGEST_FUNCTION) * (LONGEST_FILE // LONGEST_FUNCTION)
    assert not list(too_long(whole))
    assert list(too_long(whole + "x = 1\n")) == [f"the file has {LONGEST_FILE + 1} lines"]
    assert not list(too_long(f"{REASON}it is a table\n{whole}"))
    assert list(too_long(function("g", LONGEST_FUNCTION + 1))) == [f"g has {LONGEST_FUNCTION + 1} lines"]
    assert not list(too_long(function("h", LONGEST_FUNCTION + 1, f"  {REASON}it is one table")))


@cache
def names_of_kinds() -> set[str]:
    """The names of sources, kinds, steps and builders, and of their classes."""
    files = [file for part in PARTS for file in (PACKAGE / part).glob("*.py")]
    classes = {node.name for file in files for node in parsed(file).body if isinstance(node, ast.ClassDef)}
    return classes | {file.stem for file in files if not file.stem.startswith("_")}


def is_name_of_a_kind(node: ast.AST | None) -> bool:
    """Whether an expression is the name of a source, kind, step or builder, or of its class; or some of them."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(map(is_name_of_a_kind, node.elts))
    return isinstance(node, ast.Constant) and node.value in names_of_kinds()


def asks_for_a_kind(node: ast.AST) -> bool:
    """Whether a part of a program does something for one kind alone, or has a table of them."""
    match node:
        case ast.Compare(left, operators, others):
            # `"number" in words` looks into a text; `kind in ("number", "image")` asks for a kind.
            right = [o for op, o in zip(operators, others, strict=True) if not isinstance(op, ast.In | ast.NotIn)]
            collections = [o for o in others if isinstance(o, ast.Tuple | ast.List | ast.Set)]
            plain = [left] if any(isinstance(op, ast.Eq | ast.NotEq) for op in operators) else []
            return any(map(is_name_of_a_kind, [*plain, *right, *collections]))
        case ast.MatchValue(value):
            return is_name_of_a_kind(value)
        case ast.Dict(keys):
            return any(map(is_name_of_a_kind, keys))
        case ast.Subscript(ast.Name(name), index):
            return name.isupper() and is_name_of_a_kind(index)
        case ast.Constant(str(text)):
            words = text.split(".")
            return words[0] == "dlkit" and len(words) > 2 and words[1] in PARTS and words[2][:1].isalpha()
        case ast.ImportFrom(module=str(module), names=names):
            words = module.split(".")
            if words[0] != "dlkit" or len(words) < 2 or words[1] not in PARTS:
                return False
            modules = [words[2]] if len(words) > 2 else [alias.name for alias in names]
            return any(not name.startswith("_") for name in modules)
        case ast.Import(names):
            return any(asks_for_a_kind(ast.Constant(alias.name)) for alias in names)
    return False


def lines_that_ask(tree: ast.Module) -> list[int]:
    """The numbers of the lines that ask for a kind."""
    return [node.lineno for node in ast.walk(tree) if asks_for_a_kind(node)]  # type: ignore[attr-defined]


def test_no_other_file_asks_for_a_kind() -> None:
    """What a source, kind, step or builder does is in its file alone, so that a new one is one file."""
    others = [path for path in FILES if layer_of(path) not in PARTS]
    assert not offenders(others, lambda path: lines_that_ask(parsed(path)))


@pytest.mark.parametrize(
    "code",
    [
        'if feature.kind == "image": pass',
        'if "image" != kind: pass',
        'if kind in ("image", "other"): pass',
        'if type(settings).__name__ == "ImageInput": pass',
        'match step:\n    case "resize": pass',
        'match step:\n    case {"step": "resize" | "rescale"}: pass',
        'TABLE = {"cnn": 3}',
        'cls = BUILDERS["cnn"]',
        "from dlkit.inputs.image import ImageInput",
        "from dlkit.inputs import image",
        "import dlkit.steps.resize",
        'image = lazy("dlkit.inputs.image")',
    ],
)
def test_what_asks_for_a_kind_is_found(code: str) -> None:
    assert lines_that_ask(without_types(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        'if "number" in words: pass',
        "if feature.kind == other.kind: pass",
        "from dlkit.sources._given import open_given",
        'names = ["cnn", "mlp"]',
        'x = batch["image"]',
    ],
)
def test_what_asks_for_no_kind_is_left_alone(code: str) -> None:
    assert not lines_that_ask(without_types(ast.parse(code)))
