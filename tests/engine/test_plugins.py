from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from activities.registry import HandlerRegistry
from engine.plugins import Plugins
from engine.settings import Settings
from longpole.plugin import Config, Hint, Needs, Plugin

oven = Plugin("oven", summary="Bakes.", needs=Needs(modules={"no_such_module": "longpole[oven]"}))
bell = Plugin("bell")


class Bake(Config):
    minutes: float
    kind: str = "bread"
    inputs: dict[str, Any] = {}  # noqa: RUF012


class Ring(Config):
    times: int = 1


@oven.operation(Bake, hint=lambda config: Hint(config.minutes * 60, {"oven": 1}, 0.5))
def bake(config: Bake) -> None:
    """Bakes something."""


@bell.operation(Ring)
def ring(config: Ring) -> int:
    return config.times


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    handlers = HandlerRegistry()
    handlers.plugins.register(oven)
    handlers.plugins.register(bell)
    return Plugins(Settings(data_dir=tmp_path), handlers)


def test_what_is_missing_and_what_is_wrong_are_told_together(plugins: Plugins) -> None:
    found = plugins.check("oven", "bake", {"minutes": "many", "heat": 3})
    assert [(problem.code, problem.path) for problem in found] == [
        ("plugin_unavailable", ""), ("bad_config", "minutes"), ("bad_config", "heat"),
    ]  # fmt: skip
    assert found[0].remedy == "install longpole[oven]"
    assert [problem.code for problem in plugins.check("ovn", "bake", {})] == ["unknown_plugin"]
    assert [problem.code for problem in plugins.check("bell", "wring", {})] == ["unknown_operation"]
    assert plugins.check("bell", "ring", None) == []
    assert plugins.check("bell", "ring", {"times": "${count.result}"}) == []


def test_hints_say_nothing_where_references_would_be_needed(plugins: Plugins) -> None:
    assert plugins.hint("oven", "bake", {"minutes": 2}) == Hint(120, {"oven": 1}, 0.5)
    assert plugins.hint("oven", "bake", {"minutes": 2, "kind": "${x.result}"}).seconds == 120
    assert plugins.hint("oven", "bake", {"minutes": "${x.result}"}) == Hint()
    assert plugins.hint("bell", "ring", {}) == Hint()
    assert plugins.hint("nosuch", "ring", {}) == Hint()


def test_plugins_are_listed_with_their_schemas_and_what_they_lack(plugins: Plugins) -> None:
    views = {view.name: view for view in plugins.available()}
    assert {"bell", "oven", "python", "http", "sql"} <= views.keys()
    assert views["oven"].missing == ("install longpole[oven]",)
    assert views["bell"].missing == ()
    assert views["oven"].operations[0].summary == "Bakes something."
    assert views["oven"].operations[0].config_schema["properties"]["minutes"] == {"title": "Minutes", "type": "number"}
    assert "sleep" in [operation.name for operation in views["python"].operations]
    assert plugins.takes_inputs("oven", "bake")
    assert not plugins.takes_inputs("bell", "ring")
    assert not plugins.takes_inputs("nosuch", "ring")


def test_the_services_settings_reach_plugins(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, outbound_allow=("127.0.0.0/8",), plugins={"sql": {"conections": {}}})
    views = {view.name: view for view in Plugins(settings).available()}
    assert views["http"].missing == ()
    assert "conections" in views["sql"].missing[0]
