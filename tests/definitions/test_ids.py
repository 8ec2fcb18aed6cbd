from __future__ import annotations

import re
from uuid import UUID

import pytest

from definitions.digest import canonical_json, digest
from definitions.errors import NotFound
from definitions.ids import execution_id, new_execution_id, new_workflow_id, to_uuid, workflow_id


def test_ids_have_a_prefix_and_are_uuids() -> None:
    assert re.fullmatch(r"wf_[0-9a-f]{32}", new_workflow_id())
    assert re.fullmatch(r"exec_[0-9a-f]{32}", new_execution_id())
    uuid = UUID(int=7)
    assert to_uuid(workflow_id(uuid)) == to_uuid(execution_id(uuid)) == uuid


@pytest.mark.parametrize("text", ["", "wf_", "wf_" + "g" * 32, "run_" + "0" * 32, "wf_" + "0" * 32 + "\n"])
def test_what_is_no_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        to_uuid(text)


def test_the_digest_is_of_the_content_not_of_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [1, "é"]}) == digest({"b": [1, "é"], "a": 1}) != digest({"a": 1, "b": ["é", 1]})
    assert canonical_json({"b": 1, "a": "é"}) == b'{"a":"\\u00e9","b":1}'
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digest(None))


def test_what_is_not_json_has_no_digest() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest(float("nan"))
