"""Who is at the terminal."""

from __future__ import annotations

import getpass
import os


def login_name() -> str:
    """The name that somebody is logged in with; `uid 1234` where there is none, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
