"""`longpole apikey`: API keys, made, listed and revoked."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from longpole.cli.console import err, out, print_json, say
from longpole.cli.display import ago_text
from longpole.cli.options import DataDir, Json, Roles, Subject, Teams, settings_from

if TYPE_CHECKING:
    from engine.access.api_keys import KeyView

_STYLES = {"active": "green", "expired": "dim", "revoked": "dim"}

Scopes = Annotated[
    list[str] | None, typer.Option("--scope", help="What it is for: read, write; may be repeated (default: both).")
]
Label = Annotated[str, typer.Option("--label", help="What it is called in lists.")]
Ttl = Annotated[str | None, typer.Option("--ttl", help="How long it is valid: 30d, 1h (default: until it is revoked).")]

apikey = typer.Typer(help="API keys: made, listed and revoked.", rich_markup_mode="markdown")


@apikey.callback(invoke_without_command=True)
def create_without_a_word(
    context: typer.Context,
    subject: Annotated[str | None, typer.Option("--sub", help="Whose key it is.")] = None,
    roles: Roles = None,
    teams: Teams = None,
    scopes: Scopes = None,
    label: Label = "",
    ttl: Ttl = None,
    data_dir: DataDir = None,
) -> None:
    """API keys. `longpole apikey --sub NAME` is short for `longpole apikey create --sub NAME`."""
    if context.invoked_subcommand is not None:
        if subject is not None:
            raise typer.BadParameter(f"write it after `{context.invoked_subcommand}`", param_hint="--sub")
        return
    if subject is None:
        raise typer.BadParameter("whose key is it to be?", param_hint="--sub")
    create(subject, roles, teams, scopes, label, ttl, data_dir)


@apikey.command("create")
def create(
    subject: Subject,
    roles: Roles = None,
    teams: Teams = None,
    scopes: Scopes = None,
    label: Label = "",
    ttl: Ttl = None,
    data_dir: DataDir = None,
) -> None:
    """Print a new API key, and nothing else. It is shown this once; only a digest is stored."""
    from definitions.durations import parse_duration
    from engine.access.api_keys import ApiKeys
    from engine.core import open_records

    lasts = None if ttl is None else timedelta(seconds=parse_duration(ttl))
    with open_records(settings_from(data_dir)) as records:
        keys = ApiKeys(records.database)
        made = keys.create(subject, label=label, scopes=scopes or (), roles=roles or (), teams=teams or (), lasts=lasts)
        key, view = asyncio.run(made)
    typer.echo(key)
    say(f"{view.key_id}; revoke it with: longpole apikey revoke {view.key_id}")


@apikey.command("list")
def list_keys(
    subject: Annotated[str | None, typer.Option("--sub", help="Only theirs.")] = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List API keys, oldest first, without the keys themselves."""
    from engine.access.api_keys import ApiKeys
    from engine.core import open_records

    with open_records(settings_from(data_dir)) as records:
        found = asyncio.run(ApiKeys(records.database).list(owner=subject))
    if as_json:
        print_json([vars(view) for view in found])
        return
    if not found:
        err.print("no API keys; make one with: longpole apikey create --sub NAME")
        return
    out.print(_table(found))


@apikey.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="As `longpole apikey list` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Revoke an API key: from now on nobody gets in with it."""
    from engine.access.api_keys import ApiKeys
    from engine.core import open_records

    with open_records(settings_from(data_dir)) as records:
        view = asyncio.run(ApiKeys(records.database).revoke(key_id))
    out.print(f"{view.key_id} ({view.subject}, {view.hint}...) is revoked")


def _table(keys: list[KeyView]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    # The id is what `revoke` wants: it is shown whole, however narrow the terminal is.
    table.add_column("id", header_style="dim", no_wrap=True, min_width=max(len(key.key_id) for key in keys))
    for title in ("of", "key", "state", "may", "label", "made", "last used", "expires"):
        table.add_column(title, header_style="dim")
    for key in keys:
        may = ", ".join([*(key.scopes or ("everything",)), *(f"role {role}" for role in key.roles)])
        table.add_row(
            key.key_id,
            Text(key.subject),
            f"{key.hint}...",
            Text(key.state, style=_STYLES[key.state]),
            Text(may),
            Text(key.label),
            ago_text(key.created_at),
            ago_text(key.last_used_at) or "never",
            "never" if key.expires_at is None else f"{key.expires_at.astimezone():%Y-%m-%d %H:%M}",
        )
    return table
