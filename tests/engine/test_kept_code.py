"""The code of a package is read once, and executed for whoever imports it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from engine.kept_code import KeptCode, keep_code

PACKAGE = "kept_for_a_test"


def _anew(name: str) -> ModuleType:
    for known in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
        del sys.modules[known]
    importlib.invalidate_caches()
    return importlib.import_module(name)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of a package whose code is kept, with one module."""
    package = tmp_path / PACKAGE
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "inner" / "__init__.py").write_text("from ..module import seen\n")
    (package / "module.py").write_text("seen = []\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    keep_code(PACKAGE)
    yield package
    for known in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
        del sys.modules[known]


def test_each_import_has_state_of_its_own(folder: Path) -> None:
    first = _anew(f"{PACKAGE}.module")
    first.seen.append(1)
    again = _anew(f"{PACKAGE}.module")
    assert again is not first
    assert again.seen == []
    assert again.__file__ == first.__file__ == str(folder / "module.py")


def test_what_replaces_a_file_later_is_not_run(folder: Path) -> None:
    _anew(f"{PACKAGE}.module")
    (folder / "module.py").write_text("seen = ['something else']\n")
    assert _anew(f"{PACKAGE}.module").seen == []


def test_packages_inside_and_relative_imports_work(folder: Path) -> None:
    for _ in range(2):
        inner = _anew(f"{PACKAGE}.inner")
        assert inner.__path__ == [str(folder / "inner")]
        assert inner.seen is sys.modules[f"{PACKAGE}.module"].seen


def test_what_is_not_there_is_told_as_ever(folder: Path) -> None:
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="missing"):
            _anew(f"{PACKAGE}.missing")


def test_other_packages_and_a_second_time_change_nothing(folder: Path) -> None:
    finders = list(sys.meta_path)
    keep_code(PACKAGE)
    assert sys.meta_path == finders
    assert KeptCode(PACKAGE).find_spec("json") is None
