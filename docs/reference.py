"""Write the pages that come from the code: docs/reference.md from the schema, docs/messages.md from the codes.

Run by `make docs`; a test holds the pages equal to what the code says.
"""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dlkit.config import codes
from dlkit.config.annotations import field_type
from dlkit.config.choices import Choice
from dlkit.schema import Config

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/reference.py from the code. Do not edit. -->\n"


def reference() -> str:
    """The page of every setting, section by section."""
    lines = [
        NOTE,
        "# Configuration\n",
        "Every setting, its type, its default and what it does. A value of the wrong type is an error, never",
        "converted; an unknown key is an error, with the nearest one that exists. Beside these keys, a file may begin",
        "with `extends: other.yaml` (or a list): mappings merge, lists replace, the later file wins. `${env:NAME}`",
        "stands for a variable of the environment, `${data.batch_size}` for another setting. Words after the file on",
        "the command line, `training.epochs=3 model.blocks.0.filters=16`, win over it.\n",
    ]
    seen: set[type[BaseModel]] = set()
    _section(Config, "", lines, seen)
    return "\n".join(lines) + "\n"


def messages() -> str:
    """The page of every problem's code."""
    lines = [NOTE, "# Messages\n", "Each problem has a stable code. `dlkit explain-code CODE` prints the same.\n"]
    for code in codes.table():
        lines += [f"## {code}\n", "```text", codes.explain(code).rstrip(), "```\n"]
    return "\n".join(lines) + "\n"


def _section(cls: type[BaseModel], path: str, lines: list[str], seen: set[type[BaseModel]]) -> None:
    """A heading, a table of the fields, then the sections below it."""
    if cls in seen:
        return
    seen.add(cls)
    tag = _tag(cls)
    title = path or "The file"
    lines.append(f"## {title}{f' ({tag})' if tag else ''}\n")
    lines.append((cls.__doc__ or "").strip().replace("\n    ", "\n") + "\n")
    lines += ["| key | type | default | |", "|---|---|---|---|"]
    below: list[tuple[str, type[BaseModel]]] = []
    for name, field in cls.model_fields.items():
        text = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {_type(field)} | {_default(field)} | {text} |")
        below += [(f"{path}.{name}".lstrip("."), child) for child in _classes(field_type(field))]
    lines.append("")
    for child_path, child in below:
        _section(child, child_path, lines, seen)


def _tag(cls: type[BaseModel]) -> str:
    """The word of a member of a choice: `builder: cnn`."""
    for name in ("kind", "builder", "name", "step"):
        field = cls.model_fields.get(name)
        if field is not None and typing.get_origin(field.annotation) is typing.Literal:
            words = typing.get_args(field.annotation)
            if len(words) == 1:
                return words[0] if name == "step" else f"{name}: {words[0]}"
    return ""


def _classes(annotation: Any) -> list[type[BaseModel]]:
    """The sections that a type mentions, in order."""
    if (choice := _choice(annotation)) is not None:
        return list(choice.classes().values())
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [cls for part in typing.get_args(annotation) for cls in _classes(part)]


def _type(field: FieldInfo) -> str:
    return _words(field_type(field)).replace("|", "\\|")


def _bound(constraint: Any) -> str:
    signs = {"gt": "> ", "ge": ">= ", "lt": "< ", "le": "<= "}
    return " ".join(f"{sign}{getattr(constraint, a)}" for a, sign in signs.items() if hasattr(constraint, a))


def _choice(annotation: Any) -> Choice | None:
    """What a type is chosen from by name, where the type is such a choice itself."""
    metadata = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is typing.Annotated else ()
    return next((entry for entry in metadata if isinstance(entry, Choice)), None)


def _words(annotation: Any) -> str:
    """A type as a reader of YAML says it."""
    if (choice := _choice(annotation)) is not None:
        return " or ".join(_tag(cls) for cls in choice.classes().values())
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        bounds = [_bound(m) for a in args[1:] for m in getattr(a, "metadata", [a])]
        return ", ".join([_words(args[0]), *(b for b in bounds if b)])
    if origin is typing.Literal:
        return " or ".join(f"`{a}`" for a in args)
    if origin in (typing.Union, types.UnionType):
        words = [_words(a) for a in args]
        return " or ".join(dict.fromkeys(words))
    if origin is list:
        return f"list of {_words(args[0])}"
    if origin is dict:
        return f"mapping of names to {_words(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _tag(annotation) or "section"
    return {int: "whole number", float: "number", str: "text", bool: "`true` or `false`", type(None): "`null`"}.get(
        annotation, "any"
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return ""
    if isinstance(value, BaseModel):
        return _tag(type(value)) or "its defaults"
    if isinstance(value, list):
        return "`[]`" if not value else "`" + str([_plain(v) for v in value]).replace("'", "") + "`"
    return f"`{_plain(value)}`"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_defaults=True) or _tag(type(value))
    return {None: "null", True: "true", False: "false"}.get(value, value) if isinstance(value, bool | None) else value


if __name__ == "__main__":
    (HERE / "reference.md").write_text(reference(), encoding="utf-8")
    (HERE / "messages.md").write_text(messages(), encoding="utf-8")
