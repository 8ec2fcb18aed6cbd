from __future__ import annotations

from pathlib import Path

import pytest

from engine.settings import Settings, SettingsInvalid, find_project_file, load_settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LONGPOLE_{name.upper()}", raising=False)


def write(folder: Path, text: str) -> None:
    (folder / "longpole.toml").write_text(text)


def test_defaults_are_enough(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert (settings.host, settings.port, settings.task_queue) == ("127.0.0.1", 8000, "longpole")
    assert settings.data_dir.is_absolute()
    assert settings.resolved_database_url == f"sqlite:///{settings.data_dir / 'longpole.db'}"


def test_the_project_file_is_found_above_and_its_paths_are_its_own(tmp_path: Path) -> None:
    write(tmp_path, 'data_dir = "data"\nhandler_paths = ["steps", "/opt/steps"]\nhandler_allow = ["mine"]\nport = 9000')
    below = tmp_path / "some" / "where"
    below.mkdir(parents=True)
    settings = load_settings(below)
    assert find_project_file(below) == tmp_path / "longpole.toml"
    assert settings.data_dir == tmp_path / "data"
    assert settings.handler_paths == (tmp_path / "steps", Path("/opt/steps"))
    assert (settings.handler_allow, settings.port) == (("mine",), 9000)


def test_environment_comes_before_the_file_and_options_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'port = 9000\ntask_queue = "file"\nhost = "::1"\nhandler_allow = ["file"]\ndata_dir = "file"')
    monkeypatch.setenv("LONGPOLE_PORT", "9001")
    monkeypatch.setenv("LONGPOLE_TASK_QUEUE", "environment")
    monkeypatch.setenv("LONGPOLE_HANDLER_ALLOW", "one, two.three,")
    settings = load_settings(tmp_path, port=9002, task_queue=None)
    assert (settings.port, settings.task_queue, settings.host) == (9002, "environment", "::1")
    assert settings.handler_allow == ("one", "two.three")
    assert settings.data_dir == tmp_path / "file"


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGPOLE_PORT", "")
    assert load_settings(tmp_path).port == 8000


def test_paths_in_the_environment_start_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LONGPOLE_DATA_DIR", "here")
    monkeypatch.setenv("LONGPOLE_HANDLER_PATHS", "a,~/b")
    settings = load_settings(tmp_path)
    assert settings.data_dir == tmp_path / "here"
    assert settings.handler_paths == (tmp_path / "a", Path.home() / "b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 99999", r"port: .*65535"),
        ('durability = "some"', "durability: .*'normal' or 'full'"),
        ("max_concurrent_steps = 0", "max_concurrent_steps"),
        ("grace_seconds = -1", "grace_seconds"),
        ("prot = 8000", "prot: .*not permitted"),
        ("handler_allow = 5", "handler_allow"),
        ("port = ", "is no TOML"),
        ('port = "\udcff"', "is no TOML"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "longpole.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SettingsInvalid, match=said) as caught:
        load_settings(tmp_path)
    assert str(tmp_path / "longpole.toml") in str(caught.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGPOLE_PORT", "many")
    monkeypatch.setenv("LONGPOLE_LOG_LEVEL", "loud")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(tmp_path)
    assert "port: " in caught.value.message
    assert "log_level: " in caught.value.message
    assert "LONGPOLE_" in caught.value.remedy
    assert caught.value.code == "settings_invalid"
