"""What engines did, as a table."""

from __future__ import annotations

from typing import Any

from benchmarks.peers_on.work import ALL, LATENCY

_USUAL = {work.name: work for work in ALL}


def table(told: list[dict[str, Any]]) -> str:
    """As Markdown: a row for each engine and size, steps a second and ratio for each work, and what went wrong below.

    `told`: what `benchmarks.peer_rounds.Rounds.told` gives. An engine's smaller sizes are told in brackets; those that
    were measured for the ratios of others only are left out.
    """
    offered: dict[str, dict[str, tuple[str, str]]] = {}
    notes = []
    for each in told:
        cells = offered.setdefault(each["engine"], {})
        if "error" in each:
            where = f", {each['work']} ({each['size']})" if "work" in each else ""
            times = f" ({each['failures']} times)" if each.get("failures", 1) > 1 else ""
            notes.append(f"- {each['engine']}{where}: {each['error']}{times}")
        if "work" in each and each["work"] not in cells:
            cells[each["work"]] = _cell(each)
    lines = [
        f"| engine | {' | '.join(f'{_title(name)} | ratio' for name in _USUAL)} |",
        "| --- " * (2 * len(_USUAL) + 1) + "|",
    ]
    for engine, cells in offered.items():
        row = [part for name in _USUAL for part in cells.get(name, ("-", "-"))]
        lines.append(f"| {engine} | {' | '.join(row)} |")
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _title(name: str) -> str:
    return "one step" if name == LATENCY.name else f"{name} of {_USUAL[name].size}, steps/s"


def _cell(each: dict[str, Any]) -> tuple[str, str]:
    if "seconds" not in each:
        return "failed" if "error" in each else "-", "-"
    ratio = f"{each['ratio']:.3g}" if "ratio" in each else "-"
    if each["work"] == LATENCY.name:
        return f"{each['seconds'] * 1000:.1f} ms", ratio
    size = "" if each["size"] == _USUAL[each["work"]].size else f" ({each['size']})"
    return f"{each['steps'] / each['seconds']:.3g}{size}", ratio
