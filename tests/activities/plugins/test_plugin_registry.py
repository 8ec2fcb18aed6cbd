from __future__ import annotations

import asyncio
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from activities.errors import InvalidInput
from activities.plugins.registry import PluginRegistry
from activities.registry import HandlerRegistry
from definitions import validation
from definitions.errors import HandlerNotFound, PluginUnavailable
from longpole.plugin import Config, Hint, Needs, Plugin, PluginSettings


class Range(Config):
    low: int
    high: int

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if self.high < self.low:
            raise ValueError("`high` is below `low`")
        return self


class Forecast(Config):
    city: str = Field(min_length=2)
    days: int = Field(default=3, ge=1, le=14)
    unit: Literal["celsius", "kelvin"] = "celsius"
    spread: Range | float | None = None
    tags: list[int] = Field(default_factory=list)


class Told(BaseModel):
    city: str
    days: int


class WeatherSettings(PluginSettings):
    host: str = ""
    stations: dict[str, int] = Field(default_factory=dict)
    timeout: float = 5


weather = Plugin("weather", summary="Forecasts.", settings=WeatherSettings)


@weather.operation(Forecast, hint=lambda config: Hint(seconds=config.days * 10.0))
async def forecast(config: Forecast, settings: WeatherSettings) -> Told:
    """The weather to come.

    More of it."""
    return Told(city=f"{config.city}@{settings.host}", days=config.days)


@weather.operation(Forecast, name="measure", needs=Needs({"no_such_module": "longpole[weather]"}, ("host",), ("key",)))
def measured(config: Forecast, settings: WeatherSettings) -> str:
    """What the weather is."""
    return config.unit


@pytest.fixture
def plugins() -> PluginRegistry:
    registry = PluginRegistry({}, {}, {})
    registry.register(weather)
    return registry


def definition(handler: str, config: Any = None) -> dict[str, Any]:
    first = {"id": "first", "handler": "plugin:python.sleep", "input": {"seconds": 0}}
    return {"name": "w", "steps": [first, {"id": "s", "handler": handler, "input": config}]}


def problems(plugins: PluginRegistry, handler: str, config: Any = None) -> list[tuple[str, str]]:
    handlers = HandlerRegistry(plugins=plugins)
    found = validation.check(
        definition(handler, config), check_handler=handlers.check, check_config=handlers.check_config
    )
    return [(problem.code, problem.path) for problem in found]


async def test_an_operation_gets_its_config_and_the_operators_settings() -> None:
    registry = PluginRegistry({"weather": {"host": "file", "timeout": 9}}, {"LONGPOLE_PLUGIN_WEATHER_HOST": "env"}, {})
    registry.register(weather)
    run = registry.resolve("weather", "forecast")
    assert await run({"city": "Bonn", "days": "2"}) == {"city": "Bonn@env", "days": 2}
    assert registry.settings_of(weather) == WeatherSettings(host="env", timeout=9)
    assert weather.operations["forecast"].summary == "The weather to come."


def test_settings_in_variables_may_be_json_and_wrong_ones_are_named() -> None:
    registry = PluginRegistry({}, {"LONGPOLE_PLUGIN_WEATHER_STATIONS": '{"a": 1}'}, {})
    assert registry.settings_of(weather) == WeatherSettings(stations={"a": 1})
    wrong = PluginRegistry({"weather": {"hots": "x"}}, {"LONGPOLE_PLUGIN_WEATHER_TIMEOUT": "soon"}, {})
    with pytest.raises(PluginUnavailable, match=r"hots.*timeout|timeout.*hots") as raised:
        wrong.settings_of(weather)
    assert "[plugins.weather]" in raised.value.remedy


def test_what_is_missing_is_named_with_what_to_do(plugins: PluginRegistry) -> None:
    with pytest.raises(PluginUnavailable) as raised:
        plugins.resolve("weather", "measure")
    assert raised.value.code == "plugin_unavailable"
    for remedy in ("longpole[weather]", "LONGPOLE_PLUGIN_WEATHER_HOST", "LONGPOLE_SECRET_KEY"):
        assert remedy in raised.value.remedy
    assert problems(plugins, "plugin:weather.measure", {"city": "Bonn"}) == [("plugin_unavailable", "steps[1].handler")]


