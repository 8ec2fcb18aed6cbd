"""How the command is called from where it is called: what is suggested must work when it is pasted."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def program() -> str:
    """`longpole` where that is on PATH (or nobody can tell), else its path from here, e.g. `.venv/bin/longpole`."""
    own = Path(sys.argv[0])
    found = shutil.which("longpole")
    if own.name != "longpole" or (found is not None and Path(found).resolve() == own.resolve()):
        return "longpole"
    near = os.path.relpath(own)
    return near if not near.startswith("..") else str(own)
