from __future__ import annotations

from orchestration_requests import BASE, data
from serving import Service


async def test_plugins_are_listed_with_what_they_take_and_what_they_lack(running: Service) -> None:
    async with running.client() as ann:
        plugins = {each["name"]: each for each in data(await ann.get(f"{BASE}/plugins"))}
    assert [*plugins] == sorted(plugins)
    http, shell = plugins["http"], plugins["shell"]
    assert (http["available"], http["missing"]) == (True, [])
    assert http["operations"][0]["config_schema"]["required"] == ["url"]
    assert not shell["available"]
    assert "LONGPOLE_PLUGIN_SHELL_ALLOW" in shell["missing"][0]
    assert "sleep" in [each["name"] for each in plugins["python"]["operations"]]
