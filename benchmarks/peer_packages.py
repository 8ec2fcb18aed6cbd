"""The packages of the engines that Longpole is compared with: an environment for each, outside of the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PINNED = Path(__file__).parent
INSTALL_SECONDS = 1800


class PeerFailed(Exception):
    """Why an engine could not be measured."""


def python_with(packages: str, environments: Path) -> Path:
    """The interpreter that has what `peers-<packages>.txt` pins; empty: the one that Longpole runs in.

    Installed when it is not there yet, or not what the file says. Raises `PeerFailed`.
    """
    if not packages:
        return Path(sys.executable)
    wanted = PINNED / f"peers-{packages}.txt"
    folder = environments / packages
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    if installed.is_file() and installed.read_bytes() == wanted.read_bytes():
        return python
    print(f"Installing {wanted.name} into {folder} (once)", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted)]
    for command in ([sys.executable, "-m", "venv", str(folder)], install):
        _finish(command, wanted.name)
    shutil.copy(wanted, installed)
    return python


def _finish(command: list[str], what: str) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerFailed(f"{what} is not installed after {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise PeerFailed(f"{what} can not be installed: {last_lines(done.stderr)}")


def last_lines(text: str) -> str:
    """The end of a log, in one line."""
    return " / ".join(line.strip() for line in text.splitlines()[-4:] if line.strip())[-300:]
