"""The plugin `snowflake`: queries in Snowflake through its own connector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from activities import step
from activities.errors import AUTHENTICATION, InvalidInput, PermanentFailure, TemporaryFailure
from activities.plugins.arrow_files import ARROW
from activities.plugins.extracting import ExtractData, extract
from activities.plugins.interrupting import interrupting
from activities.plugins.plugin import Hint, Needs, Plugin, PluginSettings

if TYPE_CHECKING:
    import pyarrow as pa
    from snowflake.connector import SnowflakeConnection

PASSWORD = "snowflake_password"  # noqa: S105 - the name of a secret
_BAD_LOGIN = (250001, 390100, 390101, 390102, 390144)
_LOGIN_SECONDS = 60


class SnowflakeSettings(PluginSettings):
    """Where the account is, and as whom; `host`, `port` and `protocol` where they do not follow from the account."""

    account: str = ""
    user: str = ""
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    db_schema: str | None = None
    host: str | None = None
    port: int | None = None
    protocol: str | None = None


class Extract(ExtractData):
    """Rows of a query, into a file; parameters are written `%(name)s`."""

    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    db_schema: str | None = None
    """These four: instead of the operator's settings."""


plugin = Plugin(
    "snowflake",
    summary="Queries in Snowflake.",
    settings=SnowflakeSettings,
    needs=Needs({"snowflake.connector": "longpole[snowflake]"}, ("account", "user"), (PASSWORD,)),
)


@plugin.operation(Extract, needs=ARROW, hint=lambda _config: Hint(seconds=300.0))
def extract_data(config: Extract, settings: SnowflakeSettings) -> dict[str, Any]:
    """Writes the rows of a query to a Parquet or CSV file, batch by batch as Snowflake sends them.

    Returns `{"records_extracted", "file_size_mb", "output_path", "columns", "duration_ms", "query_id"}`. Raises
    `InvalidInput`, `PermanentFailure` (`authentication`), `TemporaryFailure`."""
    with _connection(config, settings) as connection, connection.cursor() as cursor:
        cursor.execute(config.sql, config.parameters or None)
        step.log.info("query done", query_id=cursor.sfqid, records=cursor.rowcount)
        return {**extract(config, _batches(cursor)), "query_id": cursor.sfqid}


def _batches(cursor: Any) -> Iterator[pa.Table]:
    empty = True
    for table in cursor.fetch_arrow_batches():
        empty = False
        yield table
    if empty:
        yield cursor.fetch_arrow_all(force_return_table=True)


@contextmanager
def _connection(config: Extract, settings: SnowflakeSettings) -> Iterator[SnowflakeConnection]:
    from snowflake import connector

    wanted = {
        name: getattr(config, name, None) or getattr(settings, name)
        for name in ("account", "user", "role", "warehouse", "database", "db_schema", "host", "port", "protocol")
    }
    wanted["schema"] = wanted.pop("db_schema")
    try:
        connection = connector.connect(
            **{name: value for name, value in wanted.items() if value is not None},
            password=step.secret(PASSWORD),
            application="Longpole",
            login_timeout=_LOGIN_SECONDS,
            # It would look for clouds' metadata services, and tell Snowflake how it is used.
            platform_detection_timeout_seconds=0,
            session_parameters={"CLIENT_TELEMETRY_ENABLED": False, "QUERY_TAG": f"{step.execution_id}/{step.step_id}"},
        )
        with connection, interrupting(lambda: _cancel(connection)):
            yield connection
    except (connector.errors.OperationalError, connector.errors.InterfaceError) as error:
        raise TemporaryFailure(_said(error)) from None
    except connector.errors.DatabaseError as error:
        if error.errno in _BAD_LOGIN:
            raise PermanentFailure(_said(error), error_class=AUTHENTICATION) from None
        raise InvalidInput(_said(error)) from None


def _cancel(connection: SnowflakeConnection) -> None:
    from snowflake.connector.errors import Error

    with suppress(Error), connection.cursor() as cursor:
        cursor.execute("SELECT SYSTEM$CANCEL_ALL_QUERIES(%s)", (connection.session_id,))


def _said(error: Any) -> str:
    return f"Snowflake says: {str(error.msg or error)[:1000]}"
