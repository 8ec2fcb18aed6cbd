"""What Temporal is told of a run beside its input: what an operator sees and filters by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from definitions.markdown import plain
from workflows import attributes

WORKFLOW_TASK_SECONDS = 5.0
"""How long a run stands still whose worker is lost in the middle of a workflow task."""
WORKFLOW_TASK_SECONDS_PER_STEP = 0.02
"""A worker that takes over a run replays all of its history within one task; a step takes about 0.0016 s of that."""
MOST_WORKFLOW_TASK_SECONDS = 60.0
MAX_DESCRIPTION = 1000
MAX_ATTRIBUTE_BYTES = 2000
"""The server refuses a run with a search attribute of more than 2 KB."""
_STEERING = (
    'Signals: `pause`, `resume`, and `cancel` with `{"reason": "why"}` or no input; `event` with '
    '`{"name": "...", "data": ...}`; `approve` with `{"step": "...", "approved": true, "by": "..."}`; '
    "`skip_step` with a step id; `change` (docs/operations.md)."
)


@dataclass(frozen=True)
class Announcement:
    """A run as Temporal shows it. All of it is JSON."""

    name: str
    version: str
    revision: int
    digest: str
    description: str
    owner: str
    priority: int
    tags: list[str]
    steps: int
    """How many the definition has."""
    parent: str = ""
    """The run that it is a step of."""
    forked_from: str = ""
    """The run that it is a rerun of."""

    @property
    def task_timeout(self) -> timedelta:
        """How long a worker may take over one workflow task."""
        return workflow_task_timeout(self.steps)

    @property
    def memo(self) -> dict[str, Any]:
        """What is kept with the run."""
        origin = {attributes.MEMO_FORKED_FROM: self.forked_from} if self.forked_from else {}
        return {attributes.MEMO_DIGEST: self.digest, attributes.MEMO_REVISION: self.revision, **origin}

    @property
    def search_attributes(self) -> TypedSearchAttributes:
        """What can be filtered by."""
        pairs: list[SearchAttributePair[Any]] = [
            SearchAttributePair(attributes.DEFINITION, _clipped(self.name)),
            SearchAttributePair(attributes.VERSION, _clipped(self.version)),
            SearchAttributePair(attributes.OWNER, _clipped(self.owner)),
            SearchAttributePair(attributes.PRIORITY, self.priority),
            SearchAttributePair(attributes.PAUSED, False),
        ]
        if self.tags:
            pairs.append(SearchAttributePair(attributes.TAGS, _first_that_fit(self.tags)))
        return TypedSearchAttributes(pairs)

    @property
    def summary(self) -> str:
        """One line of Markdown."""
        return f"{plain(self.name)} {plain(self.version)}"

    @property
    def details(self) -> str:
        """What the run is, and how it can be steered from the Temporal web UI."""
        facts = [f"version {plain(self.version)} (revision {self.revision})", f"owner {plain(self.owner)}"]
        facts += [f"priority {self.priority}", *([f"tags {plain(', '.join(self.tags))}"] if self.tags else [])]
        facts += [f"a step of `{self.parent}`"] if self.parent else []
        facts += [f"a rerun of `{self.forked_from}`"] if self.forked_from else []
        description = plain(self.description, MAX_DESCRIPTION)
        return "\n\n".join(part for part in (description, " · ".join(facts), _STEERING) if part)

    @property
    def priority_key(self) -> int:
        """Temporal's priority, 1 (first) to 5."""
        return priority_key(self.priority)


def workflow_task_timeout(steps: int) -> timedelta:
    """How long a worker may take over one workflow task of a run with so many steps."""
    seconds = WORKFLOW_TASK_SECONDS + WORKFLOW_TASK_SECONDS_PER_STEP * steps
    return timedelta(seconds=min(seconds, MOST_WORKFLOW_TASK_SECONDS))


def priority_key(priority: int) -> int:
    """Temporal's priority, 1 (first) to 5, for 0 to 100 by fifths."""
    return 5 - min(priority, 99) // 20


def _clipped(text: str) -> str:
    """As much of it as a search attribute takes; the records have the whole."""
    while len(json.dumps(text)) > MAX_ATTRIBUTE_BYTES:
        text = text[: len(text) * 3 // 4]
    return text


def _first_that_fit(tags: list[str]) -> list[str]:
    fitting: list[str] = []
    left = MAX_ATTRIBUTE_BYTES
    for tag in tags:
        left -= len(json.dumps(tag)) + 1
        if left < 0:
            break
        fitting.append(tag)
    return fitting
