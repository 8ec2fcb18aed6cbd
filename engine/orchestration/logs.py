"""The log of an execution, a page at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from definitions.model import Definition, Step
from engine.core import Engine
from engine.orchestration.following import origin_or_own
from engine.orchestration.plugin_steps import plugin_of
from engine.orchestration.views import Origin
from engine.views import LogLine
from store import instances, logs
from store.orchestration import origin_of
from store.run_definitions import definition_of


@dataclass(frozen=True)
class LogFilter:
    """Which lines; None leaves a field out. `start <= at < end`."""

    step_id: str | None = None
    levels: Sequence[str] | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class PluginLine:
    """A line, and the plugin that the step is one of."""

    line: LogLine
    plugin: str | None


@dataclass(frozen=True)
class LogPage:
    """A page of a log. `total`: lines on all pages; `cursor`: of the next one, None: there is none."""

    lines: tuple[PluginLine, ...]
    total: int
    cursor: int | None
    origin: Origin


async def log_page(engine: Engine, execution_id: str, wanted: LogFilter, *, after: int = 0, limit: int) -> LogPage:
    """Lines after that id in the order in which they were stored. Raises `ExecutionNotFound`."""
    await engine.executions.status(execution_id)

    def read() -> LogPage:
        fields = vars(wanted)
        with engine.database.read() as session:
            page = logs.query(session, execution_id, **fields, cursor=after, limit=limit)
            total = logs.count(session, execution_id, **fields)
            row = instances.get_instance(session, execution_id)
            definition = Definition.model_validate(definition_of(session, row).document)
            origin = origin_or_own(origin_of(session, execution_id), execution_id)
        plugins = dict(_plugins(definition.steps))
        lines = tuple(
            PluginLine(
                LogLine(each.id or 0, each.at, each.level, each.step_id, each.attempt, each.message, each.details),
                plugins.get(_innermost(each.step_id)),
            )
            for each in page.lines
        )
        return LogPage(lines, total, page.cursor, origin)

    return await asyncio.to_thread(read)


def _plugins(steps: Sequence[Step]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for step in steps:
        plugin = plugin_of(step.handler)
        if plugin is not None:
            found.append((step.id, plugin[0]))
        for _, block in step.blocks:
            found += _plugins(block)
    return found


def _innermost(path: str | None) -> str:
    """The step that a path leads to."""
    return "" if path is None else path.rpartition(".")[2].partition("[")[0]
