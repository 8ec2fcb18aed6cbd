"""A process that records events and attempts of a run for ever, as a worker would: `appender URL EXECUTION WRITER`.

After each committed batch it prints how many it has written; on any error it ends with a traceback.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import count

from store import recording
from store.database import Database
from store.records import AttemptRecord, EventRecord


def main(url: str, execution_id: str, writer: str) -> None:
    database = Database(url)
    for turn in count(1):
        now = datetime.now(UTC)
        batch = [
            EventRecord(execution_id, "step.completed", now, key=f"{writer}/{turn}"),
            AttemptRecord(execution_id, writer, 1, turn, turn, "completed", now, now, output_data="x" * 500),
        ]
        with database.write() as session:
            recording.record(session, batch)
        sys.stdout.write(f"{turn}\n")
        sys.stdout.flush()


main(*sys.argv[1:])
