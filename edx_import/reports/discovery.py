"""Command modules, found by path: one file, one command. Listing reads the files without importing any; running imports exactly one."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, NoReturn

from edx_import.errors import ConfigurationError, UsageError
from edx_import.reports.options import CommandOption, options_of
from edx_import.reports.report import Column, Report

_PACKAGE = Path(__file__).resolve().parent.parent
_HOW = "docs/writing-a-command.md shows what a command module looks like."


class BrokenCommandError(ConfigurationError):
    """A command module that cannot be used; names its file and line. The original error is the cause, without frames of ours."""


@dataclass(frozen=True, slots=True)
class CommandInfo:
    """What the text of a command module tells without running it. `summary` is the first line of its docstring."""

    name: str
    path: Path
    summary: str = ""
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command module, imported. `run` takes a context, then the options by name."""

    name: str
    path: Path
    summary: str
    help: str
    columns: tuple[Column, ...]
    options: tuple[CommandOption, ...]
    writes: bool
    run: Callable[..., Report]


def bundled_folder() -> Path:
    """The folder of the commands that come along: inside the package when it is installed, beside it in a clone. Raises ConfigurationError."""
    for folder in (_PACKAGE / "_commands", _PACKAGE.parent / "commands"):
        if folder.is_dir():
            return folder
    raise ConfigurationError("the commands that come with edx-import are not there", "The installation is not complete: install edx-import again.")


def list_commands(folders: Sequence[Path]) -> list[CommandInfo]:
    """Every command of the folders by name, read but not imported. Raises ConfigurationError (a folder is missing, two files have one name)."""
    return [_read(name, path) for name, path in sorted(_files(folders).items())]


def load_command(name: str, folders: Sequence[Path]) -> Command:
    """Imports one command. Raises UsageError (no such command), ConfigurationError (see `list_commands`), BrokenCommandError."""
    files = _files(folders)
    if name not in files:
        close = difflib.get_close_matches(name.replace("-", "_"), files, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(close)}?" if close else "`edx-import cmd --list` names the commands that exist."
        raise UsageError(f"there is no command {name!r}", hint)
    try:
        return _command(_import(name, files[name]), name, files[name])
    except BrokenCommandError:
        sys.modules.pop(_module_name(name), None)
        raise


def _module_name(name: str) -> str:
    return f"edx_import_command_{name}"


def _files(folders: Iterable[Path]) -> dict[str, Path]:
    """The command modules by name. Names that begin with `_` or `.` are no commands."""
    found: dict[str, Path] = {}
    clashes = []
    for folder in dict.fromkeys(path.resolve() for path in folders):
        for path in _modules(folder):
            other = found.setdefault(path.stem, path)
            if other != path:
                clashes.append(f"{other} and {path}")
    if clashes:
        raise ConfigurationError(f"two commands have one name: {', '.join(clashes)}", "Rename one of the files.", clashes)
    return found


def _modules(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.stem[0] not in "_." and path.is_file())
    except OSError as error:
        what = f"the command folder {folder} cannot be read: {(error.strerror or str(error)).lower()}"
        raise ConfigurationError(what, "Check COMMANDS_PATH, and that the folder is mounted.") from error


def _read(name: str, path: Path) -> CommandInfo:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        return CommandInfo(name, path, f"(cannot be read: {line}{_reason(error)})")
    return CommandInfo(name, path, _first_line(ast.get_docstring(tree)), any(map(_says_it_writes, tree.body)))


def _says_it_writes(statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []
    named = any(isinstance(target, ast.Name) and target.id == "WRITES" for target in targets)
    value = getattr(statement, "value", None)
    return named and isinstance(value, ast.Constant) and value.value is True


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0].strip()


def _import(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(_module_name(name), path)
    if spec is None or spec.loader is None:
        raise BrokenCommandError(f"{path} is not a Python module", _HOW)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and the like look their module up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        _broken(path, error)
    return module


def _command(module: ModuleType, name: str, path: Path) -> Command:
    run = getattr(module, "run", None)
    columns = getattr(module, "COLUMNS", ())
    if not callable(run):
        raise BrokenCommandError(f"{path}: there is no function run", _HOW)
    if not isinstance(columns, (list, tuple)) or not all(isinstance(column, Column) for column in columns):
        raise BrokenCommandError(f"{path}: COLUMNS must be a list or tuple of Column", _HOW)
    try:
        options = options_of(run)
    except (TypeError, NameError, ValueError) as error:
        code = getattr(run, "__code__", None)
        _broken(path, error, code.co_firstlineno if code else 0)
    text = (module.__doc__ or "").strip()
    return Command(name, path, _first_line(text), text, tuple(columns), options, getattr(module, "WRITES", False) is True, run)


def _broken(path: Path, error: BaseException, line: int = 0) -> NoReturn:
    theirs = _frames_of(path, error.__traceback__)
    line = line or _line_in(path, error, theirs)
    where = f"{path}, line {line}" if line else str(path)
    raise BrokenCommandError(f"{where}: {type(error).__name__}: {_reason(error)}", _HOW) from error.with_traceback(theirs)


def _frames_of(path: Path, traceback: TracebackType | None) -> TracebackType | None:
    """The traceback from the module's first frame on."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename != str(path):
        traceback = traceback.tb_next
    return traceback


def _line_in(path: Path, error: BaseException, traceback: TracebackType | None) -> int:
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 0
    line = 0
    while traceback is not None:
        line = traceback.tb_lineno if traceback.tb_frame.f_code.co_filename == str(path) else line
        traceback = traceback.tb_next
    return line


def _reason(error: BaseException) -> str:
    text: Any = error.msg if isinstance(error, SyntaxError) else error
    return str(text) or type(error).__name__
