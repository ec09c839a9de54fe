"""Columns of labels that targets refuse, each with what to do about it."""

from __future__ import annotations

from dlkit.config.problems import ConfigError, Problem
from dlkit.schema.column import ColumnSettings
from dlkit.schema.source import SourceField

# What to do about rows without a label.
LEAVE_OUT = "give it one, or leave such rows out with `data.clean: {drop: [missing]}`"


def must_be_one(settings: ColumnSettings, name: str, column: SourceField, *, one_hot: bool) -> None:
    """Refuse a column that does not have one label for each example.

    Args:
        settings: of the target.
        name: of the target.
        column: in the source.
        one_hot: whether labels of shape (classes,) will do as well.

    Raises:
        ConfigError: naming the shape.
    """
    shape = column.shape
    if shape in (None, (), (1,)) or (one_hot and len(shape or ()) == 1):
        return
    assert shape is not None
    message = f"`{name}` must be one label for each example, but its examples have the shape {list(shape)}"
    help = "give single examples: `y.reshape(-1)` of an array of batches, `unbatch()` of a dataset"
    if len(shape) == 1 and shape[0] is not None:
        help += "; turn one-hot labels into integers: `y.argmax(axis=1)` of an array, `tf.argmax(y)` in a dataset"
    raise ConfigError(Problem("target-shape", message, settings.key_of(name), help=help))


def must_be_numbers(settings: ColumnSettings, name: str, column: SourceField) -> None:
    """Refuse a column of text or Python objects.

    Raises:
        ConfigError: naming what the column holds.
    """
    if column.dtype not in ("string", "object"):
        return
    what = "text" if column.dtype == "string" else "Python objects"
    message = f"the column of `{name}` holds {what}, not numbers"
    help = "use `kind: category` for classes" if column.dtype == "string" else "give an array of numbers"
    if column.why_text is not None:
        words, help = column.why_text()
        message = f"{message}: {words}"
    raise ConfigError(Problem("field-type", message, settings.key_of(name), help=help))


def no_classes(settings: ColumnSettings, name: str) -> ConfigError:
    """The error for a stream whose classes nothing gives."""
    message = f"the training examples of `{name}` are a stream, which is not read to find its classes"
    key = (*settings.key_of(name), "classes")
    return ConfigError(Problem("classes-unknown", message, key, help="state them, as in `classes: 10`"))
