"""What Airflow's DAG processor reads: a DAG for each work of `on_airflow`."""

from __future__ import annotations

import datetime
from itertools import pairwise

from airflow.sdk import DAG, task

from benchmarks.peers_on.on_airflow import WORKS, dag_id


@task
def no_op(given: dict[str, int]) -> dict[str, int]:
    """A step."""
    return {"n": given["n"]}


for work in WORKS:
    with DAG(dag_id(work), schedule=None, start_date=datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)) as dag:
        steps = [no_op.override(task_id=f"s{n}")({"n": n}) for n in range(work.steps)]
        if work.wide:
            steps >> no_op.override(task_id="join")({"n": work.steps})
        else:
            for before, after in pairwise(steps):
                before >> after
    globals()[dag.dag_id] = dag
