"""The code of a package, kept in memory: the sandbox executes `workflows` anew for every run, and need not find, read
and unmarshal the same files each time.

A worker so runs the code that it began with to its end, also where files are replaced below it; what it shares between
runs (`engine.sandbox.PASSED_THROUGH`) it has had in memory all along.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType


class _KeptLoader(SourceFileLoader):
    """Loads a module as ever, but its code only once. Modules share code objects, which nothing can change."""

    _code: CodeType | None = None

    def get_code(self, fullname: str) -> CodeType | None:
        if self._code is None:
            self._code = super().get_code(fullname)
        return self._code


class KeptCode(MetaPathFinder):
    """Finds the modules of one package, each once; whoever imports one gets a new module all the same."""

    def __init__(self, package: str) -> None:
        self.package = package
        self._found: dict[str, ModuleSpec] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As every finder; None leaves a module to the others."""
        if fullname.partition(".")[0] != self.package:
            return None
        found = self._found.get(fullname)
        if found is None:
            found = PathFinder.find_spec(fullname, path, target)
            if found is None or found.origin is None or not isinstance(found.loader, SourceFileLoader):
                return None
            found.loader = _KeptLoader(fullname, found.origin)
            self._found[fullname] = found
        # The import system keeps in a spec whether the module is being loaded: each import needs its own.
        spec = ModuleSpec(fullname, found.loader, origin=found.origin)
        spec.submodule_search_locations = found.submodule_search_locations
        spec.has_location = True
        spec.cached = found.cached
        return spec


def keep_code(package: str) -> None:
    """From now on, for this process; again it changes nothing."""
    if not any(isinstance(finder, KeptCode) and finder.package == package for finder in sys.meta_path):
        sys.meta_path.insert(0, KeptCode(package))
