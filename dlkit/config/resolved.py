"""The resolved configuration: every value, who set it, and YAML that reads back equal."""

from __future__ import annotations

from typing import Any

from dlkit.config.problems import Key
from dlkit.config.scalars import UnclearNumberError, is_plain_text, read_scalar
from dlkit.config.shape import Shape
from dlkit.config.tree import Node, child

_FIRST = ("name", "kind", "builder")


def resolved(data: dict[str, Any], root: Node, shape: Shape) -> dict[str, Any]:
    """Every setting as plain data, with `${env:...}` as written.

    Args:
        data: the typed configuration as plain data, defaults and all.
        root: the values that files and overrides state.
        shape: of a whole configuration.
    """
    written: dict[str, Any] = _written(data, root, shape)
    return written


def origins(data: dict[str, Any], root: Node, shape: Shape) -> dict[Key, str]:
    """Who set each leaf of what `resolved` gave."""
    from dlkit.config.words import describe

    found: dict[Key, str] = {}

    def visit(value: Any, key: Key, node: Node | None, shape: Shape, unstated: str) -> None:
        if not isinstance(value, dict | list) or not value:
            found[key] = describe(node.location) if node is not None else unstated
            return
        set_by = shape.set_by(value, node) if isinstance(value, dict) else {}
        for part, below in value.items() if isinstance(value, dict) else enumerate(value):
            setter = _below(node, shape, set_by[str(part)]) if part in set_by else None
            by = unstated if setter is None else describe(setter.location)
            visit(below, (*key, part), _below(node, shape, part), shape.below(part, node), by)

    visit(data, (), root, shape, "default")
    return found


def to_yaml(data: dict[str, Any]) -> str:
    """Plain data as YAML that is read back equal by the rules of `dlkit.config.scalars`."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
            """The tag that a plain word has by our rules, so that none is ever written out."""
            if kind is yaml.ScalarNode and implicit[0]:
                return _tag(value)
            return str(super().resolve(kind, value, implicit))  # type: ignore[no-untyped-call]

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = None if is_plain_text(value) else "'"
        if any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029\ufeff" for c in value):
            style = '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    def number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
        special = {float("inf"): ".inf", float("-inf"): "-.inf"}
        return dumper.represent_scalar(
            "tag:yaml.org,2002:float", ".nan" if value != value else special.get(value, repr(value))
        )

    def items(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
        flat = not any(isinstance(item, dict | list) for item in value)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=flat)

    Dumper.add_representer(str, text)
    Dumper.add_representer(float, number)
    Dumper.add_representer(list, items)
    return yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)


def _tag(word: str) -> str:
    names = {bool: "bool", int: "int", float: "float", type(None): "null"}
    try:
        return "tag:yaml.org,2002:" + names.get(type(read_scalar(word)), "str")
    except UnclearNumberError:
        return "tag:yaml.org,2002:int"


def _below(node: Node | None, shape: Shape, part: str | int) -> Node | None:
    """The node of one part of a resolved value, whichever way the user wrote it."""
    if node is None:
        return None
    if shape.is_step and isinstance(node.value, dict) and part not in node.value:
        return node  # {step: rescale, scale: 1}
    return child(shape.expand(node), part)


def _written(value: Any, node: Node | None, shape: Shape) -> Any:
    """A dumped value with what came from the environment as it was written, and other `${` escaped."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name not in _FIRST)
        return {name: _written(value[name], _below(node, shape, name), shape.below(name, node)) for name in names}
    if isinstance(value, list):
        return [_written(below, _below(node, shape, i), shape.below(i, node)) for i, below in enumerate(value)]
    if node is not None and node.written is not None and not isinstance(node.value, dict | list):
        return node.written
    return value.replace("${", "$${") if isinstance(value, str) else value
