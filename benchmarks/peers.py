"""The same work on Longpole, workflows written by hand for Temporal, DBOS, Prefect, Dagster and Airflow.

    python -m benchmarks.peers [--only PART-OF-A-TITLE] [--quick] [--json] [--environments DIRECTORY]

One engine after the other, each in processes of its own and, but for Longpole and Temporal, with packages of its own
(installed once, pinned in `peers-*.txt`). PostgreSQL is a server of its own on a Unix socket. Nothing but the loopback
interface is used while something is measured. An engine that can't be measured is told with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.peer_process import Peer, PeerFailed
from benchmarks.peers_on.work import ALL, LATENCY
from benchmarks.report import machine
from tests.postgres import Postgres

PEERS = (
    Peer("Longpole and Temporal, usual commits", "on_longpole"),
    Peer("Longpole and Temporal, commits on disk", "on_longpole", options=("--full",)),
    Peer("DBOS, PostgreSQL", "on_dbos", "dbos", postgres=True),
    Peer("DBOS, PostgreSQL, commits on disk", "on_dbos", "dbos", ("--full",), postgres=True),
    Peer("DBOS, SQLite", "on_dbos", "dbos", ("--sqlite",)),
    Peer("Prefect", "on_prefect", "prefect"),
    Peer("Dagster", "on_dagster", "dagster"),
    Peer("Airflow", "on_airflow", "airflow", postgres=True),
)
DEFAULT_ENVIRONMENTS = Path.home() / ".cache" / "longpole" / "peers"


def run(peers: list[Peer], environments: Path, *, quick: bool) -> dict[str, Any]:
    """All of them."""
    begun, load = time.monotonic(), os.getloadavg()[0]
    told: list[dict[str, Any]] = []
    postgres = Postgres() if any(peer.postgres for peer in peers) else None
    try:
        for peer in peers:
            print(f"{peer.title} ...", file=sys.stderr, flush=True)
            url = _database(postgres, peer) if postgres and peer.postgres else ""
            try:
                told += peer.measure(environments, quick=quick, postgres_url=url)
            except PeerFailed as failed:
                told.append({"engine": peer.title, "error": str(failed)})
    finally:
        if postgres:
            postgres.stop()
    return {
        "machine": machine(),
        "load": round(load, 1),
        "seconds": round(time.monotonic() - begun),
        "results": told,
    }


def _database(postgres: Postgres, peer: Peer) -> str:
    """An empty database, which may lose the last commits when the power fails (as Longpole's may) but with `--full`."""
    url = postgres.create_database()
    if "--full" not in peer.options:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")
    return url


def table(results: dict[str, Any]) -> str:
    """As Markdown: a row for each engine, and what went wrong below."""
    engines: dict[str, dict[str, str]] = {}
    notes = []
    for told in results["results"]:
        row = engines.setdefault(told["engine"], {})
        if "error" in told:
            notes.append(f"- {told['engine']}{', ' + told['work'] if 'work' in told else ''}: {told['error']}")
            row[told.get("work", "")] = "failed"
        elif told["work"] == LATENCY.name:
            row[told["work"]] = f"{told['seconds'] * 1000:.1f} ms"
        else:
            usual = next(work.size for work in ALL if work.name == told["work"])
            size = "" if told["size"] == usual else f" ({told['size']})"
            row[told["work"]] = f"{told['steps'] / told['seconds']:.3g}{size}"
    titles = [f"{work.name} of {work.size}, steps/s" for work in ALL if work != LATENCY]
    lines = [
        f"| engine | {' | '.join(titles)} | one step, start to result |",
        "| --- " * (len(ALL) + 1) + "|",
        *(f"| {name} | {' | '.join(row.get(work.name, '-') for work in ALL)} |" for name, row in engines.items()),
    ]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def main() -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started ends, too
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="only the engines with this in their title")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--environments", type=Path, default=DEFAULT_ENVIRONMENTS, help="where packages are installed")
    options = parser.parse_args()
    chosen = [peer for peer in PEERS if options.only.lower() in peer.title.lower()]
    if not chosen:
        parser.error(f"no engine has {options.only!r} in its title: {', '.join(peer.title for peer in PEERS)}")
    results = run(chosen, options.environments.resolve(), quick=options.quick)
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
        return
    print(f"{results['machine']}; load {results['load']} before; {results['seconds']} s\n")
    print(table(results))


if __name__ == "__main__":
    main()
