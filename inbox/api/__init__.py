"""The REST API: /api/v1, JSON, Bearer tokens, described by OpenAPI 3.1 at /api/v1/openapi.json.

Start with `endpoints` (what an endpoint is and the one way a request goes through it) and `routes` (the table of them
all). One module per resource holds its objects, as msgspec Structs, and its handlers: what is read comes from
`storage.reading`, what is done goes through `inbox.desk.Desk`.
"""
