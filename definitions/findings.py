"""What a check of a document has found so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from definitions.errors import Problem
from definitions.json_values import field_path
from definitions.values import Path

MAX_PROBLEMS = 1_000
_MAX_SUGGESTIONS = 50

CheckHandler = Callable[[str], Problem | None]
"""Whether a handler may be used: None, or the problem (its path is filled in here)."""
CheckConfig = Callable[[str, object, Path], Sequence[Problem]]
"""What is wrong with the input of a step with this handler, which is at that path; asked only where the first found
nothing."""


class Findings:
    """Problems, each with the index of the step that it is in; -1: the workflow's own fields."""

    def __init__(self, check_handler: CheckHandler | None, check_config: CheckConfig | None = None) -> None:
        self._check_handler = check_handler
        self._check_config = check_config
        self._handlers: dict[str, Problem | None] = {}
        self._found: list[tuple[int, Problem]] = []
        self._suggestions = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, index: int, code: str, path: str, message: str, remedy: str = "") -> None:
        """One more."""
        self._found.append((index, Problem(code, path, message, remedy)))

    def extend(self, index: int, problems: Iterable[Problem]) -> None:
        """Some more."""
        self._found += [(index, problem) for problem in problems]

    def check_handler(self, index: int, handler: str, given: object, at: Path) -> None:
        """Whether the handler of the step at `at` may be used, each is asked about once; and with that input, where it
        has one (None: it gets the run's)."""
        if self._check_handler is None:
            return
        if handler not in self._handlers:
            self._handlers[handler] = self._check_handler(handler)
        problem = self._handlers[handler]
        if problem is not None:
            self._found.append((index, replace(problem, path=field_path((*at, "handler")))))
        elif self._check_config is not None and given is not None:
            self.extend(index, self._check_config(handler, given, (*at, "input")))

    def may_suggest(self) -> bool:
        """Searching for the nearest name is slow: only the first problems get one."""
        self._suggestions += 1
        return self._suggestions <= _MAX_SUGGESTIONS

    def in_order(self) -> list[Problem]:
        """What was found: the workflow's own fields first, then step by step."""
        ordered = [problem for _, problem in sorted(self._found, key=lambda found: found[0])]
        more = len(ordered) - MAX_PROBLEMS
        if more <= 0:
            return ordered
        last = Problem("too_many_problems", "", f"and {more} more", "fix the first ones first")
        return [*ordered[:MAX_PROBLEMS], last]
