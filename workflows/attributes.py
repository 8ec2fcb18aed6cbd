"""Search attributes and memo keys: what an operator can filter by in the Temporal web UI."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from temporalio.common import SearchAttributeKey

DEFINITION = SearchAttributeKey.for_keyword("LongpoleDefinition")
VERSION = SearchAttributeKey.for_keyword("LongpoleVersion")
OWNER = SearchAttributeKey.for_keyword("LongpoleOwner")
PRIORITY = SearchAttributeKey.for_int("LongpolePriority")
PAUSED = SearchAttributeKey.for_bool("LongpolePaused")
TAGS = SearchAttributeKey.for_keyword_list("LongpoleTags")

TYPES: Mapping[str, str] = MappingProxyType(
    {
        DEFINITION.name: "Keyword",
        VERSION.name: "Keyword",
        OWNER.name: "Keyword",
        PRIORITY.name: "Int",
        PAUSED.name: "Bool",
        TAGS.name: "KeywordList",
    }
)
"""Name -> type as the server and its command line call it. SQL stores have room for three Bool attributes in all."""

MEMO_DIGEST = "longpole_definition_digest"
MEMO_REVISION = "longpole_definition_revision"
MEMO_CONTINUES = "longpole_continues"
"""The Temporal run, by its run id, that this one goes on from."""
MEMO_FORKED_FROM = "longpole_forked_from"
"""The execution that this one is a rerun of."""