def test_unknown_plugins_and_operations_are_told_with_the_nearest_name(plugins: PluginRegistry) -> None:
    handlers = HandlerRegistry(plugins=plugins)
    told = [handlers.check(f"plugin:{name}") for name in ("wether.forecast", "weather.forcast", "weather", "")]
    assert [problem.code for problem in told if problem] == [
        "unknown_plugin", "unknown_operation", "unknown_operation", "unknown_plugin",
    ]  # fmt: skip
    assert [problem.remedy for problem in told[:2] if problem] == [
        "did you mean `weather`?",
        "did you mean `forecast`?",
    ]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"city": "Bonn", "dayz": 2}, "steps[1].input.dayz"),
        ({"days": 2}, "steps[1].input.city"),
        ({"city": "Bonn", "days": 99}, "steps[1].input.days"),
        ({"city": "Bonn", "tags": [1, "x"]}, "steps[1].input.tags[1]"),
        ({"city": "Bonn", "unit": "fahrenheit"}, "steps[1].input.unit"),
        ({"city": "${first.result}", "days": 99}, "steps[1].input.days"),
        ({"city": "Bonn", "dayz": "${first.result}"}, "steps[1].input.dayz"),
    ],
)
def test_a_wrong_config_is_refused_when_the_workflow_is_stored(
    plugins: PluginRegistry, config: dict[str, Any], path: str
) -> None:
    assert problems(plugins, "plugin:weather.forecast", config) == [("bad_config", path)]


@pytest.mark.parametrize(
    "config",
    [
        {"city": "Bonn"},
        {"city": "${first.result}", "days": "${first.result.days}", "unit": "${first.result.unit}"},
        {"city": "Bonn", "tags": ["${first.result.a}", 2]},
        {"city": "Bonn", "tags": "${first.result.tags}"},
        {"city": "Bonn", "spread": {"low": "${first.result.low}", "high": 2}},
        {"city": "Bonn", "unit": "kel${first.result.rest}"},
    ],
)
def test_what_a_reference_will_be_is_not_judged_before_the_run(plugins: PluginRegistry, config: dict[str, Any]) -> None:
    assert problems(plugins, "plugin:weather.forecast", config) == []


async def test_in_the_attempt_the_whole_config_is_checked(plugins: PluginRegistry) -> None:
    run = plugins.resolve("weather", "forecast")
    with pytest.raises(InvalidInput, match=r"days.*unit"):
        await run({"city": "Bonn", "days": "many", "unit": "kelvins"})
    with pytest.raises(InvalidInput, match="city"):
        await run(None)


def test_handlers_are_operations_of_the_plugin_python() -> None:
    handlers = HandlerRegistry(["steps"])
    resolved = handlers.resolve("plugin:python.sleep")
    assert (resolved.name, resolved.is_async) == ("plugin:python.sleep", True)
    assert asyncio.run(resolved.fn({"seconds": 0})) == {"slept_seconds": 0.0}
    assert handlers.check("plugin:python.os.system", path="p") is not None
    assert handlers.check("plugin:python.steps.whatever") is None
    assert handlers.check_config("plugin:python.sleep", "anything") == []


def test_a_plugin_whose_module_breaks_is_unavailable_and_breaks_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_plugin.py").write_text("import a_package_that_nobody_has")
    (tmp_path / "odd_plugin.py").write_text("plugin = 3")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = {name: EntryPoint(name, f"{name}_plugin:plugin", "longpole.plugins") for name in ("broken", "odd")}
    handlers = HandlerRegistry(plugins=PluginRegistry({}, {}, points))
    broken, odd = handlers.check("plugin:broken.x"), handlers.check("plugin:odd.x")
    assert broken is not None and odd is not None  # noqa: PT018
    assert (broken.code, odd.code) == ("plugin_unavailable", "plugin_unavailable")
    assert "a_package_that_nobody_has" in broken.message
    assert handlers.check("sleep") is None


def test_names_that_steps_could_not_write_are_refused() -> None:
    with pytest.raises(ValueError, match="lower-case"):
        Plugin("My-Plugin")
    plugin = Plugin("mine")
    with pytest.raises(ValueError, match="can't be named"):
        plugin.operation(Config, name="a.b")(lambda config: None)
    plugin.operation(Config, name="a")(lambda config: None)
    with pytest.raises(ValueError, match="already"):
        plugin.operation(Config, name="a")(lambda config: None)
    with pytest.raises(HandlerNotFound):
        PluginRegistry({}, {}, {}).plugin("python")


def test_nothing_heavy_is_imported_by_asking_which_plugins_there_are() -> None:
    heavy = "pyarrow duckdb sklearn mlflow snowflake.connector databricks.sdk sqlalchemy pandas"
    program = (
        "import sys\nfrom activities.plugins.registry import PluginRegistry\nr = PluginRegistry()\n"
        "[r.missing(r.plugin(name)) for name in r.names]\n"
        f"print([m for m in {heavy!r}.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
