"""What every section of a configuration shares: unknown keys refused, no coercion, bare words for named objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from dlkit.config import keras_names
from dlkit.schema.registry import added_arguments


class Section(BaseModel):
    """A mapping of the configuration. Immutable; a value of the wrong type is an error, never converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_default=False, defer_build=True)

    # What people write for a field elsewhere, comma-separated, by the field's name.
    fields_also_called: ClassVar[Mapping[str, str]] = {}
    # What people write for a word that a field may have, by field and word.
    words_also_called: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    @classmethod
    def instead_of(cls, name: str, value: Any) -> str:
        """A label that says what to write instead of a value of the wrong type; empty where that is not known."""
        return ""

    @classmethod
    def set_by(cls, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Of the settings those that another one sets, where they are not stated, and which one does.

        Args:
            values: of all settings of the section.
        """
        return {}


class KerasObject(Section):
    """A Keras object by name, with arguments of its constructor beside the name: `{name: huber, delta: 0.5}`.

    The arguments are checked against the table of Keras names; their values are checked by Keras itself when the
    object is made.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    category: ClassVar[str] = ""
    reserved: ClassVar[frozenset[str]] = frozenset()

    name: str = Field(description="Name in Keras, in snake_case.")

    @property
    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments that the configuration gives."""
        return dict(self.model_extra or {})

    @classmethod
    def known_arguments(cls) -> dict[str, list[str]]:
        """The arguments that a configuration may state, by name: Keras's, and those that plug-ins add."""
        table = {**keras_names.table()[cls.category], **added_arguments(cls.category)}
        return {name: [a for a in arguments if a not in cls.reserved] for name, arguments in table.items()}

    @classmethod
    def hint(cls, name: str) -> str:
        """A label for a word that is none of the names and yet known; empty for any other."""
        return ""

    @model_validator(mode="after")
    def _known(self) -> KerasObject:
        known = self.known_arguments()
        if self.name not in known:
            raise unknown_choice(self.name, sorted(known), self.hint(self.name))
        check_arguments(self, self.name, known[self.name])
        return self


def known_name(category: str) -> Callable[[Any], str]:
    """A validator that accepts the names of one category of the Keras table and nothing else."""

    def check(name: Any) -> str:
        if not isinstance(name, str) or name not in keras_names.table()[category]:
            nothing = "did you mean `linear`?" if name is None and category == "activations" else ""
            raise unknown_choice(str(name), sorted(keras_names.table()[category]), nothing, tag="")
        return name

    return check


def unknown_choice(value: str, choices: list[str], hint: str = "", tag: str = "name") -> PydanticCustomError:
    """The error for a word under `tag`, empty for the word itself, that is none of `choices`; `hint` is its label."""
    details = {"tag": tag, "value": value, "choices": choices, "hint": hint}
    return PydanticCustomError("unknown-choice", "{tag}", details)


# Endings of arguments whose words are names of Keras's, and the category of those.
_WORDS = {
    "activation": "activations", "initializer": "initializers", "regularizer": "regularizers",
    "constraint": "constraints",
}  # fmt: skip


def check_arguments(given: Section, name: str, allowed: list[str]) -> None:
    """Refuse arguments that the constructor of the named object does not have.

    Args:
        given: the object as the configuration states it.
        name: of the object.
        allowed: the arguments that the configuration may give.

    Raises:
        ValidationError: one error for each such argument.
    """
    choices = [*type(given).model_fields, *allowed]
    errors = [
        InitErrorDetails(type=error, loc=(key,), input=value)
        for key, value in (given.model_extra or {}).items()
        if (error := _wrong_argument(key, value, name, allowed, choices)) is not None
    ]
    if errors:
        raise ValidationError.from_exception_data(type(given).__name__, errors)


def _wrong_argument(
    key: str, value: Any, name: str, allowed: list[str], choices: list[str]
) -> PydanticCustomError | None:
    """What is wrong with an argument: it is unknown, or its word is no name of Keras's; see `check_arguments`."""
    if key not in allowed:
        return PydanticCustomError("unknown-key", "{name}", {"name": name, "choices": choices})
    word, _ = word_with_arguments(value)
    known = keras_names.table().get(word_category(key), {})
    # Keras takes the names of its classes too.
    if not known or not word or keras_names.snake_case(word) in known:
        return None
    return PydanticCustomError("unknown-choice", "{value}", {"value": word, "choices": sorted(known)})


def word_category(argument: str) -> str:
    """The table of Keras's names that an argument's words are of; empty for any other argument."""
    return next((words for ending, words in _WORDS.items() if argument.endswith(ending)), "")


def word_with_arguments(value: Any) -> tuple[str, Any]:
    """A word of Keras's and what is stated beside it: `he_normal`, `{l2: 0.01}`, `{random_normal: {stddev: 0.1}}`.

    Returns:
        The word, empty where the value is none; and a mapping of arguments, or the first of them, or None.
    """
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        ((word, settings),) = value.items()
        return (word, settings) if isinstance(word, str) else ("", None)
    return "", None


def _keras_word(category: str) -> Any:
    """A string type that holds a name of one category of the Keras table; its JSON Schema lists them."""
    return Annotated[
        str,
        BeforeValidator(known_name(category)),
        WithJsonSchema({"type": "string", "enum": sorted(keras_names.table()[category])}),
    ]


def function_name(given: str) -> str:
    """Refuse text that is not `module:function`."""
    module, _, function = given.rpartition(":")
    if not module.strip() or not all(part.isidentifier() for part in function.split(".")):
        raise ValueError("it must be `module:function`, as in `my_module:make` or `my_module.py:make`")
    return given


class IsPath:
    """Marks text that is a path; a relative one starts at the folder of the file that it is written in."""


class IsFunction:
    """Marks text that names a function of a module, `module:function`: code, which the rules of plug-ins hold for."""


FilePath = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$"), IsPath()]
FunctionName = Annotated[str, AfterValidator(function_name), IsFunction()]
Activation = _keras_word("activations")
Application = _keras_word("applications")
Text = Annotated[str, Field(min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def is_path(info: FieldInfo) -> bool:
    """Whether a field holds a path, or null."""
    return _is_marked(info, IsPath)


def is_function(info: FieldInfo) -> bool:
    """Whether a field names a function of a module."""
    return _is_marked(info, IsFunction)


def _is_marked(info: FieldInfo, mark: type[Any]) -> bool:
    options = [info.annotation, *get_args(info.annotation)]
    return any(
        isinstance(m, mark) for m in [*info.metadata, *(m for o in options for m in getattr(o, "__metadata__", ()))]
    )
