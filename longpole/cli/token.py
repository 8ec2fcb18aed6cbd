"""`longpole token`: a token of this service's own."""

from __future__ import annotations

from typing import Annotated

import typer

from longpole.cli.options import DataDir, Roles, Subject, Teams, settings_from


def token(
    subject: Subject,
    roles: Roles = None,
    teams: Teams = None,
    ttl: Annotated[str, typer.Option("--ttl", help="How long it is valid: 15m, 1h, 7d.")] = "1h",
    data_dir: DataDir = None,
) -> None:
    """Print a token (JWT) for the API, and nothing else.

    It is signed with `jwt_secret`, or with the data directory's own key: a service on the same data directory takes it,
    also one that has been running before.
    """
    from definitions.durations import parse_duration
    from engine.access.tokens import Tokens

    seconds = parse_duration(ttl)
    tokens = Tokens(settings_from(data_dir))
    typer.echo(tokens.issue(subject, seconds=seconds, roles=roles or (), teams=teams or ()))
