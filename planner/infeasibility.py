"""Why a problem has no plan: reasons that together leave none, and of which none could be left out.

Cheap proofs come first (a path too long, no room in a pool, more work in an interval than a pool can do, a budget below
the least cost); where there is none, CP-SAT proves it. What a proof rests on is then made irreducible by asking again
and again whether fewer limits leave a plan (`planner.reasons.conflict`), and each limit that is left is measured by
lifting it: the earliest end, the least cost, the capacity that would be enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.compiled import compile_problem
from planner.limits import Limits
from planner.plan import Reason
from planner.reasons.conflict import Conflict
from planner.reasons.constraints import Constraint, constraints, limited
from planner.reasons.numbers import measured
from planner.reasons.oracle import Oracle
from planner.reasons.refutation import candidates, refute
from planner.reasons.wording import Wording, grouped

if TYPE_CHECKING:
    from planner.problem import Problem


_PROVEN, _IRREDUCIBLE, _KNOWN_ESSENTIAL = 0.45, 0.6, 0.75
"""Shares of the limits by when it is known that there is no plan, by when the reasons stand, and by when it is known of
which the others leave a plan. The rest is for their numbers."""


def explain(problem: Problem, limits: Limits | None = None) -> tuple[Reason, ...]:
    """Reasons that together leave no plan; empty where there is one.

    Lift any one of them and the others leave a plan (of what they are about; the problem may have other conflicts).
    Where the limits end the search before that is proven, the reason says so (`Reason.essential`); one reason of kind
    `unknown` where not even it is known whether there is a plan.
    """
    limits = limits or Limits()
    oracle = Oracle(limits)

    def possible(kept: frozenset[Constraint]) -> bool | None:
        if oracle.spent:
            return None
        rest = limited(problem, kept)
        return True if rest is None else oracle.feasible(rest)

    oracle.stage(_PROVEN, 1)
    conflict = Conflict(possible)
    everything = constraints(problem)
    found: list[Constraint] | None = None
    if (refutation := refute(compiled := compile_problem(problem, whole=True))) is not None:
        found = candidates(compiled, refutation)
    if found is None or conflict.possible(found) is not False:
        answer = conflict.possible(everything)
        if answer is None:
            message = f"neither a plan nor a proof that there is none was found {_within(limits)}"
            return (Reason("unknown", message, exact=False, essential=False),)
        if answer:
            return ()
        found = everything
    oracle.stage(_IRREDUCIBLE)
    rest = conflict.within(found)
    groups = grouped(problem, rest)
    oracle.stage(_KNOWN_ESSENTIAL, len(groups))
    essential = [conflict.possible([each for each in rest if each not in group]) is True for group in groups]
    wording = Wording(problem, rest, measured(problem, rest, oracle))
    return tuple(wording.reason(group, essential=each) for group, each in zip(groups, essential, strict=True))


def _within(limits: Limits) -> str:
    if limits.work is not None:
        return f"with {limits.work:g} units of work"
    return "" if limits.seconds is None else f"within {limits.seconds:g} s"
