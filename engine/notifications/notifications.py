"""Whom a workflow tells how its executions end: by e-mail, or as a text to a chat (a URL as Slack gives it)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from activities.addresses import OutboundPolicy, check_url
from definitions.errors import DefinitionInvalid, LongpoleError, Problem
from definitions.ids import to_uuid
from definitions.webhook_events import EXECUTION_COMPLETED, EXECUTION_FAILED, WEBHOOK_EVENTS
from engine.settings import Settings
from store import templates, webhooks
from store.database import Database, Session
from store.webhook_tables import CHAT, EMAIL, NOTIFICATION, Webhook

ON = {"on_success": EXECUTION_COMPLETED, "on_failure": EXECUTION_FAILED}
"""What a document calls them. A run that somebody stopped is neither."""
MOST = 50
"""Of each."""
_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\\x00-\x20\x7f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class Notifications:
    """The notifications of stored workflows; they are sent as webhooks are, by the same schedule."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._policy = settings.outbound_policy
        self._plain_http = settings.webhook_plain_http

    def check(self, wanted: Mapping[str, Sequence[str]], path: str = "notifications") -> list[Problem]:
        """What is wrong with `{"on_success": [...], "on_failure": [...]}`, all of it."""
        problems = []
        for name in ON:
            targets = wanted.get(name, ())
            if len(targets) > MOST:
                problems.append(Problem("too_many", f"{path}.{name}", f"{len(targets)} are named, {MOST} is the limit"))
            for index, target in enumerate(targets):
                try:
                    _kind(target, self._policy, plain_http=self._plain_http)
                except LongpoleError as error:
                    problems.append(Problem(error.code, f"{path}.{name}[{index}]", error.message, error.remedy))
        return problems

    async def put(self, workflow_id: str, wanted: Mapping[str, Sequence[str]]) -> None:
        """Tell these, and nobody else. Safe to repeat. Raises `DefinitionInvalid`, `DefinitionNotFound`."""

        def write() -> None:
            with self._database.write() as session:
                self.store(session, workflow_id, wanted)

        await asyncio.to_thread(write)

    def store(self, session: Session, workflow_id: str, wanted: Mapping[str, Sequence[str]]) -> None:
        """`put` within a transaction. Blocks."""
        problems = self.check(wanted)
        if problems:
            raise DefinitionInvalid(problems)
        template = templates.get_template(session, workflow_id)
        rows = [self._row(template.id, template.owner, target, events) for target, events in _by_target(wanted)]
        webhooks.replace_notifications(session, template.id, rows)

    async def get(self, workflow_id: str) -> dict[str, list[str]]:
        """As `put` takes it."""

        def read() -> dict[str, list[str]]:
            with self._database.read() as session:
                rows = webhooks.notifications_of(session, to_uuid(workflow_id))
                return {name: [row.target for row in rows if event in row.events] for name, event in ON.items()}

        return await asyncio.to_thread(read)

    def _row(self, template: UUID, owner: str, target: str, events: list[str]) -> Webhook:
        return Webhook(
            owner=owner,
            purpose=NOTIFICATION,
            kind=_kind(target, self._policy, plain_http=self._plain_http),
            target=target,
            template_id=template,
            events=events,
        )


def _by_target(wanted: Mapping[str, Sequence[str]]) -> Iterable[tuple[str, list[str]]]:
    events: dict[str, set[str]] = {}
    for name, event in ON.items():
        for target in wanted.get(name, ()):
            events.setdefault(target, set()).add(event)
    return [(target, [each for each in WEBHOOK_EVENTS if each in told]) for target, told in events.items()]


def _kind(target: str, policy: OutboundPolicy, *, plain_http: bool) -> str:
    if "://" in target:
        check_url(target, policy, plain_http=plain_http)
        return CHAT
    if len(target) <= 254 and _ADDRESS.fullmatch(target) and ".." not in target:
        return EMAIL
    raise LongpoleError(
        f"{target[:80]!r} is neither an e-mail address nor a URL",
        code="address_invalid",
        remedy="write name@example.org or https://...",
    )
