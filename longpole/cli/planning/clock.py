"""Moments of a plan as short text: no more of the date than is needed to tell them apart."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from longpole.cli.display import seconds_text

if TYPE_CHECKING:
    from engine.planning.account import Account

_A_WEEK = 6 * 86_400
_WITH_SECONDS = 600
_MOMENT = re.compile(r"(take |time of )?(?<![\w.])([0-9]+(?:\.[0-9]+)?(?:e\+[0-9]+)?) s\b")


class Clock:
    """Writes the moments of one plan."""

    def __init__(self, account: Account) -> None:
        self._account = account
        end = account.end
        span = account.plan.makespan
        time = "%H:%M:%S" if span < _WITH_SECONDS else "%H:%M"
        one_day = account.start.date() == end.date()
        self._format = time if one_day and span else f"%a {time}" if span <= _A_WEEK else f"%d %b {time}"

    def text(self, seconds: float) -> str:
        """A moment, in seconds from the start."""
        return self.moment(self._account.at(seconds))

    def moment(self, moment: datetime) -> str:
        """A moment of the plan's zone."""
        return moment.strftime(self._format)

    def whole(self, seconds: float) -> str:
        """A moment with its date."""
        return self._account.at(seconds).strftime("%a %Y-%m-%d %H:%M")

    @property
    def zone(self) -> str:
        """The zone that moments are told in."""
        zone = self._account.start.tzinfo
        return getattr(zone, "key", None) or self._account.start.strftime("%Z")

    def sentence(self, message: str) -> str:
        """A reason of the planner's, which counts seconds from the start, with moments and durations for people."""

        def told(match: re.Match[str]) -> str:
            seconds = float(match[2])
            return f"{match[1]}{seconds_text(seconds)}" if match[1] else self.whole(seconds)

        return _MOMENT.sub(told, message)


def short_duration(seconds: float) -> str:
    """`45 s`, `5 min`, `1 h 30`, `3 d 4 h`: for columns."""
    whole = round(seconds)
    if whole < 60:
        return "0" if not whole else f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest:02}" if rest else f"{minutes} min"
    if whole < 86_400:
        hours, rest = divmod(round(whole / 60), 60)
        return f"{hours} h {rest:02}" if rest else f"{hours} h"
    days, rest = divmod(round(whole / 3600), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def money(amount: float, currency: str) -> str:
    """`12.30 EUR`."""
    return f"{amount:.2f} {currency}".rstrip()
