"""Bodies that OpenAPI tells as a model, and that come as they are: somebody else finds all that is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


@dataclass(frozen=True)
class ToldAs:
    """`Annotated[dict[str, Any], ToldAs(Model)]`."""

    model: type[BaseModel]

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self.model.__pydantic_core_schema__)
