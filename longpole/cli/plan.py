"""`longpole plan`: when each step of some workflows should run, with what, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from longpole.cli import exit_codes
from longpole.cli.console import err, out, print_json
from longpole.cli.options import Json


def plan(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Workflow definitions (YAML, JSON) or WfFormat traces, planned together.", metavar="FILE..."
        ),
    ] = None,
    pools: Annotated[
        Path | None, typer.Option("--pools", help="What there is of each resource, and its price.")
    ] = None,
    start: Annotated[
        str, typer.Option("--start", metavar="WHEN", help='"now", "22:00", "2025-07-02 22:00" or a duration from now.')
    ] = "now",
    deadline: Annotated[
        str | None,
        typer.Option("--deadline", metavar="WHEN", help="Everything ends by then; a duration counts from the start."),
    ] = None,
    objective: Annotated[
        str,
        typer.Option(
            help="makespan, cost, balanced, completion, an order (cost,duration) or weights (duration=0.5,...)."
        ),
    ] = "makespan",
    budget: Annotated[float | None, typer.Option(min=0, help="The money that all of it may cost.")] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option("--what-if", metavar="CHANGE", help="Compare with e.g. pools.gpu=3. Repeatable: one plan each."),
    ] = None,
    time_limit: Annotated[float, typer.Option("--time-limit", min=0.01, help="Seconds to search at most.")] = 10.0,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Threads.")] = 2,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Another seed searches in another order.")] = 0,
    work: Annotated[
        float | None, typer.Option(min=0.001, help="Count work instead of seconds: the same plan each time.")
    ] = None,
    default_duration: Annotated[
        str, typer.Option("--default-duration", help="What a step takes that states no estimated_duration.")
    ] = "1m",
    html: Annotated[Path | None, typer.Option("--html", help="Write a page that shows the plan.")] = None,
    psplib: Annotated[Path | None, typer.Option("--psplib", help="Solve a PSPLIB or MMLIB file instead.")] = None,
    as_json: Json = False,
) -> None:
    """Plan workflows before they run: when each step starts, on what, what it costs, and why not earlier.

    Nothing is started. Ctrl-C ends the search with the best plan so far.

    Exit code 0: there is a plan; 2: bad input; 5: no plan keeps every rule; 6: none was found in time.
    """
    from planner import Limits

    limits = Limits(seconds=time_limit, workers=workers, seed=seed, work=work)
    if psplib is not None:
        from longpole.cli.planning.project_file import plan_project

        if files or pools:
            raise typer.BadParameter("it goes without FILE and --pools", param_hint="--psplib")
        found, code = plan_project(psplib, limits, err)
        if as_json:
            print_json(found)
        else:
            for name, value in found.items():
                out.print(f"{name}: {value}", markup=False)
        raise typer.Exit(code)
    if not files:
        raise typer.BadParameter("name at least one workflow file", param_hint="FILE...")

    from engine.planning.account_json import account_json
    from longpole.cli.planning.answer import answer, show
    from longpole.cli.planning.page import require_folder, write_page
    from longpole.cli.planning.reading import read_request

    if html is not None:
        require_folder(html)
    request = read_request(files, pools, start, deadline, objective, budget, default_duration)
    account = answer(request, limits, what_if or (), err if as_json else out)
    if html is not None and account.plan.schedule is not None:
        write_page(account, html)
    if as_json:
        print_json(account_json(account))
    else:
        show(account)
    raise typer.Exit(exit_codes.of_plan(account.plan.status))
