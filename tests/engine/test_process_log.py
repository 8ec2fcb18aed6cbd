"""The log of a process."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import structlog

from engine.process_log import configure_process_log
from engine.settings import Settings


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_tracebacks_tell_no_local_variables(tmp_path: Path, log_format: Literal["console", "json"]) -> None:
    stream = io.StringIO()
    configure_process_log(Settings(data_dir=tmp_path, log_format=log_format), stream)

    def fail(given: str) -> None:
        raise ValueError("as asked")

    try:
        fail("hunter" + "2")
    except ValueError:
        logging.getLogger("temporalio.activity").warning("it failed", exc_info=True)
    assert "as asked" in stream.getvalue()
    assert "in fail" in stream.getvalue() or '"name": "fail"' in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
