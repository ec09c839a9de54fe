"""The JSON Schema of a configuration file, for editors: pydantic's, with the short forms that the loader reads."""

from __future__ import annotations

from typing import Any

from dlkit.config import keras_names
from dlkit.schema import Config
from dlkit.schema.base import KerasObject
from dlkit.schema.keras_objects import (
    Callback,
    Constraint,
    Initializer,
    Loss,
    Metric,
    RandomAudioStep,
    RandomSequenceStep,
    RandomStep,
    RandomTextStep,
    Regularizer,
    WordOfKeras,
)
from dlkit.schema.step import STEPS

Schema = dict[str, Any]

_REFERENCE = {"$ref": "#/$defs/Reference"}
_KERAS_OBJECTS: dict[str, type[KerasObject]] = {
    "Callback": Callback,
    "Loss": Loss,
    "Metric": Metric,
    **{cls.__name__: cls for cls in (RandomStep, RandomSequenceStep, RandomAudioStep, RandomTextStep)},
    **{cls.__name__: cls for cls in (Initializer, Regularizer, Constraint)},
}


def _short_forms() -> dict[str, Schema]:
    """What may stand for a whole mapping, by its definition."""
    return {
        "Backbone": {"type": "string", "enum": sorted(keras_names.table()["applications"])},
        "LimitBatches": {"type": "integer", "exclusiveMinimum": 0},
        "OnNonfinite": {"type": "string", "enum": ["rollback", "stop"]},
        **{
            name: {"type": "string", "enum": sorted(_KERAS_OBJECTS[name].known_arguments())}
            for name in ("Callback", "Loss", "Metric")
        },
    }


def json_schema() -> Schema:
    """The schema of a file (draft 2020-12), with sorted keys; of plug-ins, where those of a configuration are active.

    It accepts what the loader accepts, but for what a schema cannot say: rules between settings, and that 3.0 is not a
    whole number. A file that says `extends` may leave out what its base gives.
    """
    pydantics = Config.model_json_schema()
    defs: dict[str, Schema] = pydantics.pop("$defs")
    defs["Config"] = pydantics
    members: dict[str, Schema] = {}
    defs = {name: _with_definitions(schema, members) for name, schema in defs.items()}
    defs |= members
    strict = {name: _converted(name, schema, defs, "") for name, schema in defs.items()}
    partial = {f"Partial{name}": _partial(_converted(name, schema, defs, "Partial")) for name, schema in defs.items()}
    extends = {
        "description": "A file, or a list of files, that this one builds on; relative to this file.",
        "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    }
    partial["PartialConfig"]["properties"]["extends"] = extends
    reference = {"type": "string", "pattern": r"\$\{", "description": "`${env:NAME}` or `${other.key}`."}
    used = {"Reference": reference, **strict, **partial}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dlkit configuration",
        "description": "One run: data, model, training and runtime.",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/PartialConfig"},
        "else": {"$ref": "#/$defs/Config"},
    }
    schema["$defs"] = {name: used[name] for name in _reachable(schema, used)}
    return dict(_sorted(schema))


def _with_definitions(schema: Any, members: dict[str, Schema]) -> Any:
    """A schema whose choices are references to definitions, which are added to `members`."""
    if isinstance(schema, list):
        return [_with_definitions(item, members) for item in schema]
    if not isinstance(schema, dict):
        return schema
    new = {key: _with_definitions(value, members) for key, value in schema.items()}
    if "discriminator" in new:
        names = new["discriminator"]["mapping"]
        members |= {member["title"]: member for member in new.pop("anyOf") if "$ref" not in member}
        new["discriminator"] = {
            **new["discriminator"],
            "mapping": {word: f"#/$defs/{name}" for word, name in names.items()},
        }
    return new


def _converted(name: str, schema: Schema, defs: dict[str, Schema], prefix: str) -> Schema:
    """One of pydantic's definitions with short forms and references, to definitions that start with `prefix`."""
    if name in _KERAS_OBJECTS:
        return _keras_object(_KERAS_OBJECTS[name], schema)
    new = {key: value for key, value in schema.items() if key not in ("properties", "title")}
    new["properties"] = {
        key: _or_reference(_value(value, defs, prefix)) for key, value in schema.get("properties", {}).items()
    }
    return new


