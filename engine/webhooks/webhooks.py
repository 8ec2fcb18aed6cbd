"""Webhooks as their owners see and change them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from activities.addresses import check_url
from definitions.errors import Conflict, LongpoleError
from definitions.ids import to_uuid
from definitions.webhook_events import TOLD_AS, checked_events
from engine.access.identity import Identity
from engine.core import Engine
from engine.webhooks.deliveries import DeliveryLog
from engine.webhooks.ids import webhook_uuid
from engine.webhooks.secrets import checked_secret, new_secret
from engine.webhooks.views import NewSecret, WebhookView
from store import events, instances, templates, webhook_outbox, webhooks
from store.database import Session
from store.locks import locked_runs
from store.webhook_tables import OF_RUN, SUBSCRIPTION, WEBHOOK, Webhook

T = TypeVar("T")
MOST_OF_ONE_OWNER = 200
MOST_OF_ONE_RUN = 20
LONGEST_DESCRIPTION = 500
BOTH_VALID = timedelta(hours=24)
"""How long a secret is used beside the one that replaces it."""
LONGEST_BOTH = timedelta(days=30)
BY_OWNER = "owner"
_PAGE = 1000


@dataclass(frozen=True)
class WebhookChange:
    """What is to be changed of a webhook; None: nothing."""

    url: str | None = None
    events: Collection[str] | None = None
    ordered: bool | None = None
    enabled: bool | None = None
    description: str | None = None


class Webhooks:
    """All that can be done with webhooks. Owners see and touch only theirs, admins all."""

    def __init__(self, engine: Engine, viewer: Identity) -> None:
        self._engine = engine
        self._database = engine.database
        self._viewer = viewer
        self.log = DeliveryLog(engine, viewer)

    async def subscribe(
        self,
        url: str,
        wanted: Collection[str] = (),
        *,
        workflow_id: str | None = None,
        ordered: bool = False,
        description: str = "",
        secret: str | None = None,
        new_id: UUID | None = None,
    ) -> NewSecret:
        """Tell `url` of these events (none named: all) of one workflow's executions, or of all of the owner's.

        `ordered`: of one execution, an event is sent only once the one before has arrived or was given up.
        `new_id`: its id; again with the same one it is the same webhook. Raises `LongpoleError` (`url_invalid`,
        `unknown_event`, `secret_invalid`, `description_too_long`), `AddressRefused`, `DefinitionNotFound`, `Conflict`
        (`too_many_webhooks`)."""
        row = self._row(url, wanted, ordered=ordered, description=description, secret=secret)
        row.purpose = SUBSCRIPTION
        row.id = new_id or row.id

        def write(session: Session) -> NewSecret:
            if workflow_id is not None:
                template = templates.get_template(session, workflow_id, owner=self._viewer.sees_owner)
                row.template_id, row.owner = template.id, template.owner
            there = session.get(Webhook, row.id)
            if there is not None:
                return NewSecret(WebhookView.of(there), there.secret)
            if webhooks.list_webhooks(session, owner=row.owner, limit=0)[1] >= MOST_OF_ONE_OWNER:
                raise _too_many(f"{row.owner} has {MOST_OF_ONE_OWNER} webhooks")
            return NewSecret(WebhookView.of(webhooks.add_webhook(session, row)), row.secret)

        return await self._write(write)

    async def per_run(
        self,
        execution_id: str,
        url: str,
        wanted: Collection[str] = (),
        *,
        ordered: bool = False,
        secret: str | None = None,
        new_id: UUID | None = None,
    ) -> NewSecret:
        """Tell `url` of these events of one run, also of those that have happened. The run need not be stored yet,
        where the caller is to start it under that id.

        Raises as `subscribe`, and `ExecutionNotFound` for another's run."""
        row = self._row(url, wanted, ordered=ordered, description="", secret=secret)
        row.purpose, row.instance_id, row.id = OF_RUN, to_uuid(execution_id), new_id or row.id

        def write(session: Session) -> NewSecret:
            known = session.get(Webhook, row.id)
            if known is not None:
                return NewSecret(WebhookView.of(known), known.secret)
            there = webhooks.list_webhooks(session, owner=None, instance_id=row.instance_id, limit=MOST_OF_ONE_RUN)
            if there[1] >= MOST_OF_ONE_RUN:
                raise _too_many(f"{execution_id} has {MOST_OF_ONE_RUN} webhooks")
            with locked_runs(session, [execution_id]) as runs:
                if execution_id in runs:
                    run = instances.get_instance(session, execution_id, owner=self._viewer.sees_owner)
                    row.owner = run.owner
                webhooks.add_webhook(session, row)
                for locked in runs.values():
                    _tell_all(session, execution_id, locked.id, locked.started_at, row.id)
            return NewSecret(WebhookView.of(row), row.secret)

        return await self._write(write)

    async def list(
        self,
        *,
        workflow_id: str | None = None,
        execution_id: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[list[WebhookView], int]:
        """A page, oldest first, and how many there are; those of single runs only where one is named."""
        template = to_uuid(workflow_id) if workflow_id is not None else None
        run = to_uuid(execution_id) if execution_id is not None else None

        def read() -> tuple[list[WebhookView], int]:
            with self._database.read() as session:
                rows, total = webhooks.list_webhooks(
                    session,
                    owner=self._viewer.sees_owner,
                    template_id=template,
                    instance_id=run,
                    limit=limit,
                    offset=offset,
                )
                return [WebhookView.of(row) for row in rows], total

        return await asyncio.to_thread(read)

    async def get(self, webhook_id: str) -> WebhookView:
        """Raises `NotFound` (`webhook_not_found`)."""

        def read() -> WebhookView:
            with self._database.read() as session:
                owner = self._viewer.sees_owner
                return WebhookView.of(webhooks.get_webhook(session, webhook_uuid(webhook_id), owner=owner))

        return await asyncio.to_thread(read)

    async def update(self, webhook_id: str, change: WebhookChange) -> WebhookView:
        """Change it. One that is enabled again is sent what was held back. Raises as `subscribe` and `get`."""
        values: dict[str, object] = {}
        if change.url is not None:
            values["target"] = self._checked_url(change.url)
        if change.events is not None:
            values["events"] = checked_events(change.events)
        if change.ordered is not None:
            values["ordered"] = change.ordered
        if change.description is not None:
            values["description"] = _checked_description(change.description)
        if change.enabled is not None:
            values |= {"enabled": change.enabled, "disabled_reason": "" if change.enabled else BY_OWNER}
        if change.enabled or change.url is not None:
            values["failing_since"] = None

        def write(session: Session) -> WebhookView:
            row = self._locked(session, webhook_id)
            return WebhookView.of(webhooks.change_webhook(session, row, datetime.now(UTC), **values))

        return await self._write(write)

    async def rotate(
        self, webhook_id: str, *, both_valid: timedelta = BOTH_VALID, secret: str | None = None
    ) -> NewSecret:
        """Sign with a new secret; for `both_valid` with the one before, too. Raises as `get`, and `LongpoleError`
        (`secret_invalid`, `overlap_invalid`)."""
        if not timedelta() <= both_valid <= LONGEST_BOTH:
            raise LongpoleError(
                "the secrets would both be used for too long, or never",
                code="overlap_invalid",
                remedy=f"choose from 0 to {LONGEST_BOTH.days} days",
            )
        new = checked_secret(secret) if secret is not None else new_secret()

        def write(session: Session) -> NewSecret:
            row = self._locked(session, webhook_id)
            now = datetime.now(UTC)
            former = {"former_secret": row.secret, "former_secret_until": now + both_valid} if both_valid else {}
            gone = {"former_secret": "", "former_secret_until": None}
            changed = webhooks.change_webhook(session, row, now, secret=new, **(former or gone))
            return NewSecret(WebhookView.of(changed), new)

        return await self._write(write)

    async def delete(self, webhook_id: str) -> None:
        """Remove it with its deliveries; what is just being sent may still arrive. Raises as `get`."""

        def write(session: Session) -> None:
            webhooks.delete_webhook(session, self._locked(session, webhook_id).id)

        await self._write(write)

    def _row(
        self, url: str, wanted: Collection[str], *, ordered: bool, description: str, secret: str | None
    ) -> Webhook:
        return Webhook(
            owner=self._viewer.subject,
            purpose="",
            kind=WEBHOOK,
            target=self._checked_url(url),
            events=checked_events(wanted),
            ordered=ordered,
            description=_checked_description(description),
            secret=checked_secret(secret) if secret is not None else new_secret(),
        )

    def _checked_url(self, url: str) -> str:
        settings = self._engine.settings
        return check_url(url, settings.outbound_policy, plain_http=settings.webhook_plain_http)

    def _locked(self, session: Session, webhook_id: str) -> Webhook:
        return webhooks.get_webhook(session, webhook_uuid(webhook_id), owner=self._viewer.sees_owner, lock=True)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def write() -> T:
            with self._database.write() as session:
                return work(session)

        return await asyncio.to_thread(write)


def _tell_all(session: Session, execution_id: str, run: UUID, started_at: datetime | None, webhook: UUID) -> None:
    """Deliveries of what has happened so far, the run being locked."""
    wanted = webhook_outbox.wanted_by(session, [run], webhook)
    begun = {run: started_at} if started_at is not None else {}
    after = 0
    while True:
        page = events.since(session, execution_id, after, limit=_PAGE)
        told = [
            {
                "instance_id": run,
                "sequence": event.sequence,
                "type": event.type,
                "at": event.at,
                "step_id": event.step_id,
            }
            for event in page
            if event.type in TOLD_AS
        ]
        webhook_outbox.put(session, told, begun, wanted)
        if len(page) < _PAGE:
            return
        after = page[-1].sequence


def _checked_description(text: str) -> str:
    if len(text) > LONGEST_DESCRIPTION:
        raise LongpoleError(
            f"`description` has {len(text)} characters; {LONGEST_DESCRIPTION} is the limit",
            code="description_too_long",
            remedy="shorten it",
        )
    return text


def _too_many(what: str) -> Conflict:
    return Conflict(f"{what}: that is the limit", code="too_many_webhooks", remedy="delete one that is not needed")
