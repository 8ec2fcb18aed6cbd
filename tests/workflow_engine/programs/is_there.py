"""Makes an engine, and stays until standard input closes: `is_there.py DATABASE_URL`."""

import sys

from sqlmodel import Session, create_engine

from longpole import WorkflowEngine

with Session(create_engine(sys.argv[1])) as db:
    WorkflowEngine(db)
    print("there", flush=True)  # noqa: T201
    sys.stdin.read()
