"""What goes on from a response: endpoints know all of them by one key, so evald tells projects apart."""

from typing import Any

from tests.access.projects import TwoProjects, store_response
from tests.server import Answer, EvaldServer


def go_on_from(server: EvaldServer, response_id: str) -> Answer:
    body: Any = {"model": "scripted", "input": "And then?", "previous_response_id": response_id}
    return server.ask("POST", "/v1/responses", body)


def test_nobody_goes_on_from_a_response_of_another_project(two: TwoProjects) -> None:
    answer = go_on_from(two.second, two.of_first.response_id)

    assert answer.status == 400
    assert answer.json["error"]["code"] == "previous_response_not_found"
    assert answer.json["error"]["param"] == "previous_response_id"


def test_own_responses_and_those_that_only_the_endpoint_knows_are_gone_on_from(
    two: TwoProjects,
) -> None:
    assert go_on_from(two.first, two.of_first.response_id).status == 200
    assert go_on_from(two.second, "resp_of_the_endpoint").status == 200


def test_nobody_goes_on_from_a_response_that_another_project_deleted(two: TwoProjects) -> None:
    deleted = store_response(two.first)
    two.first.ask("DELETE", f"/v1/responses/{deleted}")

    for program in (two.first, two.second):
        answer = go_on_from(program, deleted)
        assert (answer.status, answer.json["error"]["code"]) == (400, "previous_response_not_found")
