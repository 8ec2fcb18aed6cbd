"""`longpole approvals` of all runs, some of which can't tell."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import ServiceUnavailable
from longpole.cli.steering import of_all


async def ask(execution_id: str) -> list[dict[str, Any]]:
    if "silent" in execution_id:
        raise ServiceUnavailable(f"nobody tells of {execution_id}")
    return [{"execution_id": execution_id, "step": "ask"}]


async def test_a_run_that_cannot_tell_hides_nothing_of_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    found = await of_all(["one", "silent", "two"], ask)
    assert [each["execution_id"] for each in found] == ["one", "two"]
    assert "silent: nobody tells of silent" in capsys.readouterr().err


async def test_where_none_can_tell_that_is_the_answer() -> None:
    assert await of_all([], ask) == []
    with pytest.raises(ServiceUnavailable):
        await of_all(["silent", "silent too"], ask)
