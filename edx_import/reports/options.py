"""The options of a command: read from the signature of its `run`, so that they are declared once."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

TYPES: tuple[type[Any], ...] = (str, int, float, bool, date, Path)

_VALUES = {str: "TEXT", int: "NUMBER", float: "NUMBER", bool: "", date: "DATE", Path: "FILE"}

#: Every report command has these, and no option of its own of one of these names.
SHARED = frozenset("site org course since until format output save anonymize excel delimiter limit list help".split())


@dataclass(frozen=True, slots=True)
class Option:
    """What a keyword-only parameter of `run` means: `weeks: Annotated[int, Option("how many weeks")] = 4`."""

    meaning: str


@dataclass(frozen=True, slots=True)
class Argument:
    """The same for one that is given without a name, by its place: `learner: Annotated[str, Argument("whom")]`."""

    meaning: str


@dataclass(frozen=True, slots=True)
class CommandOption:
    """One option of a command, or argument (`by_place`). `type` is one of `TYPES`, of each value when it may be given `many` times."""

    name: str
    type: type[Any]
    meaning: str
    default: Any = None
    required: bool = False
    many: bool = False
    by_place: bool = False

    @property
    def flag(self) -> str:
        """As it is written on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def value(self) -> str:
        """What a person calls its value; empty for one that has none."""
        return self.name.upper() if self.by_place else _VALUES[self.type]


def options_of(run: Callable[..., Any]) -> tuple[CommandOption, ...]:
    """The options of a `run(context, *, ...)`. Raises TypeError, saying what is wrong with the signature."""
    parameters = list(inspect.signature(run).parameters.values())
    if not parameters or parameters[0].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        raise TypeError("run must take a context first: run(context, *, ...)")
    hints = typing.get_type_hints(run, include_extras=True)
    return tuple(_option(parameter, hints.get(parameter.name)) for parameter in parameters if parameter.kind is inspect.Parameter.KEYWORD_ONLY)


def _option(parameter: inspect.Parameter, hint: Any) -> CommandOption:
    name = parameter.name
    if name in SHARED:
        raise TypeError(f"option {name} has the name of one that all commands share")
    said = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, (Option, Argument))]
    if not said:
        raise TypeError(f'option {name} does not say what it means: {name}: Annotated[TYPE, Option("...")]')
    value_type, many = _value_type(name, typing.get_args(hint)[0])
    required = parameter.default is inspect.Parameter.empty
    default = None if required else parameter.default
    return CommandOption(name, value_type, said[0].meaning, default, required, many, isinstance(said[0], Argument))


def _value_type(name: str, hint: Any) -> tuple[type[Any], bool]:
    """The type of one value, and whether there may be many. `T | None` is T, which need not be given."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        alternatives = [part for part in typing.get_args(hint) if part is not type(None)]
        hint = alternatives[0] if len(alternatives) == 1 else hint
    if hint == list[str]:
        return str, True
    if hint not in TYPES:
        raise TypeError(f"option {name} must be one of {', '.join(known.__name__ for known in TYPES)}, list[str], or one of them | None")
    return typing.cast(type[Any], hint), False