def _value(schema: Any, defs: dict[str, Schema], prefix: str) -> Any:
    """The schema of a value, with the words that may stand for mappings in it."""
    if isinstance(schema, list):
        return [_value(item, defs, prefix) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "discriminator" in schema:
        return _union(schema, defs, prefix)
    new: Schema = {}
    for key, value in schema.items():
        if key == "$ref":
            name = value.removeprefix("#/$defs/")
            return _with_word(name, {**new, **schema, "$ref": f"#/$defs/{prefix}{name}"})
        if key in ("items", "prefixItems"):
            new[key] = _or_reference(_value(value, defs, ""))  # lists replace, so their items are whole
        elif key == "additionalProperties" and isinstance(value, dict):
            new[key] = _or_reference(_value(value, defs, prefix))
        elif key in ("anyOf", "oneOf", "allOf"):
            new[key] = _value(value, defs, prefix)
        elif key != "title":
            new[key] = value
    return new


def _with_word(name: str, reference: Schema) -> Schema:
    """A reference to a definition, or the short form that may stand for it."""
    short_forms = _short_forms()
    if name not in short_forms:
        return reference
    reference = dict(reference)
    described: Schema = {key: reference.pop(key) for key in ("description", "default") if key in reference}
    return {**described, "anyOf": [short_forms[name], reference]}


def _union(schema: Schema, defs: dict[str, Schema], prefix: str) -> Schema:
    tag = schema["discriminator"]["propertyName"]
    members = {word: ref.removeprefix("#/$defs/") for word, ref in schema["discriminator"]["mapping"].items()}
    kept = {key: value for key, value in schema.items() if key in ("description", "default")}
    words = sorted(word for word, name in members.items() if set(defs[name].get("required", [])) <= {tag})
    if tag == "step":
        settings = {
            word: _without_tag(name, defs, tag, word in words, STEPS[word].word) for word, name in members.items()
        }
        return {**kept, "anyOf": [{"type": "string", "enum": words}, _single_key(settings)]}
    references = [{"$ref": f"#/$defs/{prefix}{name}"} for name in members.values()]
    if tag == "name":
        return {**kept, "anyOf": [{"type": "string", "enum": words}, *references]}
    return {**kept, "anyOf": references}


def _without_tag(name: str, defs: dict[str, Schema], tag: str, may_be_empty: bool, field: str) -> Schema:
    """The settings of a step, which stand below its name, or a bare value of `field`, where there is one."""
    whole = _converted(name, defs[name], defs, "")
    whole["properties"] = {key: value for key, value in whole["properties"].items() if key != tag}
    whole["required"] = [key for key in whole.get("required", []) if key != tag]
    forms = [whole, *([whole["properties"][field]] if field else []), *([{"type": "null"}] if may_be_empty else [])]
    return {"anyOf": forms} if len(forms) > 1 else whole


def _single_key(settings: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": settings,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _keras_object(cls: type[KerasObject], schema: Schema) -> Schema:
    known = cls.known_arguments()
    described = {"description": schema.get("description", "")}
    if issubclass(cls, WordOfKeras):
        settings = {
            name: {
                "anyOf": [
                    {"type": "object", "properties": dict.fromkeys(arguments, True), "additionalProperties": False},
                    {"type": "null"},
                    *([{"type": ["number", "string", "boolean"]}] if cls.word(name) else []),
                ]
            }
            for name, arguments in known.items()
        }
        return {**described, "anyOf": [{"type": "string", "enum": sorted(known)}, _single_key(settings)]}
    own = {key: value for key, value in schema.get("properties", {}).items() if key != "name"}
    forms: dict[tuple[str, ...], list[str]] = {}
    for name, arguments in known.items():
        forms.setdefault(tuple(sorted(arguments)), []).append(name)
    return {
        **described,
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    **dict.fromkeys(arguments, True),
                    **own,
                    "name": {"type": "string", "enum": sorted(names)},
                },
                "required": ["name"],
                "additionalProperties": False,
            }
            for arguments, names in sorted(forms.items())
        ],
    }


def _or_reference(schema: Any) -> Any:
    """A value, or a `${...}` in its place."""
    if not isinstance(schema, dict) or (
        schema.get("type") == "string" and not {"enum", "const", "pattern"} & set(schema)
    ):
        return schema
    outer = {key: schema[key] for key in ("description", "default") if key in schema}
    inner = {key: value for key, value in schema.items() if key not in outer}
    if set(inner) == {"anyOf"}:
        return {**outer, "anyOf": [*inner["anyOf"], _REFERENCE]}
    return {**outer, "anyOf": [inner, _REFERENCE]}


def _partial(schema: Schema) -> Schema:
    """A definition of which a base may give a part."""
    new = {key: value for key, value in schema.items() if key != "required"}
    if "anyOf" in new:
        new["anyOf"] = [_partial(form) for form in new["anyOf"]]
    return new


def _reachable(schema: Any, defs: dict[str, Schema]) -> set[str]:
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif isinstance(here, dict):
            name = str(here.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in found:
                found.add(name)
                waiting.append(defs[name])
            waiting += here.values()
    return found


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
