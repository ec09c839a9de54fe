"""A functional graph of Keras as statements, one for each layer, in the order in which it was made."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from dlkit.config.problems import Key
from dlkit.export.script.code import Call, Code, flat, literal
from dlkit.export.script.objects import Needs, cannot_be_written, made_by
from dlkit.keras_internals import call_that_made

# Names of tensors on their way; those of inputs and outputs are their own.
_NAMES = ("x", "y", "z", "u", "v", "w", "r", "s", "t")
_INFIX = {"Add": "+", "Subtract": "-", "Multiply": "*", "TrueDivide": "/", "Power": "**"}
# Operations that stand within another rather than in a line of their own.
_MOST_WITHIN = 2
_OPERATIONS = {name.replace("_", ""): name for name in dir(keras.ops) if not name.startswith("_")}


class Statement(NamedTuple):
    """A line of a function that builds a model.

    Attributes:
        name: of the variable.
        code: what it is.
        key: the setting that it comes from.
    """

    name: str
    code: Code
    key: Key


class _Made(NamedTuple):
    """A call of a layer, or of another operation, and what it gave."""

    operation: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    outputs: list[Any]


@dataclass
class Names:
    """The variables of a function.

    Attributes:
        of_tensors: what stands for each Keras tensor, by its identity.
        reserved: names that are not for tensors on their way.
    """

    of_tensors: dict[int, Code]
    reserved: set[str]


def statements(
    outputs: Mapping[str, Any], names: Names, needs: Needs, origins: Mapping[str, Key], key: Key = ("model",)
) -> list[Statement]:
    """The statements that make some tensors; `names` gets theirs.

    Args:
        outputs: Keras tensors, by the names that their variables are to have; an empty one takes any.
        names: those of the tensors that are there already.
        needs: gets what is too long for a line, and imports.
        origins: of the layers, by their names.
        key: of all others.

    Raises:
        ConfigError: if a layer or an operation cannot be written.
    """
    return _Writer(outputs, names, needs, origins, key).written()


def count_operations(outputs: Sequence[Any], inputs: Sequence[Any]) -> int:
    """How many operations that are no layers lie between tensors."""
    made = _between(outputs, {id(x) for x in inputs})
    return sum(not isinstance(one.operation, keras.layers.Layer) for one in made)


def _between(outputs: Sequence[Any], known: set[int]) -> list[_Made]:
    """The calls between known tensors and others, in the order in which they were made."""
    found: dict[int, tuple[float, _Made]] = {}
    waiting = [x for x in outputs if id(x) not in known]
    while waiting:
        tensor = waiting.pop()
        made = _Made(*call_that_made(tensor))
        if id(made.outputs[0]) in found:
            continue
        found[id(made.outputs[0])] = (_number(made.outputs[0]), made)
        waiting += [x for x in _tensors(made) if id(x) not in known]
    return [made for _, made in sorted(found.values(), key=lambda pair: pair[0])]


def _number(tensor: Any) -> float:
    """The number that Keras gave a tensor: they rise in the order in which tensors are made."""
    match = re.match(r"keras_tensor(_(\d+))?", tensor.name)
    if match is None:  # an output of the preprocessing, which is called as its input
        return max(map(_number, _tensors(_Made(*call_that_made(tensor)))), default=-1.0) + 0.5
    return float(match[2] or 0)


def _tensors(made: _Made) -> list[Any]:
    return [x for x in keras.tree.flatten((made.arguments, made.keywords)) if isinstance(x, keras.KerasTensor)]


class _Writer:
    def __init__(
        self, outputs: Mapping[str, Any], names: Names, needs: Needs, origins: Mapping[str, Key], key: Key
    ) -> None:
        self._names, self._needs, self._origins, self._key = names, needs, origins, key
        self._made = _between(list(outputs.values()), set(names.of_tensors))
        # Operations belong to the layer before them.
        self._here = key
        self._wanted = {id(x): name for name, x in outputs.items()}
        self._within = _within(self._made, self._wanted)
        self._last = _last_uses(self._made, self._wanted, self._within)
        self._layers: dict[int, str] = {}
        self._written: list[Statement] = []
        # Variables, and the tensors that they hold.
        self._holds = {flat(code): n for n, code in names.of_tensors.items() if flat(code) not in names.reserved}

    def written(self) -> list[Statement]:
        """All statements."""
        for number, made in enumerate(self._made):
            self._write(number, made)
        return self._written

    def _write(self, number: int, made: _Made) -> None:
        is_layer = isinstance(made.operation, keras.layers.Layer)
        code = self._called(made) if is_layer else self._computed(made)
        if number in self._within:
            self._names.of_tensors[id(made.outputs[0])] = code
            return
        targets = [self._name(number, made, x) for x in made.outputs]
        self._here = self._origins.get(made.operation.name, self._here)
        self._written.append(Statement(", ".join(targets), code, self._here))
        self._names.of_tensors |= {id(x): name for x, name in zip(made.outputs, targets, strict=True)}

    def _name(self, number: int, made: _Made, tensor: Any) -> str:
        """The variable of a tensor: that of one which is not needed any more, where there is one."""
        wanted = self._wanted.get(id(tensor))
        if wanted:
            return wanted
        free = [name for name, held in self._holds.items() if self._last.get(held, -1) <= number]
        candidates = ["mask", *(f"mask_{n}" for n in range(2, 9))] if tensor.dtype == "bool" else list(_NAMES)
        taken = {name for name in self._holds if name not in free} | self._names.reserved
        # The path that a call goes on with keeps its name.
        own = [flat(self._names.of_tensors[id(x)]) for x in _tensors(made)]
        first = [name for name in own if name in free and name in candidates]
        more = (f"x_{i}" for i in range(2, 1000))
        name = next(n for n in (*first, *candidates, *more) if n not in taken)
        self._holds[name] = id(tensor)
        return name

    def _called(self, made: _Made) -> Code:
        """A layer, made where it is called first."""
        layer = made.operation
        key = self._origins.get(layer.name, self._key)
        arguments = [self._argument(x, layer.name) for x in made.arguments]
        # Keras notes whether a layer was called in training; a model says so itself.
        stated = {n: x for n, x in made.keywords.items() if x is not None and n != "training"}
        keywords = {n: self._argument(x, layer.name) for n, x in stated.items()}
        if id(layer) in self._layers:
            return Call(self._layers[id(layer)], arguments, keywords)
        call = made_by(layer, self._needs, key)
        if len(list(_calls_in(self._made, layer))) > 1:
            name = layer.name if layer.name.isidentifier() else f"layer_{len(self._layers)}"
            name = f"{name}_layer"
            self._layers[id(layer)] = name
            self._written.append(Statement(name, call, key))
            call = Call(name)
            return Call(name, arguments, keywords)
        return Call(call, arguments, keywords)

    def _computed(self, made: _Made) -> Code:
        """An operation of `keras.ops`."""
        kind = type(made.operation).__name__
        if _changes_nothing(made):
            return self._argument(made.arguments[0], kind)
        if kind == "GetItem":
            x, place = made.arguments
            return f"{_bracketed(self._argument(x, kind))}[{_slices(place)}]"
        arguments = [self._argument(x, kind.lower()) for x in made.arguments]
        # An array of NumPy's would try to do it itself.
        of_tensors = not any(isinstance(code, Call) and code.function == "np.array" for code in arguments)
        if kind in _INFIX and len(arguments) == 2 and of_tensors:
            return f"{_bracketed(arguments[0])} {_INFIX[kind]} {_bracketed(arguments[1])}"
        function = _OPERATIONS.get(kind.lower())
        if function is None:
            raise cannot_be_written(f"`{kind}` is no operation of keras.ops", self._key)
        taken = inspect.signature(getattr(keras.ops, function)).parameters
        try:
            config = {n: v for n, v in made.operation.get_config().items() if n != "name"}
        except NotImplementedError:
            config = {n: v for n, v in vars(made.operation).items() if n in taken}
        if config.keys() - taken.keys():
            raise cannot_be_written(f"`keras.ops.{function}` has other arguments than its operation", self._key)
        keywords = {n: self._argument(x, f"{function}_{n}") for n, x in {**config, **made.keywords}.items()
                    if x is not taken[n].default and x != taken[n].default}  # fmt: skip
        return Call(f"ops.{function}", arguments, keywords)

    def _argument(self, x: Any, label: str) -> Code:
        """An argument of a call: tensors by their variables, values as they are."""
        if isinstance(x, keras.KerasTensor):
            return self._names.of_tensors[id(x)]
        if isinstance(x, list | tuple) and any(isinstance(one, keras.KerasTensor) for one in x):
            return Call("", [self._argument(one, label) for one in x], brackets="[]")
        if hasattr(x, "numpy"):
            x = np.asarray(x)
        try:
            if isinstance(x, np.ndarray | list | tuple):
                return self._constant(x, label)
            return literal(x)
        except TypeError:
            raise cannot_be_written(f"an argument of `{label}` is no plain value", self._key) from None

    def _constant(self, x: Any, label: str) -> Code:
        code = self._needs.or_literal(label, x)
        if not isinstance(x, np.ndarray) or isinstance(code, str):
            return code
        return Call("np.array", [code, literal(x.dtype.name)])


def _within(every: Sequence[_Made], wanted: Mapping[int, str]) -> set[int]:
    """The numbers of the operations that stand within others rather than in a line of their own."""
    users: dict[int, list[_Made]] = {}
    same: dict[int, int] = {}
    for made in every:
        if _changes_nothing(made):
            given = id(made.arguments[0])
            same[id(made.outputs[0])] = same.get(given, given)
            continue
        for x in _tensors(made):
            users.setdefault(same.get(id(x), id(x)), []).append(made)
    sizes: dict[int, int] = {}
    found = set()
    for number, made in enumerate(every):
        if isinstance(made.operation, keras.layers.Layer) or id(made.outputs[0]) in wanted:
            continue
        used_by, nothing = users.get(id(made.outputs[0]), []), _changes_nothing(made)
        size = sum(sizes.get(id(x), 0) for x in _tensors(made)) + (not nothing)
        alone = len(used_by) == 1 and not isinstance(used_by[0].operation, keras.layers.Layer)
        if len(made.outputs) == 1 and (nothing or (alone and size <= _MOST_WITHIN)):
            found.add(number)
            sizes[id(made.outputs[0])] = size
    return found


def _last_uses(every: Sequence[_Made], wanted: Mapping[int, str], within: set[int]) -> dict[int, int]:
    """The number of the last statement that needs each tensor; those that are wanted are needed to the end."""
    last = dict.fromkeys(wanted, len(every))
    for number in reversed(range(len(every))):
        made = every[number]
        # What stands within another statement is computed there.
        here = last[id(made.outputs[0])] if number in within else number
        for x in _tensors(made):
            last[id(x)] = max(last.get(id(x), 0), here)
    return last


def _changes_nothing(made: _Made) -> bool:
    """Whether an operation gives what it takes: a cast to the same type, or a slice of everything."""
    kind = type(made.operation).__name__
    if kind == "Cast":
        return bool(made.arguments[0].dtype == made.outputs[0].dtype)
    if kind != "GetItem":
        return False
    place = made.arguments[1]
    parts = place if isinstance(place, tuple) else (place,)
    return all(isinstance(p, slice) and (p.start or 0, p.stop, p.step or 1) == (0, None, 1) for p in parts)


def _calls_in(every: Sequence[_Made], layer: Any) -> list[_Made]:
    return [made for made in every if made.operation is layer]


def _bracketed(code: Code) -> str:
    """An operand."""
    text = flat(code)
    return f"({text})" if isinstance(code, str) and " " in text else text


def _slices(key: Any) -> str:
    """What stands between the brackets of an index."""
    parts = key if isinstance(key, tuple) else (key,)
    return ", ".join(_slice(part) for part in parts)


def _slice(part: Any) -> str:
    if not isinstance(part, slice):
        return "None" if part is None else flat(literal(part))
    start, stop, step = ("" if x is None else flat(literal(x)) for x in (part.start, part.stop, part.step))
    return f"{start}:{stop}:{step}" if step else f"{start}:{stop}"
