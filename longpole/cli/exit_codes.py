"""The exit codes of the command line, as `docs/cli.md` lists them."""

from __future__ import annotations

from definitions.errors import LongpoleError, ServiceUnavailable

COMPLETED = 0
FAILED = 1
"""The run failed or timed out; a check found something missing."""
BAD_INPUT = 2
"""Wrong usage, a file that can't be used, a run that is not there or in another state."""
UNAVAILABLE = 3
"""Temporal, the database or the service does not answer."""
CANCELLED = 4
"""The run was cancelled."""
INFEASIBLE = 5
"""It is proven that no plan keeps every rule."""
NO_PLAN = 6
"""Neither a plan nor a proof that there is none was found in the time given."""
INTERNAL = 70
"""An error of Longpole's own."""
INTERRUPTED = 130
"""Ctrl-C; 128 + N for signal N."""

_OF_PLAN = {"optimal": COMPLETED, "feasible": COMPLETED, "infeasible": INFEASIBLE, "unknown": NO_PLAN}
_OF_STATUS = {"completed": COMPLETED, "failed": FAILED, "timed_out": FAILED, "cancelled": CANCELLED}


def of_status(status: str) -> int:
    """The exit code that tells how a run ended."""
    return _OF_STATUS[status]


def of_plan(status: str) -> int:
    """The exit code that tells how planning ended."""
    return _OF_PLAN[status]


def of_error(error: LongpoleError) -> int:
    """The exit code for an error that the user is meant to see."""
    return UNAVAILABLE if isinstance(error, ServiceUnavailable) else BAD_INPUT
