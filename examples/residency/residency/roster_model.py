"""The roster as a CP-SAT model: who works what, and the hard rules. What is wished for is in `wishes`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import NamedTuple

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model import IntVar, LinearExpr, LinearExprT

from residency import duty_rules
from residency.clashes import Turn, clashing
from residency.duty_rules import Rule
from residency.problem import Duty, Problem

BENDABLE = frozenset({Rule.WEEKLY_HOURS, Rule.FREE_DAYS, Rule.REST, Rule.CALL_FREQUENCY})
"""The rules about one resident's hours, which `bend` can make soft."""
UNITS = {Rule.COVERAGE: 10, Rule.WEEKLY_HOURS: 1, Rule.FREE_DAYS: 10, Rule.REST: 10, Rule.CALL_FREQUENCY: 10}
"""What bending costs: by missing resident, by hour too many, by free day missing, by pair without rest, by call too
many."""


class Choice(NamedTuple):
    """A turn that a resident may take."""

    resident: str
    turn: Turn


class RosterModel:
    """The days from `first` to `last`, after the duties in `fixed`, which were settled before.

    `bend`: rules that may be broken at a cost (`self.bent`), to find out what can't be met together."""

    def __init__(
        self,
        problem: Problem,
        first: date,
        last: date,
        fixed: Sequence[Duty] = (),
        bend: frozenset[Rule] = frozenset(),
    ) -> None:
        self.problem = problem
        self.first = first
        self.last = last
        self.fixed = fixed
        self.cp = cp_model.CpModel()
        self.works: dict[Choice, IntVar] = {}
        self.bent: list[LinearExprT] = []
        self._bend = bend
        self._days = [day for day in problem.days if first <= day <= last]
        self._fixed_of: dict[str, list[Duty]] = defaultdict(list)
        for duty in fixed:
            self._fixed_of[duty.resident].append(duty)
        self._choices()
        self._coverage()
        for resident in problem.resident:
            self._rest(resident)
            self._averages(resident)

    def turns(self, resident: str) -> dict[Turn, IntVar]:
        """What the resident may work on these days."""
        return self._turns[resident]

    def roster(self, solver: cp_model.CpSolver | cp_model.CpSolverSolutionCallback) -> list[Duty]:
        """The duties of these days in the solution that was found."""
        return [
            Duty(resident=resident, date=turn.day, rotation=turn.post.rotation, shift=turn.post.shift)
            for (resident, turn), variable in self.works.items()
            if solver.boolean_value(variable)
        ]

    def _choices(self) -> None:
        # Eligibility, leave, and the rest that is owed from before are no constraints: the variable is not there.
        self._turns: dict[str, dict[Turn, IntVar]] = {resident: {} for resident in self.problem.resident}
        for resident, turns in self._turns.items():
            latest = max((duty.date for duty in self._fixed_of[resident]), default=None)
            before = [
                Turn(duty.date, duty.post)
                for duty in self._fixed_of[resident]
                if latest and (latest - duty.date).days < 3
            ]
            for day in self._days:
                for post in self.problem.needed[day]:
                    turn = Turn(day, post)
                    if not self.problem.may_work(resident, post, day) or self._too_soon(before, turn):
                        continue
                    turns[turn] = self.cp.new_bool_var(f"{resident} {day} {post.rotation} {post.shift}")
                    self.works[Choice(resident, turn)] = turns[turn]

    def _too_soon(self, before: Sequence[Turn], turn: Turn) -> bool:
        return any(
            len(group) > 1
            for earlier in before
            for group in clashing(self.problem, (earlier, turn), rest=Rule.REST not in self._bend)
        )

    def _coverage(self) -> None:
        """Each post has as many residents as it needs."""
        able: dict[Turn, list[IntVar]] = defaultdict(list)
        for choice, variable in self.works.items():
            able[choice.turn].append(variable)
        for day in self._days:
            for post, needed in self.problem.needed[day].items():
                missing = self._slack(Rule.COVERAGE, needed)
                self.cp.add(LinearExpr.sum([*able[Turn(day, post)], missing]) == needed)

    def _rest(self, resident: str) -> None:
        """One shift at a time, and the rest after each."""
        turns = self.turns(resident)
        for group in clashing(self.problem, turns, rest=Rule.REST not in self._bend):
            self.cp.add_at_most_one(turns[turn] for turn in group)
        if Rule.REST in self._bend:
            for group in clashing(self.problem, turns):
                self.cp.add(LinearExpr.sum([turns[turn] for turn in group]) <= 1 + self._slack(Rule.REST, len(group)))

    def _averages(self, resident: str) -> None:
        """Hours, free days and calls in every four weeks that end on these days."""
        problem, turns = self.problem, self.turns(resident)
        everything: list[tuple[Turn, LinearExprT]] = [
            (Turn(duty.date, duty.post), 1) for duty in self._fixed_of[resident]
        ]
        everything += turns.items()
        free = self._free_days(resident, everything)
        leave = problem.days_of_leave[resident]
        windows = duty_rules.windows(problem.start, self.last)
        for first, last in windows:
            if last < self.first:
                continue
            counted = [day for day in problem.days if first <= day <= last and day not in leave]
            inside = [(variable, self._minutes(turn, first, last)) for turn, variable in everything]
            hours_over = self._slack(Rule.WEEKLY_HOURS, 24 * len(counted))
            self.cp.add(_weighted([*inside, (hours_over, -60)]) <= duty_rules.most_minutes(len(counted)))
            needed = duty_rules.least_free_days(len(counted))
            self.cp.add(LinearExpr.sum([free[day] for day in counted]) >= needed - self._slack(Rule.FREE_DAYS, needed))
            calls = [
                (variable, 1)
                for turn, variable in everything
                if first <= turn.day <= last and problem.shift[turn.post.shift].is_long
            ]
            most = duty_rules.most_calls(len(counted))
            if len(calls) > most:
                self.cp.add(_weighted(calls) <= most + self._slack(Rule.CALL_FREQUENCY, len(calls)))

    def _free_days(self, resident: str, everything: Sequence[tuple[Turn, LinearExprT]]) -> dict[date, LinearExprT]:
        """Of each day up to `last`, whether no duty touches it."""
        touching: dict[date, dict[date, list[LinearExprT]]] = defaultdict(lambda: defaultdict(list))
        for turn, variable in everything:
            for day in self.problem.touched(turn.post.shift, turn.day):
                touching[day][turn.day].append(variable)
        free: dict[date, LinearExprT] = {}
        for day in self.problem.days:
            if day < self.first:
                free[day] = 0 if touching[day] else 1
            elif day <= self.last:
                is_free = self.cp.new_bool_var(f"{resident} is free on {day}")
                for on in touching[day].values():
                    # Those that begin on one day exclude each other wherever two of them do not fit into it.
                    if Rule.REST in self._bend or not self._exclusive:
                        for variable in on:
                            self.cp.add(LinearExpr.sum([is_free, variable]) <= 1)
                    else:
                        self.cp.add(LinearExpr.sum([is_free, *on]) <= 1)
                free[day] = is_free
        return free

    @cached_property
    def _exclusive(self) -> bool:
        """Whether no two shifts fit into one day."""
        posts = {post for day in self._days for post in self.problem.needed[day]}
        return len(clashing(self.problem, [Turn(self.first, post) for post in posts])) <= 1

    def _minutes(self, turn: Turn, first: date, last: date) -> int:
        """Of a shift, what lies in a window; what runs past the last day of all counts there."""
        begin, end = self.problem.span(turn.post.shift, turn.day)
        opens = datetime.combine(first, time())
        closes = datetime.combine(last, time()) + timedelta(days=1)
        if last == self.last:
            closes = max(closes, end)
        return max(int((min(end, closes) - max(begin, opens)).total_seconds()) // 60, 0)

    def _slack(self, rule: Rule, most: int) -> IntVar | int:
        if rule not in self._bend:
            return 0
        slack = self.cp.new_int_var(0, most, f"{rule} {len(self.bent)}")
        self.bent.append(UNITS[rule] * slack)
        return slack


def _weighted(terms: Sequence[tuple[LinearExprT, int]]) -> LinearExpr | int:
    return LinearExpr.weighted_sum([variable for variable, _ in terms], [weight for _, weight in terms])
