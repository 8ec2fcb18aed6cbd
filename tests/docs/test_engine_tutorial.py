"""docs/engine.md, block by block, as a reader would run it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from temporal_dev.server import DevServer

from engine.settings import Settings, load_settings
from longpole.workflow_engine.runtime import close_all
from tests.docs.blocks import blocks, run_block

DOCUMENT = Path(__file__).parents[2] / "docs" / "engine.md"


async def test_every_block_runs(
    settings: Settings, temporal: DevServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DOCUMENT.read_text()
    (configuration,) = blocks(text, "toml")
    assert tomllib.loads(configuration.code)
    monkeypatch.chdir(tmp_path)
    Path("longpole.toml").write_text(configuration.code)
    monkeypatch.setenv("LONGPOLE_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("LONGPOLE_TASK_QUEUE", settings.task_queue)
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    assert load_settings().handler_allow == ("shop",)
    found: dict[str, Any] = {}
    try:
        for block in blocks(text):
            if block.file:
                Path(block.file).write_text(block.code)
            else:
                await run_block(block, found, name=str(DOCUMENT))
    finally:
        close_all()
        found["db"].close()
        found["db"].get_bind().dispose()
