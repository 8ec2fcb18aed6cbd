"""Brings the machine code in while something else goes on: on a new machine it is made first, which takes seconds."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import ModuleType
from typing import NamedTuple


class Loaded(NamedTuple):
    """Modules whose machine code is there."""

    evolution: ModuleType
    enumeration: ModuleType


_lock = threading.Lock()
_loading: Future[Loaded] | None = None


def kernels_loading() -> Future[Loaded]:
    """The modules, ready to run; the first call starts a thread that imports and compiles them."""
    global _loading
    with _lock:
        if _loading is None:
            _loading = Future()
            threading.Thread(target=_load, args=(_loading,), name="planner-compile").start()
        return _loading


def _load(loading: Future[Loaded]) -> None:
    try:
        from planner.makespan import enumeration, evolution
        from planner.makespan.bounds import precedence_bounds
        from planner.makespan.instance import Instance
        from planner.makespan.packing import pack

        two = Instance(((1,), (1,)), (((1,),), ((1,),)), (1,), ((), ()))
        bounds = precedence_bounds(two)
        packed = pack(two, bounds)
        evolution.Evolution(packed, 2, 0).run(10, 0)
        enumeration.schedule_within(two, bounds, packed, 2, 10, lambda _: True)
    except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the modules
        loading.set_exception(error)
    else:
        loading.set_result(Loaded(evolution, enumeration))
