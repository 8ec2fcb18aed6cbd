"""Files in the run's folder (`step.workdir`). A file is there whole or not at all, so an attempt may be repeated."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from longpole import InvalidInput, step

Arrays = dict[str, NDArray[Any]]


def write(file: str, content: bytes) -> Path:
    """Put `content` into the file, replacing what an earlier attempt left. Returns where it is."""
    path = _inside(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return path


def write_arrays(file: str, arrays: Arrays) -> None:
    """Put named arrays into a file."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    write(file, content.getvalue())


def read_arrays(file: str) -> Arrays:
    """The named arrays of a file. Raises `InvalidInput` when it is not there."""
    with np.load(_existing(file), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def write_model(file: str, model: Any) -> Path:
    """Put a trained model into a file. Returns where it is."""
    content = io.BytesIO()
    joblib.dump(model, content)
    return write(file, content.getvalue())


def read_model(file: str) -> Any:
    """The trained model of a file. Raises `InvalidInput` when it is not there.

    A model is a pickle: this reads only what a step of the same run has written."""
    return joblib.load(_existing(file))


def _existing(file: str) -> Path:
    path = _inside(file)
    if not path.is_file():
        raise InvalidInput(f"there is no file `{file}` in this run's folder: run the step that writes it first")
    return path


def _inside(file: str) -> Path:
    root = Path(step.workdir).resolve()
    path = (root / file).resolve()
    if not path.is_relative_to(root) or path == root:
        raise InvalidInput(f"`{file}` is not a path inside the run's folder")
    return path
