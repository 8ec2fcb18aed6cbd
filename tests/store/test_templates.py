from __future__ import annotations

import threading

import pytest
from rows import Rows

from definitions.errors import Conflict, DefinitionNotFound, NotFound
from definitions.ids import new_workflow_id
from store import templates
from store.database import Database


class TestCreate:
    def test_counts_versions_by_owner_and_name(self, rows: Rows) -> None:
        made = [rows.template("etl"), rows.template("etl"), rows.template("other"), rows.template("etl", owner="ann")]
        assert [template.version for template in made] == [1, 2, 1, 1]
        assert {template.revision for template in made} == {1}
        assert made[0].workflow_id.startswith("wf_")

    def test_racing_creators_get_different_versions(self, rows: Rows) -> None:
        versions: list[int] = []
        threads = [threading.Thread(target=lambda: versions.append(rows.template().version)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(versions) == list(range(1, 9))

    def test_again_with_the_same_id_is_the_same_template(self, rows: Rows) -> None:
        chosen = new_workflow_id()
        rows.template(workflow_id=chosen)
        assert rows.template(workflow_id=chosen).version == 1
        with pytest.raises(Conflict) as refused:
            rows.template(workflow_id=chosen, digest="sha256:1")
        assert refused.value.code == "workflow_exists"

    def test_documents_read_back_to_the_letter(self, database: Database, rows: Rows) -> None:
        source = {
            "z": 1,
            "a": {"big": 1e16, "nul": "a\x00b", "half": "\ud800", "exact": 1.0, "long": 2**70},
            "m": [None],
        }
        template = rows.template(source=source, definition=source, description="nul \x00 and \ud800")
        with database.read() as session:
            read = templates.get_template(session, template.workflow_id)
            revision = templates.get_revision(session, template.workflow_id, 1)
        assert repr(read.definition) == repr(source) == repr(revision.source)
        assert read.description == "nul \ufffd and \ufffd"


class TestRevisions:
    def test_each_change_is_kept(self, database: Database, rows: Rows) -> None:
        first = rows.template(tags=["a"])
        with database.write() as session:
            second = templates.add_revision(
                session,
                first.workflow_id,
                definition={"steps": [1]},
                source={"s": 1},
                digest="sha256:1",
                created_by="ann",
            )
        assert (second.revision, second.version, second.digest, second.tags) == (2, 1, "sha256:1", ["a"])
        with database.read() as session:
            kept = templates.list_revisions(session, first.workflow_id)
        assert [(r.revision, r.digest, r.created_by) for r in kept] == [(1, "sha256:0", ""), (2, "sha256:1", "ann")]
        assert (kept[0].source, kept[1].source) == ({"name": "etl"}, {"s": 1})

    def test_another_name_brings_that_names_next_version(self, database: Database, rows: Rows) -> None:
        rows.template("taken")
        renamed = rows.template("etl")
        with database.write() as session:
            changed = templates.add_revision(
                session, renamed.workflow_id, name="taken", definition={}, source={}, digest="sha256:2"
            )
        assert (changed.name, changed.version) == ("taken", 2)

    def test_of_nothing_is_not_found(self, database: Database) -> None:
        with pytest.raises(DefinitionNotFound), database.write() as session:
            templates.add_revision(session, new_workflow_id(), definition={}, source={}, digest="sha256:1")
        with database.read() as session, pytest.raises(DefinitionNotFound):
            templates.get_revision(session, new_workflow_id(), 3)


class TestReading:
    def test_by_id_shows_owners_their_own(self, database: Database, rows: Rows) -> None:
        template = rows.template(owner="ann")
        with database.read() as session:
            assert templates.get_template(session, template.workflow_id, owner="ann").name == "etl"
            with pytest.raises(DefinitionNotFound):
                templates.get_template(session, template.workflow_id, owner="bob")
            with pytest.raises(NotFound):
                templates.get_template(session, "'; DROP TABLE workflow_templates")

    def test_by_name_finds_the_latest_or_the_one_asked_for(self, database: Database, rows: Rows) -> None:
        first, second = rows.template(), rows.template()
        with database.read() as session:

            def found(**wanted: object) -> object:
                template = templates.find_template(session, "etl", **wanted)
                return template and template.id

            assert found() == second.id
            assert found(version=1) == first.id
            assert found(owner="ann") is None

    def test_lists_newest_first_with_a_total(self, database: Database, rows: Rows) -> None:
        for name, tags in (("a", ["x", "y"]), ("b", ["x"]), ("c", [])):
            rows.template(name, tags=tags)
        with database.read() as session:

            def names(**wanted: object) -> tuple[list[str], int]:
                items, total = templates.list_templates(session, **wanted)
                return [item.name for item in items], total

            assert names(limit=2) == (["c", "b"], 3)
            assert names(limit=2, offset=2) == (["a"], 3)
            assert names(tags=["x"]) == (["b", "a"], 2)
            assert names(tags=["y", "x"]) == (["a"], 1)
            assert names(owner="ann") == ([], 0)

    def test_inactive_ones_can_be_left_out(self, database: Database, rows: Rows) -> None:
        kept, off = rows.template("kept"), rows.template("off")
        with database.write() as session:
            templates.set_active(session, off.workflow_id, False)
        with database.read() as session:
            items, total = templates.list_templates(session, is_active=True)
        assert ([item.id for item in items], total) == ([kept.id], 1)
