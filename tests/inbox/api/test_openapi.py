import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from inbox.api.endpoints import PREFIX
from inbox.api.routes import ENDPOINTS
from tests.inbox.api.client import DOCUMENT, ApiClient


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [endpoint.operation_id for endpoint in ENDPOINTS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/conversations"),
        ("get", "/conversations/{id}"),
        ("patch", "/conversations/{id}"),
        ("get", "/conversations/{id}/messages"),
        ("post", "/conversations/{id}/messages"),
        ("get", "/messages"),
        ("get", "/contacts"),
        ("post", "/contacts"),
        ("get", "/contacts/{id}"),
        ("patch", "/contacts/{id}"),
        ("delete", "/contacts/{id}"),
        ("post", "/contacts/{id}/merge"),
        ("post", "/contacts/{id}/unmerge"),
        ("get", "/contacts/{id}/export"),
        ("get", "/suggestions"),
        ("post", "/suggestions/{id}/accept"),
        ("post", "/suggestions/{id}/reject"),
        ("get", "/leads"),
        ("post", "/leads"),
        ("get", "/leads/{id}"),
        ("patch", "/leads/{id}"),
        ("get", "/pipelines"),
        ("get", "/tasks"),
        ("post", "/tasks"),
        ("patch", "/tasks/{id}"),
        ("get", "/touches"),
        ("get", "/sources"),
        ("post", "/spend"),
        ("get", "/events"),
        ("get", "/events/stream"),
        ("get", "/dead-letters"),
        ("post", "/dead-letters/{id}/replay"),
    ],
)
def test_what_other_programs_were_promised_is_there(method: str, path: str) -> None:
    assert method in DOCUMENT["paths"][PREFIX + path]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            "Message",
            (
                "id account channel external_id direction kind text html attachments sent_at received_at contact_id "
                "conversation_id reply_to state"
            ),
        ),
        (
            "Lead",
            (
                "id number title contact_id pipeline stage status value currency manager_id first_touch last_touch "
                "created_at closed_at"
            ),
        ),
        ("Contact", "id name identities manager_id created_at"),
        ("Identity", "kind value proved display"),
        ("Assignment", "manager_id team_id reason"),
    ],
)
def test_the_fields_other_programs_rely_on_are_always_sent(name: str, fields: str) -> None:
    assert set(fields.split()) <= set(DOCUMENT["components"]["schemas"][name]["required"])


async def test_the_document_is_served_without_a_token(api: ApiClient) -> None:
    async with api.http.get("/api/v1/openapi.json") as response:
        assert response.status == 200
        assert msgspec.json.decode(await response.read()) == DOCUMENT
