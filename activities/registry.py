"""Which functions steps may run: those registered by name, and those in modules that the operator allows."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FunctionType
from typing import Any

from activities.failures import message_of
from activities.plugins.registry import HANDLERS, PluginRegistry, operation_name
from definitions.errors import HandlerError, HandlerNotAllowed, HandlerNotFound, LongpoleError, Problem
from definitions.nearest import did_you_mean
from definitions.values import Path as FieldPath

ENTRY_POINT_GROUP = "longpole.handlers"
OWN_PACKAGES = frozenset(
    {"definitions", "workflows", "activities", "planner", "store", "engine", "api", "longpole", "temporal_dev"}
)
_LONGEST_NAME = 256
_PART = r"[A-Za-z][A-Za-z0-9_]*"
_DOTTED = re.compile(rf"{_PART}(?:\.{_PART})*", re.ASCII)


@dataclass(frozen=True)
class Handler:
    """A function of one argument, the step's input."""

    name: str
    fn: Callable[[Any], Any]
    is_async: bool
    elsewhere: bool = False
    """It does its work on other machines: what the worker uses meanwhile says nothing of it."""


class HandlerRegistry:
    """Handlers by name: registered with `register` or by an installed package's entry point (`longpole.handlers`), or
    as `package.module.function`, where `package.module` is one of `allow` or below it; `plugin:<plugin>.<operation>` is
    one of `plugins`, and with the plugin `python` the operation is any of the others.

    `paths` are folders with users' modules; they come last on Python's import path, so that no file in them can stand
    in for another module. Raises `LongpoleError` (`handler_allow_list_invalid`) for an entry of `allow` that is no
    module path, or names Longpole itself or Python's standard library."""

    def __init__(
        self, allow: Sequence[str] = (), paths: Sequence[Path] = (), plugins: PluginRegistry | None = None
    ) -> None:
        self.plugins = plugins or PluginRegistry()
        self.allow = tuple(_allowed_prefix(entry) for entry in allow)
        for path in paths:
            folder = str(Path(path).resolve())
            if folder not in sys.path:
                sys.path.append(folder)
        self._lock = threading.Lock()
        self._handlers: dict[str, Handler] = {}
        self._installed: dict[str, EntryPoint] = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}

    def register(self, name: str, fn: Callable[[Any], Any]) -> None:
        """Makes the function a handler of that name. Raises `ValueError` for a name that is taken."""
        with self._lock:
            if name in self._handlers:
                raise ValueError(f"a handler named {name!r} is registered already")
            self._handlers[name] = _handler(name, fn)

    @property
    def names(self) -> tuple[str, ...]:
        """The registered names, sorted."""
        return tuple(sorted({*self._handlers, *self._installed}))

    def known(self, name: str) -> Handler | None:
        """The handler, if it was resolved before: no import is needed."""
        return self._handlers.get(name)

    def check(self, name: str, *, path: str = "", load: bool = False) -> Problem | None:
        """What is wrong with the name of a handler, None if nothing is. `path`: the field it is in.

        Nothing is imported but plugins' own modules, unless `load` asks for it: then modules are that `allow` has, and
        only these."""
        try:
            if load:
                self.resolve(name)
            else:
                self._refuse(name)
        except HandlerError as error:
            return Problem(error.code, path, error.message, error.remedy)
        return None

    def resolve(self, name: str) -> Handler:
        """The handler; imports its module the first time. May take as long as that import.

        Raises `HandlerNotAllowed` before anything is imported, and `HandlerNotFound` with the reason, also when the
        module itself fails; that is tried again the next time."""
        handler = self._handlers.get(name)
        if handler is None:
            self._refuse(name)
            handler = self._load(name)
            with self._lock:
                handler = self._handlers.setdefault(name, handler)
        return handler

    def check_config(self, name: str, config: object, at: FieldPath = ()) -> list[Problem]:
        """What is wrong with the input of a step with this handler, as far as that is known before the run: only
        operations of plugins have something to say. `at`: where the input is in its document.

        Raises what `PluginRegistry.operation` raises."""
        named = operation_name(name)
        if named is None or named[0] == HANDLERS:
            return []
        return self.plugins.config_problems(*named, config, at)

    def _refuse(self, name: str) -> None:
        if name in self._handlers or name in self._installed:
            return
        named = operation_name(name)
        if named is not None:
            plugin, operation = named
            if plugin == HANDLERS:
                self._refuse(operation)
            else:
                self.plugins.require(*self.plugins.operation(plugin, operation))
            return
        shown = name[:80]
        if len(name) > _LONGEST_NAME or not _DOTTED.fullmatch(name):
            raise HandlerNotAllowed(
                f"`{shown}` is not the name of a handler",
                remedy="use a registered name or `package.module.function`; no part of it may begin with `_`",
            )
        module, _, _function = name.rpartition(".")
        if not module:
            raise HandlerNotFound(
                f"no handler named `{shown}` is registered",
                remedy=did_you_mean(name, self.names) or f"known: {', '.join(self.names[:20]) or 'none'}",
            )
        if not self._allows(module):
            raise HandlerNotAllowed(
                f"`{shown}` is outside the modules that this service allows for handlers",
                remedy=f"ask its operator to allow `{module.partition('.')[0]}`, or register the function by name",
            )

    def _allows(self, module: str) -> bool:
        return any(module == prefix or module.startswith(f"{prefix}.") for prefix in self.allow)

    def _load(self, name: str) -> Handler:
        named = operation_name(name)
        if named is None:
            return self._load_installed(name) if name in self._installed else self._load_dotted(name)
        if named[0] == HANDLERS:
            return replace(self.resolve(named[1]), name=name)
        found = _handler(name, self.plugins.resolve(*named))
        return replace(found, elsewhere=self.plugins.plugin(named[0]).elsewhere)

    def _load_installed(self, name: str) -> Handler:
        point = self._installed[name]
        loaded = _import(name, point.value, point.load)
        if not callable(loaded):
            raise HandlerNotFound(f"the entry point of `{name}`, {point.value}, is not a function")
        return _handler(name, loaded)

    def _load_dotted(self, name: str) -> Handler:
        module_name, _, function_name = name.rpartition(".")
        module = _import(name, module_name, lambda: importlib.import_module(module_name))
        # Not getattr: a module's own `__getattr__` would answer for names that it does not have.
        function = vars(module).get(function_name)
        if function is None:
            functions = [key for key, value in vars(module).items() if isinstance(value, FunctionType)]
            raise HandlerNotFound(
                f"module `{module_name}` has no function `{function_name}`",
                remedy=did_you_mean(function_name, functions),
            )
        if not isinstance(function, FunctionType):
            raise HandlerNotAllowed(
                f"`{name}` is a {type(function).__name__}, not a function",
                remedy="wrap it in a function of that module",
            )
        if not self._allows(function.__module__ or ""):
            raise HandlerNotAllowed(
                f"`{name}` comes from `{function.__module__}`, which is outside the modules allowed for handlers",
                remedy="wrap it in a function of that module, or let its decorator use `functools.wraps`",
            )
        return _handler(name, function)


def _allowed_prefix(entry: str) -> str:
    package = entry.partition(".")[0]
    reason = ""
    if not _DOTTED.fullmatch(entry):
        reason = "is not the path of a module"
    elif package in OWN_PACKAGES:
        reason = "names a package of Longpole itself"
    elif package in sys.stdlib_module_names:
        reason = "names a module of Python's standard library"
    if reason:
        raise LongpoleError(
            f"the handler allow-list entry {entry[:80]!r} {reason}",
            code="handler_allow_list_invalid",
            remedy="name packages or modules that hold nothing but your handlers",
        )
    return entry


def _import(name: str, module: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            # Whoever pressed Ctrl-C means the whole program.
            raise
        raise HandlerNotFound(
            f"`{module}`, the module of handler `{name}`, can't be imported: {message_of(error)[:1000]}",
            remedy="see that it and what it imports are installed where the worker runs",
        ) from error


def _handler(name: str, fn: Callable[[Any], Any]) -> Handler:
    called = fn if inspect.isroutine(fn) else getattr(fn, "__call__", fn)  # noqa: B004 - what a call would run
    return Handler(name, fn, inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(called))
