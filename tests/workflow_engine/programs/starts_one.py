"""Starts an instance, says its id, and stays: `starts_one.py DATABASE_URL NOTES_FILE`."""

import sys

from sqlmodel import Session, create_engine

from longpole import WorkflowService

url, notes = sys.argv[1:]
steps = [
    {"id": "first", "handler": "steps.note", "input_mapping": {"file": notes, "seconds": 0}},
    {
        "id": "second",
        "handler": "steps.note",
        "depends_on": ["first"],
        "input_mapping": {"file": notes, "seconds": 3},
    },
    {
        "id": "third",
        "handler": "steps.note",
        "depends_on": ["second"],
        "input_mapping": {"file": notes, "seconds": 0},
    },
]
with Session(create_engine(url)) as db:
    service = WorkflowService(db)
    service.engine.create_template("t", {"steps": steps})
    print(service.start_workflow("t").id, flush=True)  # noqa: T201
    sys.stdin.read()
