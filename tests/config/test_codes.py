"""Every code that a problem can have is explained, and every explained code is one that a problem can have."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
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
    """A call, with the functions around it, the innermost last, and the bases of the class around those."""

    node: ast.Call
    around: tuple[Function, ...]
    path: Path
    bases: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """What is called; for `super().__init__(...)` the class."""
        function = self.node.func
        if isinstance(function, ast.Attribute) and function.attr == "__init__" and len(self.bases) == 1:
            return self.bases[0]
        return called(function)


def called(node: ast.expr) -> str | None:
    """The last part of a dotted name."""
    return getattr(node, "attr", None) or getattr(node, "id", None)


class Reader(ast.NodeVisitor):
    """The calls of a file, and the classes in it that are made with a `code`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.around: list[Function] = []
        self.bases: tuple[str, ...] = ()
        self.imported: set[str] = set()
        self.given_away: list[tuple[str, ast.AST]] = []
        self.calls: list[Call] = []
        self.classes: list[Maker] = []
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_Call(self, node: ast.Call) -> None:
        self.calls.append(Call(node, tuple(self.around), self.path, self.bases))
        if called(node.func) not in ("isinstance", "issubclass"):
            self._give_away([*node.args, *(k.value for k in node.keywords)], node)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        self._give_away([node.value], node)
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imported |= {alias.name for alias in node.names}

    def _give_away(self, values: list[ast.expr], node: ast.AST) -> None:
        """Remember what is passed on or gets another name, under which its calls are not found."""
        names = [called(value) for value in values if isinstance(value, ast.Name | ast.Attribute)]
        self.given_away += [(name, node) for name in names if name is not None]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.around.append(node)
        self.generic_visit(node)
        self.around.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        # One that need not be there is that of a record.
        annotated = [n for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
        fields = [n.target.id for n in annotated if n.target.id != "code" or ast.unparse(n.annotation) == "str"]
        made = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        names = parameters(made[0]) if made else fields
        if "code" in names:
            self.classes.append(Maker(node.name, self.path, names.index("code"), "code"))
        before, self.bases = self.bases, tuple(called(base) or "" for base in node.bases)
        self.generic_visit(node)
        self.bases = before


def parameters(function: Function) -> list[str]:
    """The parameters of a function by position, `self` left out, then those by keyword."""
    names = [a.arg for a in [*function.args.posonlyargs, *function.args.args]]
    names = names[1:] if names[:1] in (["self"], ["cls"]) else names
    return [*names, *(a.arg for a in function.args.kwonlyargs)]


def default_of(function: Function, name: str) -> Iterator[ast.expr]:
    """The default of a parameter, where it has one."""
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    pairs = [*zip(reversed(positional), reversed(given.defaults), strict=False)]
    pairs += [(a, d) for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None]
    yield from (default for parameter, default in pairs if parameter.arg == name)


def knows(reader: Reader, maker: Maker) -> bool:
    """Whether a file can call a maker by its name: a private one is called where it is, or is imported."""
    return not maker.name.startswith("_") or reader.path == maker.path or maker.name in reader.imported


def calls_of(maker: Maker, readers: list[Reader]) -> Iterator[tuple[Call, ast.expr | None]]:
    """Every call of a maker, with the argument that is the code; None where it is packed with others."""
    for call in (call for reader in readers if knows(reader, maker) for call in reader.calls):
        given = {k.arg: k.value for k in call.node.keywords}
        if call.name in ("replace", "_replace") and "code" in given and maker.keyword == "code":
            yield call, given["code"]
        if call.name != maker.name:
            continue
        if any(isinstance(a, ast.Starred) for a in call.node.args[: maker.position + 1]) or None in given:
            yield call, None
        elif maker.position < len(call.node.args):
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


def parts_of(code: ast.expr | None) -> Iterator[ast.expr]:
    """An expression and what it is made of, but for what a choice depends on."""
    if code is not None:
        yield code
        for child in ast.iter_child_nodes(code):
            if isinstance(child, ast.expr) and child is not getattr(code, "test", None):
                yield from parts_of(child)


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
        for reader in readers:
            away = [node for name, node in reader.given_away if name == maker.name and knows(reader, maker)]
            unread += [f"{reader.path.name}:{node.lineno}: {ast.unparse(node)[:80]}" for node in away]
        for call, code in calls_of(maker, readers):
            found: set[str] = set()
            passed_on = unknown = False
            for part in parts_of(code):
                if not isinstance(part, ast.Name):
                    continue
                values = list(assigned_to(part.id, call.around))
                found |= strings_in(iter(values))
                owner = next((f for f in reversed(call.around) if part.id in parameters(f)), None)
                if owner is not None:
                    passed_on = True
                    waiting.append(Maker(owner.name, call.path, parameters(owner).index(part.id), part.id))
                    found |= strings_in(default_of(owner, part.id))
                unknown |= owner is None and not values
            found |= strings_in(parts_of(code))
            used |= found
            # `problem.code` is that of another problem.
            of_another = isinstance(code, ast.Attribute) and called(code.value) not in ("self", "cls")
            if not found and not of_another and (unknown or not passed_on):
                unread.append(f"{call.path.name}:{call.node.lineno}: {ast.unparse(call.node)[:80]}")
    return used, unread


readers = cache(lambda: [Reader(path) for path in sorted(PACKAGE.rglob("*.py"))])


def test_every_code_in_use_is_explained():
    used, unread = codes_in_use(readers())
    assert not unread
    assert used <= set(table()), f"without an explanation: {sorted(used - set(table()))}"
    # Some that are made through a function, or a class of their own, of one file.
    assert {"npz-names", "shape-mismatch", "circular-reference", "does-not-fit"} <= used


def test_every_explained_code_is_in_use():
    used, _ = codes_in_use(readers())
    assert not set(table()) - used


PROBLEM = "class Problem:\n    code: str\n    message: str\n"
FOUND = {
    "an argument": "Problem('planted', 'm')",
    "a keyword": "Problem(message='m', code='planted')",
    "a helper": "def h(m, kind): return Problem(kind, m)\nh('m', 'planted')",
    "two helpers": "def h(c, m): return Problem(c, m)\ndef g(m, name): return h(name, m)\ng('m', 'planted')",
    "a method": "class A:\n    def h(self, code, m): return Problem(code, m)\ndef u(a): a.h('planted', 'm')",
    "a class method": "class A:\n    @classmethod\n    def h(cls, c): return Problem(c, 'm')\nA.h('planted')",
    "a function inside": "def u():\n    def h(c): return Problem(c, 'm')\n    h('planted')",
    "a default": "def h(m, code='planted'): return Problem(code, m)\nh('m')",
    "a default by keyword": "def h(m, *, code='planted'): return Problem(code, m)\nh('m')",
    "a choice": "def u(x): return Problem('planted' if x else 'other', 'm')",
    "a name": "def u(x):\n    code = 'planted' if x else 'other'\n    return Problem(code, 'm')",
    "a changed parameter": "def h(c):\n    c = c or 'planted'\n    return Problem(c, 'm')",
    "a chosen parameter": "def h(c, x): return Problem(c if x else 'other', 'm')\nh('planted', 1)",
    "a class of its own": "class E(Problem):\n    def __init__(self, m): super().__init__('planted', m)",
    "a changed problem": "def u(p): return replace(p, code='planted')",
}
UNREAD = {
    "a table": "def u(k): return Problem(CODES[k], 'm')",
    "a constant": "CODE = 'planted'\nProblem(CODE, 'm')",
    "an attribute": "class A:\n    code = 'planted'\n    def u(self): return Problem(self.code, 'm')",
    "packed arguments": "def u(a): return Problem(*a)",
    "packed keywords": "def u(a): return Problem(**a)",
    "another name": "P = Problem\nP('planted', 'm')",
    "a partial call": "p = functools.partial(Problem, 'planted')\np('m')",
    "a lambda": "h = lambda c: Problem(c, 'm')\nh('planted')",
}


def planted(folder: Path, *texts: str) -> tuple[set[str], list[str]]:
    """The codes of small files, and the calls whose codes cannot be read."""
    for number, text in enumerate(texts):
        (folder / f"m{number}.py").write_text(text)
    return codes_in_use([Reader(path) for path in sorted(folder.glob("*.py"))])


@pytest.mark.parametrize("text", FOUND.values(), ids=FOUND)
def test_a_code_is_found_however_it_is_given(text, tmp_path):
    used, unread = planted(tmp_path, f"{PROBLEM}{text}\n")
    assert "planted" in used and not unread


@pytest.mark.parametrize("text", UNREAD.values(), ids=UNREAD)
def test_a_code_that_cannot_be_read_is_reported(text, tmp_path):
    used, unread = planted(tmp_path, f"{PROBLEM}{text}\n")
    assert not used and len(unread) == 1


def test_a_private_helper_is_followed_where_it_is_imported(tmp_path):
    helper = "def _h(code): return Problem(code, 'm')\n"
    used, unread = planted(
        tmp_path, PROBLEM + helper, "from m0 import _h\n_h('planted')\n", "def _h(x): ...\n_h('other')\n"
    )
    assert used == {"planted"} and not unread


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
