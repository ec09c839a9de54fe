"""The builders as functions: what an editor sees, and what `help` says, is what the settings classes say."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import dlkit
from dlkit.builders._blocks._block import BLOCKS
from dlkit.builders.attention import Attention
from dlkit.builders.cnn import Cnn
from dlkit.builders.linear import Linear
from dlkit.builders.mlp import Mlp
from dlkit.builders.rnn import Convolution, Rnn
from dlkit.config.annotations import literal_choices
from dlkit.config.problems import ConfigError
from dlkit.models import notebook

BUILDERS = {"attention": Attention, "cnn": Cnn, "linear": Linear, "mlp": Mlp, "rnn": Rnn}
COMMON = ["input_shape", "classes", "target", "optimizer", "input_kind"]
# The kinds of a block, the default one first.
KINDS = dict(sorted(((name, BLOCKS[name]) for name in BLOCKS.own_names), key=lambda pair: pair[0] != BLOCKS.default))
KEYS = dict.fromkeys(key for kind in KINDS.values() for key in kind.model_fields)


def for_editors(name: str) -> Any:
    """The definition of that name that only type checkers read."""
    (definition,) = (
        node
        for node in ast.walk(ast.parse(inspect.getsource(notebook)))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
    )
    return definition


def words(annotation: ast.expr | None) -> Iterator[str]:
    """The words of a `Literal`."""
    assert annotation is not None
    yield from (n.value for n in ast.walk(annotation) if isinstance(n, ast.Constant) and isinstance(n.value, str))


@pytest.mark.parametrize("builder", BUILDERS)
def test_an_editor_sees_the_settings_and_their_defaults(builder: str) -> None:
    arguments = for_editors(builder).args
    seen = inspect.signature(getattr(dlkit, builder)).parameters
    assert [a.arg for a in [*arguments.args, *arguments.kwonlyargs]] == list(seen)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        value, expected = ast.literal_eval(default), seen[argument.arg].default
        assert (list(value) if isinstance(value, tuple) else value) == expected
        if argument.arg not in COMMON:
            choices = literal_choices(BUILDERS[builder].model_fields[argument.arg].annotation)
            assert list(words(argument.annotation)) == choices


def test_an_editor_sees_the_keys_of_every_kind_of_block() -> None:
    keys = {line.target.id: line.annotation for line in for_editors("Block").body if isinstance(line, ast.AnnAssign)}
    assert list(keys) == list(KEYS)
    assert list(words(keys["kind"])) == list(KINDS)
    for key in set(KEYS) - {"kind"}:
        for info in (kind.model_fields[key] for kind in KINDS.values() if key in kind.model_fields):
            assert list(words(keys[key])) == literal_choices(info.annotation)
            assert ast.unparse(keys[key]).startswith("Required") == info.is_required()


def test_an_editor_sees_the_keys_of_a_convolution() -> None:
    keys = {
        line.target.id: line.annotation for line in for_editors("Convolution").body if isinstance(line, ast.AnnAssign)
    }
    assert list(keys) == list(Convolution.model_fields)
    for key, info in Convolution.model_fields.items():
        assert list(words(keys[key])) == literal_choices(info.annotation)
        assert ast.unparse(keys[key]).startswith("Required") == info.is_required()


def test_help_explains_every_setting_and_the_keys_of_a_block() -> None:
    for builder, settings in BUILDERS.items():
        text = inspect.getdoc(getattr(dlkit, builder)) or ""
        for name, info in settings.model_fields.items():
            assert name == "builder" or f"    {name}: {info.description}" in text
    text = (inspect.getdoc(dlkit.cnn) or "").partition("Each is a dictionary:\n")[2]
    lines = [line.strip() for line in text.splitlines()[: len(KEYS)]]
    assert [line.partition(":")[0] for line in lines] == list(KEYS)
    by_key = {line.partition(":")[0]: line for line in lines}
    assert by_key["kind"] == f"kind: One of {', '.join(KINDS)}. By default 'plain'."
    assert by_key["filters"] == "filters: Output channels of the block. Required."
    assert by_key["convolutions"].endswith(" Of residual. By default 2.")
    assert by_key["batch_normalization"].endswith(" By default False or True.")


def test_the_types_are_those_that_python_knows() -> None:
    types = {name: p.annotation for name, p in inspect.signature(dlkit.cnn).parameters.items()}
    assert (types["dense"], types["dropout"], types["activation"]) == (list[int], float, str)
    assert types["blocks"] == list[dict[str, Any]]


@pytest.mark.parametrize(
    ("builder", "shape", "proposed"), [("rnn", (28,), "(28, 1)"), ("cnn", (28, 28), "(28, 28, 1)")]
)
def test_a_missing_axis_of_channels_is_added_to_the_shape_that_was_given(
    builder: str, shape: Any, proposed: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        getattr(dlkit, builder)(input_shape=shape, classes=2)
    assert refused.value.problems[0].help == f"add the axis of channels, as in {proposed}"
