"""The data directory: made when it is first needed, with a clear error when it can't be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from definitions.errors import LongpoleError


def make_data_dir(path: Path) -> None:
    """Make the directory and the one for logs in it. Raises `LongpoleError` (`data_dir_unusable`)."""
    try:
        (path / "logs").mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise LongpoleError(
            f"the data directory {path} can't be written: {error.strerror}",
            code="data_dir_unusable",
            remedy="choose another with --data-dir or LONGPOLE_DATA_DIR",
        ) from None
