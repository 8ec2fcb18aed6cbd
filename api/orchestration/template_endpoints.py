"""Templates: listed, made, and made workflows of."""

from __future__ import annotations

from api.dependencies import Caller, NewId, SeenEngine
from api.orchestration import template_wire, wire
from api.orchestration.envelope import Answer
from api.orchestration.storing import created, read
from api.orchestration.templates import parameters_of, template, whole_template
from api.routing import surface_router
from api.rules import rules
from definitions.errors import DefinitionInvalid
from engine.orchestration.blueprints import PREFIX, Template, Templates

BASE = "/v1/workflows/templates"
router = surface_router()


@router.get(BASE)
async def list_templates(engine: SeenEngine, caller: Caller) -> Answer[list[template_wire.Template]]:
    """Those that come with Longpole, and the user's own."""
    found = await Templates(engine.database, caller).list()
    return Answer(data=[await template(engine, caller, each) for each in found])


@router.post(BASE, status_code=201)
@rules(kind="submission", definition=True)
async def create_template(
    body: template_wire.CreateTemplate, engine: SeenEngine, caller: Caller, new_id: NewId
) -> Answer[template_wire.WholeTemplate]:
    """Store a template. It is checked as the workflow that its defaults and examples make of it."""
    uuid = new_id("template")
    wanted = Template(
        f"{PREFIX}{uuid.hex}", body.name, body.description, body.category, body.workflow, parameters_of(body)
    )
    problems = wanted.problems()
    if problems:
        raise DefinitionInvalid(problems)
    await read(engine, caller, wanted.example())
    return Answer(data=await whole_template(engine, caller, await Templates(engine.database, caller).add(wanted, uuid)))


@router.get(f"{BASE}/{{template_id}}")
async def get_template(template_id: str, engine: SeenEngine, caller: Caller) -> Answer[template_wire.WholeTemplate]:
    """A template with its parameters and document."""
    found = await Templates(engine.database, caller).get(template_id)
    return Answer(data=await whole_template(engine, caller, found))


@router.delete(f"{BASE}/{{template_id}}")
async def delete_template(
    template_id: str, engine: SeenEngine, caller: Caller
) -> Answer[template_wire.RemovedTemplate]:
    """Forget one of the user's own; workflows that were made of it stay."""
    await Templates(engine.database, caller).remove(template_id)
    return Answer(data=template_wire.RemovedTemplate(id=template_id))


@router.post(f"{BASE}/{{template_id}}/instantiate", status_code=201)
@rules(kind="submission")
async def instantiate_template(
    template_id: str,
    engine: SeenEngine,
    caller: Caller,
    new_id: NewId,
    body: template_wire.InstantiateTemplate | None = None,
) -> Answer[wire.CreatedWorkflow]:
    """Store the workflow that a template makes with these parameters."""
    wish = body or template_wire.InstantiateTemplate()
    found = await Templates(engine.database, caller).get(template_id)
    document = wish.document(found.filled(wish.parameters))
    return Answer(data=await created(engine, caller, document, new_id("workflow")))
