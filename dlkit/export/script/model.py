"""The function of a script that builds the network, from inputs to logits."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import yaml

from dlkit.config.problems import Key
from dlkit.config.tree import dotted, find, plain
from dlkit.data.augment import MIXING, OwnRandomLayer
from dlkit.data.preprocessing import apply_layers
from dlkit.export.script.code import WIDTH, Call, Code, literal, statement
from dlkit.export.script.graph import Names, Statement, count_operations, statements
from dlkit.export.script.objects import Needs, cannot_be_written, made_by
from dlkit.models.build import named
from dlkit.training.prepare import Prepared

# Preprocessing with more operations is done before, and its results are written beside the script.
MOST_OPERATIONS = 12
# What a script has of its own.
TAKEN = frozenset({"keras", "layers", "ops", "np", "tf", "math", "model", "tfds"})


class Model:
    """The function that builds the network, from raw inputs to logits.

    Attributes:
        as_prepared: the inputs that it takes as the host stage leaves them.
    """

    def __init__(self, prepared: Prepared, needs: Needs) -> None:
        self._prepared, self._built, self._needs = prepared, prepared.built, needs
        # What stands for inputs and targets in the function.
        self._variables = {name: variable_of(name) for name in (*self._built.spec.inputs, *self._built.spec.targets)}
        self._inputs = {n: keras.Input(x.shape, dtype=x.dtype, name=n) for n, x in self._built.spec.inputs.items()}
        self.as_prepared = {name for name in self._inputs if self._is_prepared_before(name)}

    def _is_prepared_before(self, name: str) -> bool:
        """Whether the host stage of an input is long, or sizes vary before it."""
        x = self._inputs[name]
        if None in x.shape[1:]:
            return True
        return count_operations([self._on_host(name, x)], [x]) > MOST_OPERATIONS

    def _on_host(self, name: str, x: Any) -> Any:
        return apply_layers(self._built.preprocessing.host[name], x)

    def function(self) -> Iterator[str]:
        """Its lines, but for the last."""
        built, spec = self._built, self._built.spec
        yield "def build_model():"
        yield '    """The network, from inputs to logits."""'
        reserved = {*self._variables.values(), "model"}
        for name in spec.inputs:
            yield from self._input(name)
        written: list[Statement] = []
        ready: dict[str, Code] = {}
        for name in spec.inputs:
            found, ready[name] = self._preprocessing(name, reserved)
            written += found
        inputs = named(built.network.input, spec.inputs)
        names = Names({id(x): ready[n] for n, x in inputs.items()}, reserved)
        outputs = {self._variables[n]: x for n, x in named(built.network.output, spec.targets).items()}
        written += statements(outputs, names, self._needs, built.origins)
        yield from self._commented(written)

    def ending(self, *, load_weights: bool) -> list[str]:
        """Its last lines."""
        spec = self._built.spec
        arguments = [self._unwrapped(list(names)) for names in (spec.inputs, spec.targets)]
        model = Call("keras.Model", arguments, {"name": literal(self._built.model.name)})
        if not load_weights:
            return list(statement(model, before="return "))
        return [
            *statement(model, before="model = "),
            "    # The seed alone does not give them.",
            '    model.load_weights(Path(__file__).with_suffix(".weights.h5"))',
            "    return model",
        ]

    def _input(self, name: str) -> Iterator[str]:
        x = self._inputs[name]
        if name in self.as_prepared:
            spec = self._prepared.splits.spec.inputs[name]
            x = keras.Input(spec.shape, dtype=spec.dtype, name=name)
            yield f"    # As dlkit prepared it: {', '.join(_host_words(self._prepared, name))}."
        shape, dtype = literal(tuple(x.shape[1:])), literal(keras.backend.standardize_dtype(x.dtype))
        call = Call("keras.Input", [shape], {"dtype": dtype, "name": literal(name)})
        yield from statement(call, before=f"{self._variables[name]} = ")

    def _unwrapped(self, names: list[str]) -> Code:
        """The variable of an input or target, or a dictionary of several."""
        if len(names) == 1:
            return self._variables[names[0]]
        return Call("", keywords={n: self._variables[n] for n in names}, brackets="{}")

    def _preprocessing(self, name: str, reserved: set[str]) -> tuple[list[Statement], Code]:
        """The statements between an input and the network, and the variable that they end in."""
        built, key = self._built, self._built.spec.inputs[name].key
        if name in self.as_prepared:
            spec = self._prepared.splits.spec.inputs[name]
            x = keras.Input(spec.shape, dtype=spec.dtype, name=name)
            prepared = built.preprocessing.for_network(name, x)
        else:
            x = self._inputs[name]
            prepared = built.preprocessing.whole(name, x)
        own = self._variables[name]
        names = Names({id(x): own}, reserved)
        variable = "x" if len(self._inputs) == 1 and "x" not in reserved else f"{own}_prepared"
        found: list[Statement] = []
        if prepared is not x:
            found = statements({variable: prepared}, names, self._needs, {}, key)
        end: Code = variable if prepared is not x else own
        for number, layer in enumerate(built.preprocessing.augment[name]):
            step = (*key, "augment", number)
            if isinstance(layer, (OwnRandomLayer, *MIXING)):
                raise cannot_be_written("this random step is no layer of Keras's", step, "leave it out for the export")
            found.append(Statement(variable, Call(made_by(layer, self._needs, step), [end]), step))
            end = variable
        return found, end

    def _commented(self, written: Sequence[Statement]) -> Iterator[str]:
        """The statements, with the line of the configuration where another one begins."""
        before: Key | None = None
        seen: set[Key] = set()
        for one in written:
            if one.key != before:
                yield _comment(self._prepared, one.key, again=one.key in seen)
            before = one.key
            seen.add(one.key)
            yield from statement(one.code, before=f"{one.name} = ")


def variable_of(name: str) -> str:
    """A name as Python takes it for a variable of a script."""
    words = re.sub(r"\W", "_", name)
    taken = keyword.iskeyword(words) or words in TAKEN or words[:1].isdigit()
    return f"{words}_" if taken and not words[:1].isdigit() else f"_{words}" if taken else words


def _host_words(prepared: Prepared, name: str) -> list[str]:
    """What the host stage of an input does, in words of the configuration."""
    settings = prepared.config.data.inputs[name]
    return [f"kind {settings.kind}", *(step.step for step in settings.preprocess)]


def _comment(prepared: Prepared, key: Key, *, again: bool) -> str:
    """A setting as the configuration has it, in a line; where it stands alone if it was shown before."""
    node, words = find(prepared.loaded.root, key), dotted(key)
    if node is not None and not again:
        value = yaml.safe_dump(plain(node), default_flow_style=True, width=10_000, sort_keys=False)
        words += f": {value.removesuffix(chr(10)).removesuffix(chr(10) + '...').strip()}"
    return f"    # {words}" if len(words) <= WIDTH - 6 else f"    # {words[: WIDTH - 7].rstrip()}…"
