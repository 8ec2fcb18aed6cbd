"""Which files the steps of users may read and write: those of their run, and what the operator names."""

from __future__ import annotations

import os
import re
from pathlib import Path

from activities import step
from activities.errors import InvalidInput, TemporaryFailure

SOURCES = "LONGPOLE_DATA_SOURCES"
"""The environment variable with the folders and URLs, separated by commas, beneath which data may be read."""
TARGETS = "LONGPOLE_DATA_TARGETS"
"""The same for where results may be written."""
MAX_FILES = 10_000


def source_files(source: str) -> list[Path]:
    """The files of a file, a folder or a URL (copied into the run's folder). Raises `InvalidInput`,
    `TemporaryFailure`."""
    if "://" in source and not source.startswith("file://"):
        return _fetched(source)
    path = source_path(source)
    return sorted(each for each in path.rglob("*") if each.is_file())[:MAX_FILES] if path.is_dir() else [path]


def source_path(source: str) -> Path:
    """A file or folder that may be read; relative paths are those of the run's folder. Raises `InvalidInput`."""
    path = _resolved(source)
    if not any(path.is_relative_to(root) for root in source_folders()):
        raise InvalidInput(f"{source} may not be read: it is beneath none of {SOURCES}")
    if not path.exists():
        raise InvalidInput(f"{source} is not there")
    return path


def source_folders() -> list[Path]:
    """All folders that may be read; the first is the run's."""
    return [step.workdir.resolve(), *_folders(SOURCES), *_folders(TARGETS)]


def is_remote_target(target: str) -> bool:
    """Whether it is a URL outside this machine. Raises `InvalidInput` for one that may not be written."""
    if "://" not in target or target.startswith("file://"):
        return False
    if not _is_beneath(target, _named(TARGETS)):
        raise InvalidInput(f"{target} may not be written: it is beneath none of {TARGETS}")
    return True


def target_path(target: str) -> Path:
    """A file that may be written, its folder made; relative paths are those of the run's folder. Raises
    `InvalidInput`."""
    path = _resolved(target)
    if not any(path.is_relative_to(root) for root in (step.workdir.resolve(), *_folders(TARGETS))):
        raise InvalidInput(f"{target} may not be written: it is beneath none of {TARGETS}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def put(path: Path, target: str) -> None:
    """Copies a file to a URL that may be written. Raises `InvalidInput`, `TemporaryFailure`."""
    import fsspec

    try:
        system, place = fsspec.core.url_to_fs(target)
        system.makedirs(place.rpartition("/")[0], exist_ok=True)
        system.put_file(str(path), place)
    except (ImportError, ValueError) as error:
        raise InvalidInput(f"{target} can't be written: {error}") from None
    except OSError as error:
        raise TemporaryFailure(f"{target} can't be written: {error}") from error


def _resolved(text: str) -> Path:
    return (step.workdir / Path(text.removeprefix("file://")).expanduser()).resolve()


def _is_beneath(url: str, roots: list[str]) -> bool:
    """Whether it is in one of these folders, of which those on this machine are none of a URL's."""
    folders = [f"{root.rstrip('/')}/" for root in roots if "://" in root]
    return ".." not in url and any(f"{url.rstrip('/')}/".startswith(folder) for folder in folders)


def _named(variable: str) -> list[str]:
    return [root.strip() for root in os.environ.get(variable, "").split(",") if root.strip()]


def _folders(variable: str) -> list[Path]:
    return [Path(root).expanduser().resolve() for root in _named(variable) if "://" not in root]


def _fetched(source: str) -> list[Path]:
    """Copies in the folder of the run."""
    if not _is_beneath(source, [*_named(SOURCES), *_named(TARGETS)]):
        raise InvalidInput(f"{source} may not be read: it is beneath none of {SOURCES}")
    import fsspec

    target = step.workdir / "sources" / re.sub(r"[^\w.-]", "_", source)
    target.mkdir(parents=True, exist_ok=True)
    try:
        system, path = fsspec.core.url_to_fs(source)
        system.invalidate_cache()  # others write there, too
        places = system.find(path) if system.isdir(path) else [path]
        copies = [target / f"{number:05d}_{Path(place).name}" for number, place in enumerate(places[:MAX_FILES])]
        for place, copy in zip(places, copies, strict=False):
            system.get_file(place, str(copy))
    except (ImportError, ValueError) as error:
        raise InvalidInput(f"{source} can't be read: {error}") from None
    except FileNotFoundError:
        raise InvalidInput(f"{source} is not there") from None
    except OSError as error:
        raise TemporaryFailure(f"{source} can't be read: {error}") from error
    return copies
