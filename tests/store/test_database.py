from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from definitions.errors import LongpoleError, ServiceUnavailable
from store import migrate
from store.database import Database, StoreUnavailable
from store.instances import get_instance
from store.tables import Row
from tests.postgres import Postgres

ROOT = Path(__file__).parents[2]


def _first_of(session: Session, statement: str) -> object:
    return session.execute(text(statement)).scalar_one()


@pytest.fixture
def notes(database: Database) -> Database:
    with database.write() as session:
        session.execute(text("CREATE TABLE notes (word TEXT)"))
    return database


def _words(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(text("SELECT word FROM notes")))


_ROWS_OF_THE_FIRST_SCHEMA = (
    "INSERT INTO workflow_templates (id, name, version, definition, is_active, created_at, updated_at, description, "
    f"tags, owner, surface, revision, digest) VALUES ('{'b' * 32}', 'etl', 1, '{{}}', true, '2026-01-01 00:00:00', "
    "'2026-01-01 00:00:00', '', '[]', '', '', 1, 'sha256:0')",
    "INSERT INTO workflow_instances (id, template_id, status, priority, name, revision, digest, owner, created_at, "
    f"updated_at, event_sequence, tags) VALUES ('{'a' * 32}', '{'b' * 32}', 'pending', 50, 'etl', 1, 'sha256:0', '', "
    "'2026-01-01 00:00:00', '2026-01-01 00:00:00', 0, '[]')",
)


