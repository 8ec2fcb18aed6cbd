"""A plain script, from its first line to its last: `one_script.py DATABASE_URL`."""

import json
import sys

from sqlmodel import Session, create_engine

from longpole import WorkflowService

with Session(create_engine(sys.argv[1])) as db:
    service = WorkflowService(db)
    service.engine.create_template("t", {"steps": [{"id": "a", "handler": "steps.echo"}]})
    service.engine.create_template("bad", {"steps": [{"id": "a", "handler": "steps.fail"}]})
    failed = service.start_workflow("bad", async_execution=False)
    waited = service.start_workflow("t", {"n": 1}, async_execution=False)
    started = service.start_workflow("t", {"n": 2})
    print(json.dumps([waited.status, waited.output_data, failed.error_message, str(started.id)]))  # noqa: T201
