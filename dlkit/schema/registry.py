"""Registries: what a configuration can choose from, by name. A name is a file of a folder, or comes from a plug-in.

    SOURCES = Registry("source", package="dlkit.sources", base=SourceSettings, tag="kind")
    SOURCES.names()      # ["bundled", "npz", "tfds"]: the files of the folder, none of them imported
    SOURCES["npz"]       # imports dlkit/sources/npz.py, and gives its class
    SOURCES.type()       # the type of a setting that holds one of them

What plug-ins add belongs to the configuration that names them. It is there within `plugged`, and nowhere else: a
configuration without `plugins:` never sees a name that another one brought.
"""

from __future__ import annotations

import builtins
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, Generic, TypeVar, get_args

from pydantic import BaseModel

from dlkit.config.choices import Choice
from dlkit.config.short_forms import ShortForm

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Additions:
    """What the plug-ins of one configuration add.

    Attributes:
        classes: for each registry, by its `what`: name to class.
        arguments: for each category of Keras objects: name to the arguments that a configuration may give.
    """

    classes: dict[str, dict[str, type[BaseModel]]] = field(default_factory=dict)
    arguments: dict[str, dict[str, list[str]]] = field(default_factory=dict)


_PLUGGED: ContextVar[Additions] = ContextVar("additions of plug-ins", default=Additions())  # noqa: B039


@contextmanager
def plugged(additions: Additions) -> Iterator[None]:
    """Within the block, registries and Keras's names hold these additions, and no others."""
    token = _PLUGGED.set(additions)
    try:
        yield
    finally:
        _PLUGGED.reset(token)


def added_arguments(category: str) -> Mapping[str, list[str]]:
    """The Keras objects of one category that plug-ins add, with their arguments."""
    return _PLUGGED.get().arguments.get(category, {})


class Registry(Generic[T]):
    """The classes of one family, by name.

    Args:
        what: the family in a word, as messages call it.
        base: the class that all of them derive from.
        tag: the field that holds the name, as a `Literal` of one word.
        package: folder whose files each hold one of them; private files (`_x.py`) hold none.
        classes: the classes themselves, where they are not files of their own.
        short_form: what may be written instead of the mapping.
        hint: a label for a word that is none of the names.
        default: the name of a mapping that has none, whose class has it as the default of its tag.
    """

    def __init__(
        self,
        what: str,
        base: builtins.type[T],
        tag: str,
        *,
        package: str | None = None,
        classes: Sequence[builtins.type[T]] = (),
        short_form: ShortForm | None = None,
        hint: Callable[[str], str] = lambda name: "",
        default: str | None = None,
    ) -> None:
        self.what, self.base, self.tag, self.package = what, base, tag, package
        self.short_form, self.hint, self.default = short_form, hint, default
        self._classes: dict[str, type[T]] = {name: cls for cls in classes if (name := name_of(cls, tag)) is not None}

    def names(self) -> list[str]:
        """Every name, in order; those of plug-ins last."""
        return [*self.own_names, *_PLUGGED.get().classes.get(self.what, {})]

    @cached_property
    def own_names(self) -> list[str]:
        """The names that are dlkit's own."""
        if self.package is None:
            return list(self._classes)
        modules = pkgutil.iter_modules(import_module(self.package).__path__)
        return sorted(module.name for module in modules if not module.name.startswith("_"))

    def __getitem__(self, name: str) -> builtins.type[T]:
        """The class of a name.

        Raises:
            KeyError: if there is none; an unknown name never stands for anything.
        """
        added = _PLUGGED.get().classes.get(self.what, {})
        if name in added:
            return added[name]  # type: ignore[return-value]
        if name not in self.own_names:
            raise KeyError(f"there is no {self.what} `{name}`; there is {', '.join(self.names())}")
        if name not in self._classes:
            self._classes[name] = self._imported(name)
        return self._classes[name]

    def __contains__(self, name: object) -> bool:
        return name in self.own_names or name in _PLUGGED.get().classes.get(self.what, {})

    def add(self, name: str, cls: builtins.type[T], additions: Additions) -> None:
        """Add a plug-in's class to what its configuration adds.

        Raises:
            TypeError: if it is not of this family, or its tag is not that name.
        """
        if not issubclass(cls, self.base):
            raise TypeError(f"it must derive from {self.base.__name__}")
        if name_of(cls, self.tag) != name:
            raise TypeError(f'its field `{self.tag}` must have the type Literal["{name}"]')
        additions.classes.setdefault(self.what, {})[name] = cls

    def type(self, fits: Callable[[builtins.type[T]], bool] | None = None) -> Any:
        """The type of a setting that holds one of the family.

        Args:
            fits: which of the classes may stand there; all of them if None.
        """
        return Annotated[self.base, _Registered(self, fits)]

    def base_for_functions(self) -> builtins.type[Any] | None:
        """The class for plain functions of plug-ins, `FromFunction` in the folder's `_plugin.py`; None without one."""
        if self.package is None or find_spec(f"{self.package}._plugin") is None:
            return None
        base: type[Any] = import_module(f"{self.package}._plugin").FromFunction
        return base

    def _imported(self, name: str) -> builtins.type[T]:
        module = import_module(f"{self.package}.{name}")
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, self.base)
            and value.__module__ == module.__name__
            and name_of(value, self.tag) == name
        ]
        if len(found) != 1:
            raise TypeError(f"{module.__name__} must define one {self.base.__name__} with {self.tag}: {name!r}")
        return found[0]


def name_of(cls: type[BaseModel], tag: str) -> str | None:
    """The name that a class has: the only word of its tag's `Literal`."""
    words = get_args(cls.model_fields[tag].annotation) if tag in cls.model_fields else ()
    return words[0] if len(words) == 1 and isinstance(words[0], str) else None


class _Registered(Choice, Generic[T]):
    """The type of a setting that holds one of a registry's classes."""

    def __init__(self, registry: Registry[T], fits: Callable[[type[T]], bool] | None) -> None:
        self.registry, self.fits = registry, fits
        self.tag, self.base, self.short_form = registry.tag, registry.base, registry.short_form
        self.default = registry.default

    def names(self) -> list[str]:
        every = self.registry.names()
        return every if self.fits is None else [name for name in every if self.fits(self.registry[name])]

    def __getitem__(self, name: str) -> type[T]:
        return self.registry[name]

    def __contains__(self, name: object) -> bool:
        known = isinstance(name, str) and name in self.registry
        return known and (self.fits is None or self.fits(self.registry[str(name)]))

    def synonyms(self) -> dict[str, str]:
        return {name: getattr(self.registry[name], "also_called", "") for name in self.names()}

    def hint(self, name: str) -> str:
        return self.registry.hint(name)
