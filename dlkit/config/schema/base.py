"""What every section of a configuration shares: unknown keys refused, no coercion, bare words for named objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from dlkit.config import keras_names


class Section(BaseModel):
    """A mapping of the configuration. Immutable; a value of the wrong type is an error, never converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=False)


class KerasObject(Section):
    """A Keras object by name, with arguments of its constructor beside the name: `{name: huber, delta: 0.5}`.

    The arguments are checked against the table of Keras names; their values are checked by Keras itself when the
    object is made.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments that the configuration gives."""
        return dict(self.model_extra or {})


def bare_word(key: str) -> BeforeValidator:
    """Let a plain word stand for `{key: word}`, as in `optimizer: adam`."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def known_name(category: str) -> Callable[[str], str]:
    """A validator that accepts the names of one category of the Keras table and no other."""

    def check(name: str) -> str:
        if name not in keras_names.table()[category]:
            raise unknown_choice(name, sorted(keras_names.table()[category]), category.replace("_", " "))
        return name

    return check


def unknown_choice(value: str, choices: list[str], what: str) -> PydanticCustomError:
    """The error for a word that is none of `choices`."""
    return PydanticCustomError("unknown-choice", "{what}", {"what": what, "value": value, "choices": choices})


def check_arguments(given: KerasObject, category: str, reserved: frozenset[str] = frozenset()) -> None:
    """Refuse arguments that the constructor of the named Keras object does not have.

    Args:
        given: the object as the configuration states it; its name is known to the table.
        category: the category of the Keras table.
        reserved: arguments that dlkit sets itself and the configuration may not.

    Raises:
        ValidationError: one error for each such argument.
    """
    allowed = [a for a in keras_names.table()[category][given.name] if a not in reserved]
    errors = [
        InitErrorDetails(
            type=PydanticCustomError("unknown-key", "{name}", {"name": given.name, "choices": [*allowed, "name"]}),
            loc=(key,),
            input=value,
        )
        for key, value in given.arguments.items()
        if key not in allowed
    ]
    if errors:
        raise ValidationError.from_exception_data(type(given).__name__, errors)


def _keras_word(category: str) -> Any:
    """A string type that holds a name of one category of the Keras table; its JSON Schema lists them."""
    return Annotated[
        str,
        AfterValidator(known_name(category)),
        WithJsonSchema({"type": "string", "enum": sorted(keras_names.table()[category])}),
    ]


Activation = _keras_word("activations")
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
