"""Templates: listed as documented, stored, and made workflows of."""

from __future__ import annotations

from orchestration_requests import BASE, TEMPLATES, data, documented, error, same_shape, step, workflow
from serving import Service

RIGHT = {"steps_valid": True, "dependencies_resolved": True, "plugins_available": True, "schedule_valid": True}
ECHO = {
    "name": "Echo",
    "description": "Says it",
    "category": "tests",
    "parameters": {"text": {"example": "hello"}, "times": {"default": 2, "description": "How often"}},
    "workflow": workflow(
        step(
            "say",
            config={"text": "${template.text}!", "times": "${template.times}"},
            estimated_duration="40m",
            resources={"node_type": "i3.xlarge", "min_workers": 3, "memory_gb": 16},
        ),
        step("again", depends_on=["say"], estimated_duration="5m", config={}),
        name="echo",
    ),
}


async def test_templates_are_stored_listed_as_documented_and_made_workflows_of(running: Service) -> None:
    async with running.client() as ann, running.client("bob") as bob:
        made = data(await ann.post(f"{BASE}/templates", json=ECHO), 201)
        listed = await ann.get(f"{BASE}/templates")
        same_shape(listed.json(), documented()[TEMPLATES])
        assert data(listed)[1]["steps"] == documented()[TEMPLATES]["data"][0]["steps"]
        told = data(listed)[-1]
        assert told == {
            "id": made["id"],
            "name": "Echo",
            "description": "Says it",
            "category": "tests",
            "steps": ["say", "again"],
            "estimated_duration": "45m",
            "resource_requirements": {"min_compute_hours": 2.0833, "min_memory_gb": 16},
            "compatible_plugins": ["python"],
        }
        path = f"{BASE}/templates/{made['id']}"
        refused = error(await ann.post(f"{path}/instantiate", json={"parameters": {"tex": 1}}), 422)
        assert refused["code"] == "PARAMETERS_INVALID"
        assert {each["path"] for each in refused["details"]["problems"]} == {"parameters.tex", "parameters.text"}
        wish = {"name": "mine", "version": "2.0", "parameters": {"text": "hi"}, "tags": ["t"]}
        created = data(await ann.post(f"{path}/instantiate", json=wish), 201)
        assert (created["name"], created["version"], created["status"]) == ("mine", "2.0", "created")
        whole = data(await ann.get(f"{BASE}/{created['id']}"))
        assert whole["definition"]["steps"][0]["config"] == {"text": "hi!", "times": 2}
        assert whole["tags"] == ["t"]
        assert error(await bob.get(path), 404)["code"] == "TEMPLATE_NOT_FOUND"
        data(await ann.delete(path))
        assert error(await ann.get(path), 404)["code"] == "TEMPLATE_NOT_FOUND"


async def test_what_is_wrong_with_a_template_is_told(running: Service) -> None:
    async with running.client() as ann:
        unknown = {**ECHO, "parameters": {"text": {"description": "neither"}}}
        found = error(await ann.post(f"{BASE}/templates", json=unknown), 422)
        assert {each["path"] for each in found["details"]["problems"]} == {"workflow", "parameters.text"}
        broken = {**ECHO, "workflow": workflow(step("a", depends_on=["b"], config={"x": "${template.text}"}))}
        assert error(await ann.post(f"{BASE}/templates", json=broken), 422)["code"] == "STEP_DEPENDENCY_ERROR"
        assert error(await ann.delete(f"{BASE}/templates/template_data_extraction"), 403)["code"] == "TEMPLATE_BUILT_IN"


async def test_those_that_come_along_make_workflows(running: Service) -> None:
    async with running.client() as ann:
        for each in data(await ann.get(f"{BASE}/templates")):
            whole = data(await ann.get(f"{BASE}/templates/{each['id']}"))
            needed = {name: about["example"] for name, about in whole["parameters"].items() if "default" not in about}
            made = await ann.post(f"{BASE}/templates/{each['id']}/instantiate", json={"parameters": needed})
            if made.status_code == 422:  # where a plugin lacks a package, all else is right nevertheless
                told = error(made, 422)["details"]["validation_results"]
                assert told == {**RIGHT, "plugins_available": False}, made.text
            else:
                assert data(made, 201)["validation_results"] == RIGHT