@pytest.fixture
def first_schema(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database as the first release left it."""
    database = Database(url)
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "HEAD", "0001")
        database.migrate()
    yield database
    database.dispose()


class TestMigrate:
    def test_gives_the_schema_that_the_tables_describe(self, database: Database, url: str) -> None:
        engine = create_engine(url)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": migrate.VERSION_TABLE})
            assert compare_metadata(context, Row.metadata) == []
        engine.dispose()

    def test_can_be_repeated(self, database: Database) -> None:
        database.migrate()
        database.check()

    def test_by_several_processes_at_once(self, url: str) -> None:
        program = "import sys; from store.database import Database; d = Database(sys.argv[1]); d.migrate(); d.check()"
        processes = [
            subprocess.Popen([sys.executable, "-c", program, url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        assert [process.communicate()[1] for process in processes] == [""] * 4

    def test_refuses_the_schema_of_a_later_release(self, database: Database) -> None:
        with database.write() as session:
            session.execute(text("UPDATE longpole_version SET version_num = '9999'"))
        with pytest.raises(LongpoleError, match="newer") as refused:
            database.migrate()
        assert refused.value.code == "database_too_new"
        with pytest.raises(StoreUnavailable, match="9999"):
            database.check()

    def test_takes_over_a_schema_whose_version_was_kept_under_alembics_name(self, first_schema: Database) -> None:
        with first_schema.write() as session:
            session.execute(text("ALTER TABLE longpole_version RENAME TO alembic_version"))
        first_schema.migrate()
        first_schema.check()

    def test_keeps_what_an_earlier_schema_holds(self, first_schema: Database) -> None:
        with first_schema.write() as session:
            for statement in _ROWS_OF_THE_FIRST_SCHEMA:
                session.execute(text(statement))
        first_schema.migrate()
        with first_schema.read() as session:
            row = get_instance(session, f"exec_{'a' * 32}")
        assert (row.name, row.parent_execution_id, row.parent_step, row.forked_from) == ("etl", None, None, None)

    def test_leaves_an_applications_own_migrations_and_tables_alone(self, url: str) -> None:
        database = Database(url)
        with database.write() as session:
            session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
            session.execute(text("INSERT INTO alembic_version VALUES ('f00')"))
        database.migrate()
        database.check()
        with database.read() as session:
            assert _first_of(session, "SELECT version_num FROM alembic_version") == "f00"
        database.dispose()

    def test_refuses_an_applications_tables_of_the_same_names(self, url: str) -> None:
        database = Database(url)
        with database.write() as session:
            session.execute(text("CREATE TABLE workflow_instances (id INTEGER)"))
        with pytest.raises(LongpoleError, match="workflow_instances") as refused:
            database.migrate()
        assert refused.value.code == "tables_taken"
        database.dispose()

    def test_the_head_named_in_the_code_is_the_newest_script(self) -> None:
        scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
        assert scripts.get_current_head() == migrate.HEAD

    def test_what_is_not_migrated_is_not_ready(self, url: str) -> None:
        database = Database(url)
        with pytest.raises(StoreUnavailable, match="none"):
            database.check()
        database.dispose()


class TestSessions:
    def test_a_write_block_commits_at_its_end_and_rolls_back_on_an_error(self, notes: Database) -> None:
        with notes.write() as session:
            session.execute(text("INSERT INTO notes VALUES ('kept')"))
        with contextlib.suppress(RuntimeError), notes.write() as session:
            session.execute(text("INSERT INTO notes VALUES ('lost')"))
            raise RuntimeError
        assert _words(notes) == ["kept"]

    def test_a_read_block_changes_nothing(self, notes: Database) -> None:
        # PostgreSQL refuses at once, SQLite drops it at the end.
        refused = contextlib.nullcontext() if notes.is_sqlite else pytest.raises(StoreUnavailable, match="read-only")
        with refused, notes.read() as session:
            session.execute(text("INSERT INTO notes VALUES ('lost')"))
        assert _words(notes) == []

    def test_reading_goes_on_while_another_writes(self, notes: Database) -> None:
        with notes.write() as session:
            session.execute(text("INSERT INTO notes VALUES ('later')"))
            assert _words(notes) == []
        assert _words(notes) == ["later"]

    def test_run_write_tries_again_only_what_may_pass(self, notes: Database) -> None:
        calls: list[int] = []

        def work(session: Session) -> str:
            session.execute(text("INSERT INTO notes VALUES ('once')"))
            calls.append(1)
            if len(calls) < 3:
                raise StoreUnavailable("gone", passing=True, remedy="")
            return "done"

        assert notes.run_write(work) == "done"
        assert _words(notes) == ["once"]

        def hopeless(session: Session) -> None:
            calls.append(1)
            raise StoreUnavailable("full", passing=False, remedy="")

        calls.clear()
        with pytest.raises(StoreUnavailable):
            notes.run_write(hopeless)
        assert len(calls) == 1


class TestSqlite:
    def test_is_set_up_for_several_writers(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path / 'new' / 'store.db'}")
        database.migrate()
        with database.read() as session:
            assert _first_of(session, "PRAGMA journal_mode") == "wal"
            assert _first_of(session, "PRAGMA synchronous") == 1
            assert _first_of(session, "PRAGMA foreign_keys") == 1
            assert _first_of(session, "PRAGMA busy_timeout") == 30_000
        database.dispose()

    def test_a_write_block_in_another_is_refused_at_once(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path / 'store.db'}")
        with database.write(), pytest.raises(RuntimeError, match="already"), database.write():
            pass
        database.dispose()

    def test_a_file_that_is_no_database_is_said_to_be_none(self, tmp_path: Path) -> None:
        (tmp_path / "store.db").write_text("something else entirely, long enough to be read as a header" * 20)
        database = Database(f"sqlite:///{tmp_path / 'store.db'}")
        with pytest.raises(StoreUnavailable, match="not a database") as refused:
            database.migrate()
        assert not refused.value.passing
        database.dispose()


class TestPostgres:
    @pytest.fixture
    def notes(self, postgres: Postgres) -> Database:
        database = Database(postgres.create_database())
        with database.write() as session:
            session.execute(text("CREATE TABLE notes (word TEXT)"))
        return database

    def test_the_pool_survives_disconnects_and_restarts(self, postgres: Postgres, notes: Database) -> None:
        for break_it in (postgres.disconnect_everyone, lambda: (postgres.crash(), postgres.start())):
            break_it()
            with notes.write() as session:
                session.execute(text("INSERT INTO notes VALUES ('after')"))
        assert _words(notes) == ["after", "after"]
        notes.dispose()

    def test_a_disconnect_in_the_middle_is_repeated(self, postgres: Postgres, notes: Database) -> None:
        calls: list[int] = []

        def work(session: Session) -> None:
            session.execute(text("INSERT INTO notes VALUES ('once')"))
            calls.append(1)
            if len(calls) == 1:
                postgres.disconnect_everyone()

        notes.run_write(work)
        assert (_words(notes), len(calls)) == (["once"], 2)
        notes.dispose()

    def test_a_deadlock_is_repeated(self, notes: Database) -> None:
        with notes.write() as session:
            session.execute(text("INSERT INTO notes VALUES ('a'), ('b')"))
        both_hold_one = threading.Barrier(2)
        first_try = threading.local()

        def work(session: Session, order: str) -> None:
            for index, word in enumerate(order):
                session.execute(text("UPDATE notes SET word = word WHERE word = :word"), {"word": word})
                if index == 0 and not hasattr(first_try, "over"):
                    first_try.over = True
                    both_hold_one.wait(timeout=90)

        threads = [threading.Thread(target=notes.run_write, args=(lambda s, o=o: work(s, o),)) for o in ("ab", "ba")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        assert not any(thread.is_alive() for thread in threads)
        notes.dispose()

    def test_a_server_that_is_down_is_a_clear_error(self, tmp_path: Path) -> None:
        database = Database(f"postgresql+psycopg://someone:hunter2@/none?host={tmp_path}")
        with pytest.raises(ServiceUnavailable) as refused:
            database.check()
        assert refused.value.code == "database_unavailable"
        assert "hunter2" not in str(refused.value)
        database.dispose()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "postgresql+asyncpg://x/y", "not a url", "sqlite:////"]
)
def test_other_urls_are_refused_with_what_to_do(url: str) -> None:
    with pytest.raises(LongpoleError) as refused:
        Database(url)
    assert refused.value.code == "database_url_invalid"
    assert "postgresql+psycopg://" in refused.value.remedy
