"""The known name nearest to one that is not known, for "did you mean ...?"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_MAX_CANDIDATES = 2_000
_MAX_NAME = 128


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is close to `name`, None where there is none. Looks at 2,000 names at most."""
    if len(name) > _MAX_NAME:
        return None
    slack = max(2, len(name) // 2)
    candidates = list(islice((item for item in known if abs(len(item) - len(name)) <= slack), _MAX_CANDIDATES))
    folded = name.lower()
    same = next((item for item in candidates if item.lower() == folded), None)
    return same or next(iter(get_close_matches(name, candidates, n=1, cutoff=0.6)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy, `did you mean ...?`; empty where nothing is near."""
    near = nearest(name, known)
    return f"did you mean `{near}`?" if near else ""
