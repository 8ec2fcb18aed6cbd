"""Brings the machine code in while something else goes on: on a new machine it is made first, which takes seconds."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from types import ModuleType
from typing import NamedTuple


class Kernels(NamedTuple):
    """Modules, each there as soon as its machine code is."""

    evolution: Future[ModuleType]
    enumeration: Future[ModuleType]


_lock = threading.Lock()
_kernels: Kernels | None = None


def kernels_loading() -> Kernels:
    """The modules; the first call starts a thread that imports and compiles them."""
    global _kernels
    with _lock:
        if _kernels is None:
            _kernels = Kernels(Future(), Future())
            threading.Thread(target=_load, args=(_kernels,), name="planner-compile").start()
        return _kernels


def _load(kernels: Kernels) -> None:
    try:
        from planner.makespan import enumeration, evolution
        from planner.makespan.bounds import precedence_bounds
        from planner.makespan.instance import Instance
        from planner.makespan.packing import pack

        two = Instance(((1,), (1,)), (((1,),), ((1,),)), (1,), ((), ()))
        bounds = precedence_bounds(two)
        packed = pack(two, bounds)
        evolution.Evolution(packed, 2, 0).run(10, 0)
        kernels.evolution.set_result(evolution)
        if not threading.main_thread().is_alive():  # the process is ending, and would wait for what nobody needs
            kernels.enumeration.cancel()
            return
        enumeration.schedule_within(two, bounds, packed, 2, 10, lambda _: True)
        kernels.enumeration.set_result(enumeration)
    except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the modules
        for kernel in kernels:
            if not kernel.done():
                kernel.set_exception(error)
