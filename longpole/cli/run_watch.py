"""Starts a run and follows its events to the end; Ctrl-C cancels it, a second one leaves it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from definitions.errors import LongpoleError, ServiceUnavailable
from engine.run_link import run_link
from longpole.cli import exit_codes
from longpole.cli.display import seconds_text, status_text
from longpole.cli.naming import short
from longpole.cli.options import data_dir_hint
from longpole.cli.program import program
from longpole.cli.run_json import run_as_json
from longpole.cli.run_report import show_artifacts, show_error_of
from longpole.cli.run_state import RunState
from longpole.cli.run_view import View
from longpole.connection import is_service_held

if TYPE_CHECKING:
    from engine.core import Engine
    from engine.settings import Settings
    from engine.views import Execution
    from longpole.service import Service

_POLL_SECONDS = 0.12
_SELDOM = 8
"""Every so many polls also what no event tells is asked: progress, and whether the service is still there."""
_PAGE = 500


class Watch:
    """One run from here to its end."""

    def __init__(self, settings: Settings, service: Service, view: View, console: Console) -> None:
        self.exit_code = exit_codes.INTERRUPTED
        self._settings = settings
        self._service = service
        self._view = view
        self._console = console
        self._interrupts = 0
        self._signal: int | None = None

    async def run(self, document: dict[str, Any], data: dict[str, Any], priority: int | None) -> dict[str, Any]:
        """Start it and follow it; the run as JSON, as far as it has come.

        Raises `DefinitionInvalid`, `InputInvalid`, `ServiceUnavailable`.
        """
        from engine.core import open_engine

        async with open_engine(self._settings) as engine:
            stored = await engine.definitions.save(document)
            execution_id = await engine.executions.start(stored, data, priority=priority)
            steps = stored.definition.steps
            state = RunState.new(stored.name, execution_id, ((step.id, step.title) for step in steps))
            async with self._listening():
                self._view.begin(state)
                try:
                    await self._follow(engine, state)
                finally:
                    self._view.refresh(state)
                    self._view.end()
            run = await engine.executions.get(execution_id)
            link = run_link(self._service.info.temporal.ui_url, execution_id, engine.client.namespace)
        if state.ended:
            self.exit_code = exit_codes.of_status(run.status)
            self._summarize(run, link)
        else:
            self._left(run)
        return run_as_json(run, ui_url=link)

    async def _follow(self, engine: Engine, state: RunState) -> None:
        polls = asked = 0
        while not state.ended and self._signal is None:
            if self._interrupts > asked:
                asked = self._interrupts
                if asked > 1:
                    return
                await self._cancel(engine, state)
            events = await engine.executions.events(state.execution_id, after=state.sequence, limit=_PAGE)
            for event in events:
                step = state.apply(event)
                self._view.event(state, event, step)
            if polls % _SELDOM == 0:
                await self._ask_the_rest(engine, state)
            self._view.refresh(state)
            polls += 1
            if len(events) < _PAGE and not state.ended:
                await asyncio.sleep(_POLL_SECONDS)

    async def _ask_the_rest(self, engine: Engine, state: RunState) -> None:
        if not self._service.started_here and not is_service_held(self._settings):
            raise ServiceUnavailable(
                f"the service was stopped while {state.execution_id} was running; nothing is lost",
                remedy="the run goes on when a service runs again, e.g. with `longpole up`",
            )
        if self._view.wants_progress and state.counts["running"]:
            for step in (await engine.executions.get(state.execution_id)).steps:
                state.progress(step)

    async def _cancel(self, engine: Engine, state: RunState) -> None:
        self._view.say("cancelling the run: running steps may end (Ctrl-C again leaves it as it is)")
        try:
            await engine.executions.cancel(state.execution_id, reason="cancelled with Ctrl-C")
        except LongpoleError as error:
            self._view.say(f"it can't be cancelled: {error}")

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Ctrl-C is counted; what asks the process to end is noted."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end, number)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _interrupt(self) -> None:
        self._interrupts += 1

    def _end(self, number: int) -> None:
        self._signal = number
        self.exit_code = 128 + number

    def _summarize(self, run: Execution, link: str | None) -> None:
        console = self._console
        took = f" in {seconds_text(run.duration_seconds)}" if run.duration_seconds is not None else ""
        console.print(Text.assemble((run.name, "bold"), " ", status_text(run.status), took))
        show_error_of(console, run)
        show_artifacts(console, run)
        if link:
            console.print(Text.assemble("web UI  ", link, ("" if not self._service.started_here else _UI_HINT, "dim")))
        command = f"{program()} show {short(run.execution_id)}{data_dir_hint(self._settings)}"
        console.print(Text.assemble("next    ", (command, "bold")))

    def _left(self, run: Execution) -> None:
        again = f"when a service runs again: longpole up{data_dir_hint(self._settings)}"
        when = again if self._service.started_here else "with the running service"
        what = "ends" if run.status == "cancelling" else "goes on"
        self._view.say(f"left {run.execution_id} as it is ({run.status}); it {what} {when}")


_UI_HINT = "  (while `longpole up` runs)"
