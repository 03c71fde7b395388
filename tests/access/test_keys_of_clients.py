"""Keys as clients send them: official SDKs, Azure's header, and what is no key."""

from collections.abc import Callable

import openai
import pytest
from openai import AzureOpenAI, OpenAI

from tests.access.projects import TwoProjects
from tests.api.refusals import check_refusal

Client = Callable[[TwoProjects, str], OpenAI]


def plain(two: TwoProjects, key: str) -> OpenAI:
    return OpenAI(base_url=two.nobody.base_url, api_key=key)


def without_v1(two: TwoProjects, key: str) -> OpenAI:
    return OpenAI(base_url=two.nobody.url, api_key=key)


def on_azure_path(two: TwoProjects, key: str) -> OpenAI:
    return OpenAI(
        base_url=f"{two.nobody.url}/openai/v1/",
        api_key=key,
        default_query={"api-version": "preview"},
    )


def azure(two: TwoProjects, key: str) -> OpenAI:
    return AzureOpenAI(
        base_url=f"{two.nobody.url}/openai/v1", api_key=key, api_version="2025-04-01-preview"
    )


CLIENTS = [plain, without_v1, on_azure_path, azure]


@pytest.mark.parametrize("client_of", CLIENTS)
def test_official_clients_see_the_project_of_their_key(two: TwoProjects, client_of: Client) -> None:
    eval_id, run_id = two.of_first.eval_id, two.of_first.run_id
    with client_of(two, two.first_key) as client:
        run = client.evals.runs.retrieve(run_id, eval_id=eval_id)
        made = client.evals.create(
            data_source_config={"type": "custom", "item_schema": {"type": "object"}},
            testing_criteria=[],
        )
        listed = [each.id for each in client.evals.list(limit=100)]

    assert run.status == "completed"
    assert {eval_id, made.id} <= {*listed}


@pytest.mark.parametrize("client_of", CLIENTS)
def test_official_clients_do_not_see_another_project(two: TwoProjects, client_of: Client) -> None:
    with client_of(two, two.second_key) as client:
        with pytest.raises(openai.NotFoundError):
            client.evals.retrieve(two.of_first.eval_id)

        assert two.of_first.eval_id not in [each.id for each in client.evals.list(limit=100)]


@pytest.mark.parametrize("client_of", CLIENTS)
def test_official_clients_are_told_that_their_key_is_wrong(
    two: TwoProjects, client_of: Client
) -> None:
    with (
        client_of(two, "My API Key") as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.evals.list()

    assert refused.value.code == "invalid_api_key"
    assert (refused.value.request_id or "").startswith("req_")


GOOD_HEADERS = [
    {"authorization": "Bearer {key}"},
    {"Authorization": "bearer {key}"},
    {"authorization": "BEARER   {key} "},
    {"api-key": "{key}"},
    {"Api-Key": " {key}"},
    {"authorization": "Basic dXNlcjpwYXNz", "api-key": "{key}"},
    {"authorization": "Bearer {key}", "api-key": "wrong"},
    {"authorization": "Bearer {key}", "openai-project": "proj_x", "openai-organization": "org_x"},
    {"authorization": "Bearer {key}", "evald-project": "first"},
]
BAD_HEADERS = [
    {},
    {"authorization": ""},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": "{key}"},
    {"authorization": "Basic {key}"},
    {"api-key": ""},
    {"x-api-key": "{key}"},
    {"cookie": "evald_session={key}"},
]
WRONG_KEYS = ["x", "{key}0", " {key} {key}", "sk-evald-", "sk-proj-of-openai-1234567890abcdef", "é"]


def named(headers: dict[str, str], two: TwoProjects) -> dict[str, str]:
    return {name: value.replace("{key}", two.first_key) for name, value in headers.items()}


@pytest.mark.parametrize("headers", GOOD_HEADERS, ids=str)
def test_a_key_is_taken_as_a_bearer_token_or_as_azure_has_it(
    two: TwoProjects, headers: dict[str, str]
) -> None:
    path = f"/v1/evals/{two.of_first.eval_id}"

    assert two.nobody.ask("GET", path, headers=named(headers, two)).status == 200


@pytest.mark.parametrize("headers", BAD_HEADERS, ids=str)
def test_a_request_without_a_key_is_told_how_to_send_one(
    two: TwoProjects, headers: dict[str, str]
) -> None:
    answer = two.nobody.ask("GET", "/v1/evals", headers=named(headers, two))

    check_refusal(answer, 401, code="invalid_api_key", says="Authorization: Bearer")
    assert answer.headers["www-authenticate"] == 'Bearer realm="evald"'


@pytest.mark.parametrize("wrong", WRONG_KEYS)
def test_a_wrong_key_is_refused_and_never_repeated_whole(two: TwoProjects, wrong: str) -> None:
    key = wrong.replace("{key}", two.first_key)
    sent = {"authorization": f"Bearer {key}".encode().decode("latin-1")}

    answer = two.nobody.ask("GET", "/v1/evals", headers=sent)

    check_refusal(answer, 401, code="invalid_api_key", says="Incorrect API key provided: ***")
    assert answer.headers["www-authenticate"] == 'Bearer realm="evald"'
    assert key not in answer.body.decode()
    assert two.first_key not in answer.body.decode()


def test_a_request_for_another_project_than_that_of_its_key_is_refused(two: TwoProjects) -> None:
    for name in ("second", "nobody's", "default"):
        answer = two.first.ask("GET", "/v1/evals", headers={"evald-project": name})

        check_refusal(
            answer,
            403,
            code="mismatched_project",
            param="evald-project",
            says=lambda said: "its key is one of another" in said and "Without keys" not in said,
        )


def test_a_refused_upload_is_read_no_further_than_its_answer_needs(two: TwoProjects) -> None:
    kind = {"content-type": "multipart/form-data; boundary=rows"}

    answer = two.nobody.ask("POST", "/v1/files", b"x" * 5_000_000, kind)

    check_refusal(answer, 401, code="invalid_api_key")


def test_the_state_of_the_server_is_told_to_all(two: TwoProjects) -> None:
    assert two.nobody.ask("GET", "/healthz").json["status"] == "ok"


def test_an_unknown_route_is_told_to_nobody_without_a_key(two: TwoProjects) -> None:
    check_refusal(two.nobody.ask("GET", "/v1/nothing"), 401, code="invalid_api_key")
    check_refusal(two.first.ask("GET", "/v1/nothing"), 404)
