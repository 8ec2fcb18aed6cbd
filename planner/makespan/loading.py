"""Brings the machine code in while something else goes on: on a new machine it is made first, which takes seconds."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import ModuleType

_lock = threading.Lock()
_loaded: Future[ModuleType] | None = None


def evolution_loading() -> Future[ModuleType]:
    """The module `evolution`, ready to run; the first call starts a thread that imports and compiles it."""
    global _loaded
    with _lock:
        if _loaded is None:
            _loaded = Future()
            threading.Thread(target=_load, args=(_loaded,), name="planner-compile").start()
        return _loaded


def _load(loaded: Future[ModuleType]) -> None:
    try:
        from planner.makespan import evolution
        from planner.makespan.bounds import precedence_bounds
        from planner.makespan.instance import Instance
        from planner.makespan.packing import pack

        two = Instance(((1,), (1,)), (((1,),), ((1,),)), (1,), ((), ()))
        evolution.Evolution(pack(two, precedence_bounds(two)), 2, 0).run(10, 0)
    except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the module
        loaded.set_exception(error)
    else:
        loaded.set_result(evolution)
