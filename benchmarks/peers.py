"""The same work on Longpole, workflows written by hand for Temporal, DBOS, Prefect, Dagster and Airflow, in one run.

    python -m benchmarks.peers [--only PART-OF-A-TITLE ...] [--quick] [--rounds N] [--json] [--save FILE]
        [--environments DIRECTORY]
    python -m benchmarks.peers --install

Each engine is in processes of its own, which are stopped while it is not its turn, and, but for Longpole and Temporal,
has packages of its own (installed once, pinned in `peers-*.txt`; `--install` does only that). PostgreSQL is a server of
its own on a Unix socket. Every round gives each engine one turn, the next round begins with the next engine. A ratio is
the median over the rounds of (its time / that of the workflow written by hand for Temporal, for exactly as much work).
Nothing but the loopback interface is used while something is measured. What fails on an engine is told with the reason.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.peer_packages import PeerFailed, python_with
from benchmarks.peer_process import Peer
from benchmarks.peer_rounds import Pace, Rounds, Runner
from benchmarks.peer_table import table
from benchmarks.report import machine
from tests.postgres import Postgres

_ON_DISK = "Temporal by hand, commits on disk"
PEERS = (
    Peer("Longpole and Temporal", "on_longpole"),
    Peer("Longpole and Temporal, commits on disk", "on_longpole", options=("--full",), against=_ON_DISK),
    Peer("DBOS, PostgreSQL", "on_dbos", "dbos", postgres=True),
    Peer("DBOS, PostgreSQL, runs queued", "on_dbos", "dbos", ("--queued",), postgres=True),
    Peer("DBOS, PostgreSQL, commits on disk", "on_dbos", "dbos", ("--full",), postgres=True, against=_ON_DISK),
    Peer("DBOS, SQLite", "on_dbos", "dbos", ("--sqlite",)),
    Peer("Prefect, SQLite", "on_prefect", "prefect"),
    Peer("Dagster, SQLite", "on_dagster", "dagster"),
    Peer("Airflow, PostgreSQL, LocalExecutor", "on_airflow", "airflow", postgres=True),
)
DEFAULT_ENVIRONMENTS = Path.home() / ".cache" / "longpole" / "peers"
QUICK = Pace(rounds=5, minutes=15, seconds=0.5, most=10)
LONG = Pace(rounds=15, minutes=60, seconds=1.0, most=20)


def installed(peers: list[Peer], environments: Path) -> tuple[dict[Peer, Path], list[dict[str, str]]]:
    """The interpreter of each peer, and those that there is none for, with the reason."""
    found, failed = {}, []
    for peer in peers:
        try:
            found[peer] = python_with(peer.packages, environments)
        except PeerFailed as error:
            failed.append({"engine": peer.title, "error": str(error)})
    return found, failed


def run(peers: list[Peer], environments: Path, pace: Pace, save: Path | None) -> dict[str, Any]:
    """All of them; `save` has the results after every round."""
    begun, load = time.monotonic(), os.getloadavg()[0]
    pythons, not_installed = installed(peers, environments)
    postgres = Postgres() if any(peer.postgres for peer in pythons) else None

    done = 0

    def database(peer: Peer) -> str:
        return _database(postgres, peer) if postgres and peer.postgres else ""

    rounds = Rounds([Runner(peer, python, database) for peer, python in pythons.items()], pace)

    def results() -> dict[str, Any]:
        return {
            "machine": machine(),
            "load": round(load, 1),
            "seconds": round(time.monotonic() - begun),
            "rounds": done,
            "results": [*rounds.told(), *not_installed],
        }

    def after_round(number: int) -> None:
        nonlocal done
        done = number
        if save:
            save.write_text(json.dumps(results(), indent=2) + "\n")

    try:
        rounds.run(after_round)
    finally:
        if postgres:
            postgres.stop()
    return results()


def _database(postgres: Postgres, peer: Peer) -> str:
    """An empty database, which may lose the last commits when the power fails (as Longpole's may) but with `--full`."""
    url = postgres.create_database()
    if "--full" not in peer.options:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")
    return url


def _end(*_: object) -> None:
    """So that what was started ends, too: a second signal, as `timeout` sends, must not cut that short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def main() -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, _end)
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="TEXT", help="only engines with one of these in their titles"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--save", type=Path, metavar="FILE", help="the JSON object in a file, too, after every round")
    parser.add_argument("--install", action="store_true", help="only install what is not installed yet")
    parser.add_argument("--environments", type=Path, default=DEFAULT_ENVIRONMENTS, help="where packages are installed")
    options = parser.parse_args()
    chosen = [peer for peer in PEERS if any(part.lower() in peer.title.lower() for part in options.only)]
    if not chosen:
        parser.error(
            f"no engine has {' or '.join(options.only)!r} in its title: {', '.join(peer.title for peer in PEERS)}"
        )
    environments = options.environments.resolve()
    if options.install:
        _, failed = installed(chosen, environments)
        sys.exit("\n".join(f"{each['engine']}: {each['error']}" for each in failed))
    pace = QUICK if options.quick else LONG
    if options.rounds is not None:
        pace = replace(pace, rounds=options.rounds)
    results = run(chosen, environments, pace, options.save)
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
        return
    print(f"{results['machine']}; load {results['load']} before; {results['rounds']} rounds, {results['seconds']} s\n")
    print(table(results["results"]))


if __name__ == "__main__":
    main()
