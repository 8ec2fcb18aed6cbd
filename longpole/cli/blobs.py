"""`longpole blobs`: values that are too large for a history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.filesize import decimal

from longpole.cli.console import out, print_json
from longpole.cli.options import DataDir, Json, settings_from

if TYPE_CHECKING:
    from engine.blob_collection import Collection
    from engine.settings import Settings

blobs = typer.Typer(help="Values that are too large for a history.", rich_markup_mode="markdown", no_args_is_help=True)


@blobs.callback()
def group() -> None:
    """Values that are too large for a history."""


@blobs.command("collect")
def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Remove values that nothing needs any more, as each worker does every six hours.

    What a record of a run leads to stays. Other values stay as long as a run that may need them is open or Temporal
    still has its history, and for `LONGPOLE_BLOB_KEEP_DAYS` (30) in any case."""
    found = asyncio.run(_collect(settings_from(data_dir), dry_run))
    if as_json:
        print_json({**vars(found), "dry_run": dry_run})
        return
    said = "would be removed" if dry_run else "removed"
    out.print(f"{found.collected:,} of {found.looked_at:,} values {said}, {decimal(found.collected_bytes)}")
    out.print(f"only values written before {found.written_before.astimezone():%Y-%m-%d %H:%M} are looked at for that")


async def _collect(settings: Settings, dry_run: bool) -> Collection:
    from engine.blob_collection import collect_blobs
    from engine.core import open_engine
    from longpole.connection import require_known_temporal

    require_known_temporal(settings)  # it says how long histories are kept
    async with open_engine(settings) as engine:
        return await collect_blobs(engine, dry_run=dry_run)
