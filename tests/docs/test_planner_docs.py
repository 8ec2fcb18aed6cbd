"""The first example of docs/planner.md, as a reader would run it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.docs.blocks import blocks, run_block

PAGE = Path(__file__).parents[2] / "docs" / "planner.md"


async def test_the_example_makes_the_plan_it_is_about(capsys: Any) -> None:
    namespace: dict[str, Any] = {}
    await run_block(blocks(PAGE.read_text())[0], namespace, name=str(PAGE))
    plan = namespace["plan"]
    assert (plan.status, plan.makespan) == ("optimal", 4200)
    assert plan.analysis.critical == ("load", "train")
    assert float(capsys.readouterr().out.split()[0]) == 4200
