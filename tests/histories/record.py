"""Records the histories anew: `make histories` (`python -m tests.histories.record [NAME ...]` for some of them).

Only when runs are meant to behave differently: until then, runs that are open go on as these do.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import uuid
from pathlib import Path

from temporal_dev.temporary import temporary_server

from engine.core import Engine, open_engine
from engine.service import working
from engine.settings import Settings
from tests.histories import beside, files
from tests.histories.feature import Feature
from tests.histories.features import FEATURES
from tests.histories.steering import Run
from tests.running import begin, ended, histories
from workflows import attributes

EVENTS_BEFORE_CONTINUING = 120
"""More than any feature needs but the one that is continued as new."""


async def record(address: str, features: list[Feature], folders: list[str]) -> None:
    """Run each feature, and the workflows beside runs of these folders, and store what Temporal has of it."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            handler_paths=(Path("tests/handlers"),),
            handler_allow=("steps",),
            grace_seconds=1,
            outbound_allow=("127.0.0.0/8",),
            webhook_plain_http=True,
            webhook_retries=(1.0,),
        )
        async with open_engine(settings, temporal_address=address) as engine, working(engine):
            for feature in features:
                recorded = await histories(engine, await _execute(engine, feature))
                for path in files.FOLDER.glob(f"{feature.name}*.json"):
                    if path.stem.partition(".")[0] == feature.name:
                        path.unlink()
                for number, history in enumerate(recorded, 1):
                    files.write(feature.name if len(recorded) == 1 else f"{feature.name}.{number}", history)
                print(f"{feature.name}: {', '.join(str(len(history.events)) for history in recorded)} events")
            for kind in folders:
                await beside.record(engine, kind)


async def _execute(engine: Engine, feature: Feature) -> str:
    # The same id each time, so that histories recorded anew differ in little.
    execution_id = f"exec_{uuid.uuid5(uuid.NAMESPACE_URL, feature.name).hex}"
    for other in feature.others:
        await engine.definitions.save(other)
    await begin(engine, feature.document, feature.run_input, execution_id=execution_id)
    if feature.steer is not None:
        await feature.steer(Run(engine, execution_id))
    execution = await ended(engine, execution_id)
    if execution.status != feature.status:
        raise RuntimeError(f"{feature.name} ended as {execution.status}, not {feature.status}: {execution.error}")
    return execution_id


def main(names: list[str]) -> None:
    """Record the features of these names (`launchers`, `deliveries`, `cleanups`: of workflows beside runs), or all."""
    logging.getLogger("temporalio").setLevel(logging.ERROR)  # steps that fail are meant to
    features = [feature for feature in FEATURES if not names or feature.name in names]
    folders = [folder for folder in beside.KINDS if not names or folder in names]
    with temporary_server(
        search_attributes=attributes.TYPES,
        dynamic_config={"limit.historyCount.suggestContinueAsNew": EVENTS_BEFORE_CONTINUING},
    ) as server:
        asyncio.run(record(server.address, features, folders))


if __name__ == "__main__":
    main(sys.argv[1:])
