"""New lines of a child's log file, for the terminal: with the child's name, without what makes them long."""

from __future__ import annotations

import re
from pathlib import Path

from rich.text import Text

_STYLES = {"error": "red", "critical": "red", "warning": "yellow"}
_CONSOLE_LINE = re.compile(r"^\S*T(?P<time>\d\d:\d\d:\d\d)\S* \[(?P<level>\w+) *\] (?P<rest>.*)$")
_LOGGER = re.compile(r" \[[\w.]+\](?= |$)")
_CHUNK_BYTES = 64 * 1024


class LogLines:
    """The lines that are added to a log file from now on. Tracebacks and the like stay in the file."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def read(self) -> list[Text]:
        """What has come since the last call."""
        try:
            with self._path.open("rb") as log:
                if log.seek(0, 2) < self._position:  # it was put away, and a new one begun
                    self._position, self._rest = 0, b""
                log.seek(self._position)
                chunk = log.read(_CHUNK_BYTES)
        except OSError:
            return []
        self._position += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [text for line in lines if (text := self._shortened(line.decode(errors="replace"))) is not None]

    def _shortened(self, line: str) -> Text | None:
        name = (f"{self._name:<6} ", "cyan")
        if line.startswith("{"):
            return Text.assemble(name, line)
        match = _CONSOLE_LINE.match(line)
        if match is None:
            return None
        style = _STYLES.get(match["level"], "")
        told = _LOGGER.sub("", match["rest"], count=1)
        if style:
            told = f"{match['level']}: {told}"
        return Text.assemble(name, (f"{match['time']} ", "dim"), (told, style))
