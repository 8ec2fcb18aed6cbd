"""Templates that were stored through another surface are told in the document's words."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from definitions.ids import to_uuid
from definitions.model import Definition
from definitions.references import find_references
from engine.definitions import core_document
from engine.settings import Settings
from longpole import WorkflowEngine
from longpole.workflow_engine import translate
from longpole.workflow_engine.described import described
from store.database import Database
from store.sessions import session_url
from store.templates import create_template

FILE: dict[str, Any] = {
    "name": "order",
    "version": "1.2.0",
    "description": "Takes an order's money",
    "tags": ["shop"],
    "timeout": "1h",
    "steps": [
        {"id": "check-it", "name": "Check the order", "handler": "steps.echo", "timeout": "1m"},
        {
            "id": "charge",
            "handler": "steps.echo",
            "execution_mode": "sequential",
            "depends_on": ["check-it"],
            "condition": "step_outputs['check-it']['success'] == True",
            "input": {
                "amount": "${check-it.result.amounts[0]['in euro']}",
                "customer": "${workflow.input.customer}",
                "region": "${context.region}",
                "literally": "$${this}",
                "fixed": {"deep": ["$${that}", 3]},
            },
            "retry": {"max_attempts": 3, "initial_interval": 2, "backoff_coefficient": 2, "retry_on_timeout": False},
        },
        {"id": "mend", "handler": "steps.recover"},
    ],
    "error_handlers": {"charge": "mend"},
}
DOCUMENT: dict[str, Any] = {
    "steps": [
        {"id": "check-it", "name": "Check the order", "handler": "steps.echo", "timeout_seconds": 60},
        {
            "id": "charge",
            "handler": "steps.echo",
            "execution_mode": "sequential",
            "depends_on": ["check-it"],
            "condition": "step_outputs['check-it']['success'] == True",
            "input_mapping": {
                "amount": "step_outputs.check-it.amounts[0]['in euro']",
                "customer": "input_data.customer",
                "region": "context.region",
                "literally": "${this}",
                "fixed": {"deep": ["${that}", 3]},
            },
            "retry_policy": {
                "max_attempts": 3,
                "backoff_multiplier": 2,
                "max_backoff_seconds": 300,
                "retry_on_timeout": False,
            },
        },
        {"id": "mend", "handler": "steps.recover"},
    ],
    "error_handlers": {"charge": "mend"},
    "default_timeout_seconds": 3600,
}


def test_a_workflow_of_another_surface_is_a_template_in_the_documents_words(db: Session, settings: Settings) -> None:
    core = core_document(Definition.model_validate(FILE))
    with WorkflowEngine(db, settings=settings, temporal_address="127.0.0.1:1") as engine:
        database = Database(session_url(db))
        with database.write() as session:
            stored = create_template(
                session,
                name="order",
                definition=core,
                digest="sha256:0",
                source=FILE,
                description=FILE["description"],
                tags=FILE["tags"],
                owner="local",
                surface="cli",
            )
            key = to_uuid(stored.workflow_id)
        database.dispose()
        template = engine.get_template(key)
        assert template.definition == DOCUMENT
        assert (template.description, template.tags, template.version) == (FILE["description"], ("shop",), 1)
        again = engine.create_template("order", template.definition, template.description, template.tags)
        assert (again.version, again.definition) == (2, DOCUMENT)


def test_what_is_told_means_the_same() -> None:
    core = core_document(Definition.model_validate(FILE))
    again = core_document(Definition.model_validate(translate.core_document("order", described(core))))
    assert described(again) == DOCUMENT
    meant = [(each.root, each.step_id, each.path) for each in find_references(core["steps"])]
    assert [(each.root, each.step_id, each.path) for each in find_references(again["steps"])] == meant
    del core["steps"][1]["input"], again["steps"][1]["input"]
    assert again["steps"] == core["steps"]


def test_what_the_document_has_no_words_for_stays_in_the_cores() -> None:
    steps = [
        {"id": "a", "retry": {"max_attempts": 2, "initial_interval": 5, "retry_on_errors": ["rate_limit"]}},
        {
            "id": "b",
            "handler": "steps.echo",
            "input": {"text": "Dear ${input_data.name}", "all": "${input_data}", "run": "${workflow.id}"},
        },
        {"id": "c", "wait": "10m"},
    ]
    told = described(core_document(Definition.model_validate({"name": "t", "max_parallel_steps": 3, "steps": steps})))
    first, second, third = told["steps"]
    assert told["max_parallel_steps"] == 3
    policy = first["retry_policy"]
    assert (policy["max_attempts"], policy["initial_interval"], policy["retry_on_errors"]) == (2, 5, ["rate_limit"])
    assert second["input_mapping"] == steps[1]["input"]
    assert third["wait"] == {"for": 600}
