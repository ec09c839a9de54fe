"""Every code that a problem can have is explained, and every explained code is one that a problem can have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from dlkit.config.codes import explain, table

PACKAGE = Path(__file__).parents[2] / "dlkit"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Maker(NamedTuple):
    """What is called with a code: a class of problems, or a function that passes its code on to one.

    Attributes:
        name: of the class or function.
        path: the file where it is; a private name is called there alone.
        position: of the code among the arguments.
        keyword: name of that parameter.
    """

    name: str
    path: Path
    position: int
    keyword: str


class Call(NamedTuple):
    """A call, with the functions around it, the innermost last."""

    node: ast.Call
    around: tuple[Function, ...]
    path: Path


class Reader(ast.NodeVisitor):
    """The calls of a file, and the classes in it that are made with a `code`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.around: list[Function] = []
        self.calls: list[Call] = []
        self.classes: list[Maker] = []
        self.strings: set[str] = set()
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_Call(self, node: ast.Call) -> None:
        self.calls.append(Call(node, tuple(self.around), self.path))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.around.append(node)
        self.generic_visit(node)
        self.around.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
        made = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        names = parameters(made[0]) if made else fields
        if "code" in names:
            self.classes.append(Maker(node.name, self.path, names.index("code"), "code"))
        self.generic_visit(node)


def parameters(function: Function) -> list[str]:
    """The parameters of a function by position, `self` left out, then those by keyword."""
    names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    names = names[1:] if names[:1] in (["self"], ["cls"]) else names
    return [*names, *(a.arg for a in function.args.kwonlyargs)]


def calls_of(maker: Maker, readers: list[Reader]) -> Iterator[tuple[Call, ast.expr]]:
    """Every call of a maker, with the argument that is the code."""
    for call in (call for reader in readers for call in reader.calls):
        function = call.node.func
        name = getattr(function, "attr", None) or getattr(function, "id", None)
        if name != maker.name or (name.startswith("_") and call.path != maker.path):
            continue
        given = {k.arg: k.value for k in call.node.keywords}
        if maker.position < len(call.node.args):
            yield call, call.node.args[maker.position]
        elif maker.keyword in given:
            yield call, given[maker.keyword]


def assigned_to(name: str, around: tuple[Function, ...]) -> Iterator[ast.expr]:
    """What a local name stands for."""
    for node in (node for function in around for node in ast.walk(function)):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        else:
            continue
        if name in {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}:
            yield value


def strings_in(nodes: Iterator[ast.expr]) -> set[str]:
    """The constants of text in expressions."""
    constants = (n for node in nodes for n in ast.walk(node) if isinstance(n, ast.Constant))
    return {n.value for n in constants if isinstance(n.value, str)}


def codes_in_use(readers: list[Reader]) -> tuple[set[str], list[str]]:
    """Every code that is given to a problem, through functions too; and the calls whose code cannot be read."""
    waiting = [maker for reader in readers for maker in reader.classes]
    seen: set[Maker] = set()
    used: set[str] = set()
    unread: list[str] = []
    while waiting:
        maker = waiting.pop()
        if maker in seen:
            continue
        seen.add(maker)
        for call, code in calls_of(maker, readers):
            owner = None
            if isinstance(code, ast.Name):
                owner = next((f for f in reversed(call.around) if code.id in parameters(f)), None)
            if owner is not None:
                waiting.append(Maker(owner.name, call.path, parameters(owner).index(code.id), code.id))
                continue
            found = strings_in(assigned_to(code.id, call.around) if isinstance(code, ast.Name) else iter([code]))
            used |= found
            if not found and not isinstance(code, ast.Attribute):  # `problem.code` is that of another problem
                unread.append(f"{call.path.name}:{call.node.lineno}: {ast.unparse(call.node)[:80]}")
    return used, unread


READERS = [Reader(path) for path in sorted(PACKAGE.rglob("*.py"))]


def test_every_code_in_use_is_explained():
    used, unread = codes_in_use(READERS)
    assert not unread
    assert used <= set(table()), f"without an explanation: {sorted(used - set(table()))}"
    # Some that are made through a function, or a class of their own, of one file.
    assert {"npz-names", "shape-mismatch", "circular-reference", "does-not-fit"} <= used


def test_every_explained_code_is_in_use():
    strings = set().union(*(reader.strings for reader in READERS))
    assert not set(table()) - strings


def test_a_code_without_an_explanation_is_found(tmp_path):
    (tmp_path / "a.py").write_text(
        "class Problem:\n    code: str\n    message: str\n"
        "def _outer(message, name='first-code'): return _inner(name, message)\n"
        "def _inner(code, message): return Problem(code, message)\n"
        "def use(x):\n    code = 'second-code' if x else 'third-code'\n    _outer('a', 'fourth-code')\n"
        "    yield Problem(code, 'b')\n    yield Problem(message='c', code=CODES[x])\n"
    )
    used, unread = codes_in_use([Reader(tmp_path / "a.py")])
    assert used == {"second-code", "third-code", "fourth-code"}
    assert len(unread) == 1 and "CODES[x]" in unread[0]


def test_no_code_is_explained_twice():
    texts = (PACKAGE / "config" / "messages").glob("*.yaml")
    written = [code for text in texts for code in re.findall(r"^(\S+):$", text.read_text(), flags=re.MULTILINE)]
    assert sorted(written) == list(table())


@pytest.mark.parametrize("code", sorted(table()))
def test_an_explanation_has_a_title_a_reason_and_an_example(code):
    entry = table()[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
    assert entry.title and entry.explanation.endswith(".") and entry.before != entry.after
    text = explain(code)
    assert text.startswith(f"{code}: {entry.title}") and entry.after.splitlines()[0] in text


def test_an_unknown_code_names_the_nearest():
    with pytest.raises(KeyError, match="unknown-key"):
        explain("unknown-keys")
