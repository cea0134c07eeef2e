"""The OpenAPI 3.1 document, made from the table of endpoints: what it says is what is decoded, checked and encoded."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from inbox.api.endpoints import PREFIX, Endpoint, Nothing, is_list
from inbox.api.problems import PROBLEM_RESPONSE, ProblemDetails

_REFS: Final = "#/components/schemas/{name}"

_ABOUT: Final = """
Everything Allo knows, for other programs.

**Tokens** are made in Settings → API or with `allo token create`, and sent as `Authorization: Bearer …`. Scopes: `read`;
`write`, which includes it; `admin`, which includes both. A token sees everything that its scope reads: what a colleague
may see in the inbox does not limit it, also not when it was them who made it.

**Lists** answer `{"items": […], "next_cursor": …}`; send `cursor` to go on until it is null. Pages are stable while
rows come in.

**Errors** are RFC 9457 problem details with a sentence a person can act on.

**Times** are RFC 3339 in UTC. **Money** is an integer of minor units beside its ISO 4217 currency.

Fields may be added at any time; ignore those you do not know.
"""


def document(endpoints: Sequence[Endpoint], *, version: str) -> dict[str, Any]:
    types: dict[Any, None] = {ProblemDetails: None}
    for endpoint in endpoints:
        if _is_type(endpoint.answers):
            types[endpoint.answers] = None
        if endpoint.body is not Nothing:
            types[endpoint.body] = None
    schemas, components = msgspec.json.schema_components(list(types), ref_template=_REFS)
    by_type = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operations = paths.setdefault(PREFIX + endpoint.path, {})
        operations[endpoint.method.lower()] = _operation(endpoint, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Allo", "version": version, "description": _ABOUT.strip()},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [
            {"name": tag}
            for tag in dict.fromkeys(endpoint.tag for endpoint in endpoints if endpoint.tag)
        ],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token."}
            },
        },
    }


def _is_type(answers: Any) -> bool:
    return answers is not None and not isinstance(answers, str)


def _operation(endpoint: Endpoint, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "description": f"{endpoint.description}\n\nScope: `{endpoint.scope}`.".strip(),
        "tags": [endpoint.tag],
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.body is not Nothing:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[endpoint.body]}},
        }
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if "{id}" in endpoint.path:
        parameters.append(
            {
                "name": "id",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "format": "uuid"},
            }
        )
    shape, components = msgspec.json.schema_components([endpoint.query], ref_template="{name}")
    properties = components[shape[0]["$ref"]].get("properties", {})
    for known in msgspec.structs.fields(endpoint.query):
        schema = {
            name: value
            for name, value in properties[known.encode_name].items()
            if name not in {"description", "default"}
        }
        parameter: dict[str, Any] = {
            "name": known.encode_name,
            "in": "query",
            "required": known.required,
            "schema": _without_null(schema),
        }
        if known.default not in {msgspec.NODEFAULT, None, "", (), False} and not is_list(
            known.type
        ):
            parameter["schema"]["default"] = known.default
        if "description" in properties[known.encode_name]:
            parameter["description"] = properties[known.encode_name]["description"]
        if schema.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter)
    parameters.extend(
        {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}
        for name, about in endpoint.headers
    )
    return parameters


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """In an address there is no null, only leaving a parameter out."""
    if "anyOf" in schema:
        kept = [each for each in schema["anyOf"] if each.get("type") != "null"]
        if len(kept) == 1:
            return dict(kept[0])
        return {**schema, "anyOf": kept}
    return schema


def _responses(endpoint: Endpoint, schemas: dict[Any, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    if endpoint.answers is None:
        responses["204"] = {"description": "Done."}
    elif isinstance(endpoint.answers, str):
        responses["200"] = {
            "description": endpoint.summary,
            "content": {endpoint.answers: {"schema": {"type": "string"}}},
        }
    else:
        responses[str(endpoint.status)] = {
            "description": endpoint.summary,
            "content": {"application/json": {"schema": schemas[endpoint.answers]}},
        }
    statuses = ["400", "401", "403", "500", "503"]
    # A file is a body, too, and may name what is not there.
    has_body = endpoint.body is not Nothing or endpoint.method == "POST"
    if "{id}" in endpoint.path or has_body:
        statuses.append("404")
    if endpoint.refuses:
        statuses.append("409")
    if has_body:
        statuses += ["408", "413"]
    responses |= dict.fromkeys(sorted(statuses), PROBLEM_RESPONSE)
    return responses
