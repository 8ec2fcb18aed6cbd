"""The operator's settings: environment (`LONGPOLE_*`), then `longpole.toml`, then defaults.

`longpole.toml` is looked for in the working folder and those above it; paths in it are relative to its folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from definitions.errors import LongpoleError
from engine.access.settings import AccessSettings
from engine.http_settings import HttpSettings
from engine.outbound_settings import OutboundSettings
from engine.setting_types import CommaList, CommaPaths
from engine.webhooks.settings import WebhookSettings

PROJECT_FILE = "longpole.toml"


class SettingsInvalid(LongpoleError):
    """A setting that can't be used; the message names each, and where it can be set."""

    default_code = "settings_invalid"


class Settings(AccessSettings, HttpSettings, OutboundSettings, WebhookSettings, BaseSettings):
    """Everything an operator can choose; what is about access, HTTP, calls to others and webhooks is in those."""

    model_config = SettingsConfigDict(env_prefix="LONGPOLE_", extra="forbid", env_ignore_empty=True)

    data_dir: Path = Field(default_factory=lambda: platformdirs.user_data_path("longpole"))
    """Database, blobs, artifacts, the embedded Temporal's database and the logs."""
    database_url: str | None = None
    """`sqlite:///path` or `postgresql+psycopg://user:password@host/name`; default: SQLite in `data_dir`."""
    blob_store: str | None = None
    """Where values too large for a history are: `file:///folder`, `s3://bucket/folder`, `gs://...`, `az://...`;
    default: the folder `blobs` in `data_dir`."""
    blob_keep_days: float = Field(default=30.0, ge=1, le=36_500)
    """How long a value that nothing is known to need is kept; never shorter than Temporal keeps the runs that may."""
    handler_paths: CommaPaths = ()
    """Folders with handlers, put last on the import path."""
    handler_allow: CommaList = ()
    """Module prefixes that handlers may come from."""
    plugins: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings of plugins, `{plugin: {field: value}}`: `[plugins.shell]` in `longpole.toml`; the variables
    `LONGPOLE_PLUGIN_<PLUGIN>_<FIELD>` go first (`docs/plugins.md`)."""
    pools_file: Path | None = None
    """The pools that scheduled workflows are planned on (`docs/scheduling.md`); default: a sample."""
    planning_seconds: float = Field(default=1.0, ge=0, le=60)
    """How long a request to schedule a workflow whose steps may lie apart may search for a cheaper plan."""
    task_queue: str = "longpole"
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    temporal_port: int = Field(default=7233, ge=0, le=65535)
    temporal_ui_port: int = Field(default=8233, ge=0, le=65535)
    temporal_ui_url: str | None = None
    """Where people find the web UI of a Temporal that Longpole did not start itself."""
    durability: Literal["normal", "full"] = "normal"
    """`full`: the embedded Temporal waits for the disk at each transaction, so that not even power loss loses one."""
    max_concurrent_steps: int = Field(default=50, ge=1, le=10_000)
    """Steps that one worker runs at once."""
    max_history_events: int = Field(default=10_000, ge=400, le=40_000)
    """How long one Temporal history of a run may become; for servers whose own limit is below the usual 51,200."""
    grace_seconds: float = Field(default=10.0, ge=0, le=3600)
    """How long a worker that is told to stop lets its steps end by themselves."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] = "console"

    @model_validator(mode="after")
    def _absolute(self) -> Settings:
        self.data_dir = self.data_dir.expanduser().absolute()
        self.pools_file = self.pools_file.expanduser().absolute() if self.pools_file is not None else None
        self.handler_paths = tuple(path.expanduser().absolute() for path in self.handler_paths)
        return self

    @property
    def resolved_database_url(self) -> str:
        """`database_url`, or the SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data_dir / 'longpole.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment; the project file is read by `load_settings`, which knows where it lies."""
        return (init_settings, env_settings)


def load_settings(start: Path | None = None, **overrides: Any) -> Settings:
    """The settings as seen from a folder. `overrides` (command-line options; None means not given) come first.

    Raises `SettingsInvalid`.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    project = find_project_file(start or Path.cwd())
    try:
        from_file = _read_project_file(project) if project else {}
        from_environment = EnvSettingsSource(Settings)()
        return Settings(**{**from_file, **from_environment, **given})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'settings'}: {each['msg']}" for each in error.errors()
        )
        where = f"in {project}, " if project else ""
        raise SettingsInvalid(
            f"a setting can't be used: {problems}", remedy=f"look {where}at the LONGPOLE_* variables and at the options"
        ) from None


def find_project_file(start: Path) -> Path | None:
    """The nearest `longpole.toml` in a folder or above it."""
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
    return None


def _read_project_file(path: Path) -> dict[str, Any]:
    try:
        values = TomlConfigSettingsSource(Settings, path)()
    except ValueError as error:
        raise SettingsInvalid(f"{path} is no TOML: {error}", remedy="mend the file") from None
    if isinstance(values.get("data_dir"), str):
        values["data_dir"] = path.parent / values["data_dir"]
    if isinstance(values.get("jwt_jwks"), str) and "://" not in values["jwt_jwks"]:
        values["jwt_jwks"] = str(path.parent / values["jwt_jwks"])
    if isinstance(values.get("pools_file"), str):
        values["pools_file"] = path.parent / values["pools_file"]
    if isinstance(values.get("handler_paths"), list):
        values["handler_paths"] = [path.parent / entry for entry in values["handler_paths"]]
    return values
