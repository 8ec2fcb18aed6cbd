"""A plan drawn in a terminal: a bar for each step, how full the pools are, what they cost.

The critical path has another mark and another filling, not only another colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.text import Text

from engine.planning.pool_use import PoolUse
from longpole.cli.planning.clock import Clock
from longpole.cli.planning.timeline import ticks

if TYPE_CHECKING:
    from engine.planning.account import Account, StepAccount

MOST_ROWS = 60
_LEAST_CHART = 20
_LABEL_SHARE = 0.32
_TICK_WIDTH = 11


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What is drawn with."""

    critical: str
    bar: str
    gap: str
    slack: str
    mark: str
    edge: str
    tick: str
    levels: str
    """From next to nothing to full."""
    closed: str
    shades: str
    """From the lowest price to the highest."""


UNICODE = Glyphs("█", "▒", "┈", "·", "◆", "│", "┬", "▁▂▃▄▅▆▇█", "×", " ░▒▓")
ASCII = Glyphs("#", "=", "-", ".", "*", "|", "+", "12345678", "x", " .:%")


class Gantt:
    """The drawing of one plan for one console."""

    def __init__(self, account: Account, console: Console, *, rows: int = MOST_ROWS) -> None:
        self._account = account
        self._clock = Clock(account)
        unicode = (console.encoding or "").lower().startswith("utf")
        self._glyphs = UNICODE if unicode else ASCII
        names = [step.id for step in account.steps] + [f"{pool.name} price" for pool in account.pools]
        longest = max((len(name) for name in names), default=0) + 2
        width = max(console.width - 1, _LEAST_CHART + 12)
        self._label = max(min(longest, int(width * _LABEL_SHARE)), 8)
        self._chart = max(width - self._label - 3, _LEAST_CHART)
        self._span = account.plan.makespan or 1.0
        self._rows = rows

    def render(self) -> Group:
        """All of it."""
        steps = self._shown()
        lines = [self._axis(), *(self._step(step) for step in steps)]
        if len(steps) < len(self._account.steps):
            hidden = len(self._account.steps) - len(steps)
            lines.append(Text(f"{hidden} of {len(self._account.steps)} steps are not drawn", style="dim"))
        for pool in self._account.pools:
            lines.append(self._load(pool))
            if pool.priced:
                lines.append(self._price(pool))
        lines.append(self._legend())
        return Group(*lines)

    def _shown(self) -> Sequence[StepAccount]:
        steps = self._account.steps
        if len(steps) <= self._rows:
            return steps
        critical = [step for step in steps if step.critical][: self._rows]
        others = [step for step in steps if not step.critical]
        others.sort(key=lambda step: step.start_seconds - step.end_seconds)
        kept = {step.id for step in (*critical, *others[: self._rows - len(critical)])}
        return [step for step in steps if step.id in kept]

    def _column(self, seconds: float) -> float:
        return seconds / self._span * self._chart

    def _line(self, label: Text, chart: Text) -> Text:
        edge = (self._glyphs.edge, "dim")
        return Text.assemble(label, " ", edge, chart, edge, no_wrap=True)

    def _named(self, name: str, style: str = "") -> Text:
        label = Text(name, style=style)
        label.truncate(self._label, overflow="ellipsis" if self._glyphs is UNICODE else "crop", pad=True)
        return label

    def _axis(self) -> Text:
        chars = [" "] * self._chart
        for moment in ticks(self._account, max(self._chart // _TICK_WIDTH, 1)):
            text = self._glyphs.tick + self._clock.text(moment)
            at = int(self._column(moment))
            if at + len(text) <= self._chart and all(char == " " for char in chars[max(at - 1, 0) : at + len(text)]):
                chars[at : at + len(text)] = text
        return self._line(self._named(""), Text("".join(chars), style="dim"))

    def _step(self, step: StepAccount) -> Text:
        glyphs, chars = self._glyphs, [" "] * self._chart
        fill = glyphs.critical if step.critical else glyphs.bar
        last = step.end_seconds + step.slack_seconds
        self._fill(chars, step.end_seconds, min(last, self._span), glyphs.slack)
        self._fill(chars, step.start_seconds, step.end_seconds, glyphs.gap)
        for start, end in step.parts:
            self._fill(chars, start, end, fill, least=1)
        if step.start_seconds == step.end_seconds:  # a milestone
            chars[min(int(self._column(step.start_seconds)), self._chart - 1)] = glyphs.mark
        style = "bold red" if step.critical else "cyan"
        chart = Text()
        for char in chars:
            chart.append(char, style=style if char in (fill, glyphs.mark) else "dim")
        mark = f"{glyphs.mark} " if step.critical else "  "
        return self._line(self._named(mark + step.id, "bold" if step.critical else ""), chart)

    def _fill(self, chars: list[str], start: float, end: float, char: str, *, least: int = 0) -> None:
        first = min(round(self._column(start)), self._chart - least)
        last = min(max(round(self._column(end)), first + least), self._chart)
        chars[first:last] = char * (last - first)

    def _load(self, pool: PoolUse) -> Text:
        """How full the pool is: in each column the fullest moment."""
        glyphs, chars = self._glyphs, ["" for _ in range(self._chart)]
        fullest = [-1.0] * self._chart
        for span in pool.spans:
            first = min(int(self._column(span.start)), self._chart - 1)
            last = max(min(-int(-self._column(span.end) // 1), self._chart), first + 1)
            share = span.used / span.capacity if span.capacity else (2.0 if span.used else -0.5)
            for column in range(first, last):
                fullest[column] = max(fullest[column], share)
        for column, share in enumerate(fullest):
            if share == -0.5:
                chars[column] = glyphs.closed
            elif share <= 0:
                chars[column] = " "
            else:
                level = min(-int(-min(share, 1.0) * len(glyphs.levels) // 1), len(glyphs.levels))
                chars[column] = glyphs.levels[level - 1]
        chart = Text()
        for column, char in enumerate(chars):
            chart.append(char, style="yellow" if fullest[column] >= 1 else "green")
        return self._line(self._named(f"  {pool.name}", "italic"), chart)

    def _price(self, pool: PoolUse) -> Text:
        prices = sorted({span.price for span in pool.spans})
        shade = {
            price: self._glyphs.shades[round(rank / (len(prices) - 1) * (len(self._glyphs.shades) - 1))]
            for rank, price in enumerate(prices)
        }
        chars = [" "] * self._chart
        for span in pool.spans:
            self._fill(chars, span.start, span.end, shade[span.price], least=1)
        return self._line(self._named(f"  {pool.name} price", "italic dim"), Text("".join(chars), style="magenta"))

    def _legend(self) -> Text:
        glyphs = self._glyphs
        parts = [f"{glyphs.mark} {glyphs.critical} critical path", f"{glyphs.bar} other steps", f"{glyphs.slack} slack"]
        if any(len(step.parts) > 1 for step in self._account.steps):
            parts.append(f"{glyphs.gap} interrupted")
        if self._account.pools:
            parts.append(f"{glyphs.levels[0]}-{glyphs.levels[-1]} how full a pool is")
        if any(span.capacity == 0 for pool in self._account.pools for span in pool.spans):
            parts.append(f"{glyphs.closed} no capacity")
        if any(pool.priced for pool in self._account.pools):
            parts.append(f"{glyphs.shades[1]}-{glyphs.shades[-1]} price from low to high")
        return Text("  ".join(parts), style="dim")
