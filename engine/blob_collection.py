"""Collecting blobs that nothing needs any more.

A blob stays as long as a record leads to it. Others are in histories alone: what a run took with it, or went on with.
They stay as long as the run is open or Temporal may still show it, and for `blob_keep_days` in any case.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from definitions.errors import Conflict, ServiceUnavailable
from engine.core import Engine
from engine.temporal import answer
from store.blob_places import Kept
from store.blob_references import needed_since, recorded_digests
from store.blobs import BlobStore
from store.database import Database
from store.sessions import database_fingerprint

_log = structlog.get_logger()

MARGIN = timedelta(days=1)
"""A value is put a little before the run that needs it is recorded, and counts as new again only after a while; a
history is deleted a little after its time is over."""


@dataclass(frozen=True)
class Collection:
    """What one round found."""

    looked_at: int
    collected: int
    """How many were removed, or would have been."""
    collected_bytes: int
    written_before: datetime
    """Only older ones could be."""


async def claim_blobs(engine: Engine) -> None:
    """Note in the blob storage that this database's runs have their blobs there. Raises `ServiceUnavailable`."""
    owner = database_fingerprint(engine.settings.resolved_database_url)
    try:
        await asyncio.to_thread(engine.blobs.claim, owner)
    except OSError as error:
        raise ServiceUnavailable(
            f"the blob storage {engine.blobs.where} can't be written to: {error}",
            remedy="look at LONGPOLE_BLOB_STORE and at what the credentials in the environment may do",
        ) from error


async def collect_blobs(engine: Engine, *, dry_run: bool = False) -> Collection:
    """Remove what nothing needs any more; with `dry_run` only say what that would be. Safe beside running work.

    Raises `Conflict` where runs of another database have their blobs, too, `StoreUnavailable`, `ServiceUnavailable`,
    `OSError`."""
    keep = max(timedelta(days=engine.settings.blob_keep_days), await _kept_by_temporal(engine.client) + MARGIN)
    owner = database_fingerprint(engine.settings.resolved_database_url)
    return await asyncio.to_thread(_collect, engine.database, engine.blobs, owner, keep, dry_run)


async def collect_once(engine: Engine) -> int:
    """One round of a worker; returns how many blobs went. Where it may not, nothing is done."""
    try:
        done = await collect_blobs(engine)
    except Conflict as error:
        _log.warning("blobs are not collected", error=str(error))
        return 0
    if done.collected:
        _log.info("blobs were collected", blobs=done.collected, bytes=done.collected_bytes)
    return done.collected


async def _kept_by_temporal(client: Client) -> timedelta:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    found = await answer(client, client.workflow_service.describe_namespace(request))
    return found.config.workflow_execution_retention_ttl.ToTimedelta()


def _collect(database: Database, blobs: BlobStore, owner: str, keep: timedelta, dry_run: bool) -> Collection:
    others = [each for each in blobs.claim(owner) if each != owner]
    if others:
        raise Conflict(
            f"{blobs.where} has blobs of {len(others)} more databases, whose records can't be seen from here",
            code="blobs_shared",
            remedy="give each database a blob storage of its own (LONGPOLE_BLOB_STORE); for one that is gone, delete "
            f"its note in the folder `owners` there: {', '.join(others)}",
        )
    now = datetime.now(UTC)
    with database.read() as session:
        since = needed_since(session, now - keep)
    before = min(now - keep, (since or now) - MARGIN)
    looked_at = 0
    unneeded: dict[str, Kept] = {}
    for kept in blobs.all():
        looked_at += 1
        if kept.written_at < before:
            unneeded[kept.name] = kept
    # Read after what is there was listed: what is put again from now on is new again, and stays.
    with database.read() as session:
        for digest in recorded_digests(session):
            unneeded.pop(digest.removeprefix("sha256:"), None)
    gone = [kept for kept in unneeded.values() if dry_run or blobs.collect(kept)]
    return Collection(looked_at, len(gone), sum(kept.size for kept in gone), before)
