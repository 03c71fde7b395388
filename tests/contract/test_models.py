"""Models: what the endpoints offer is passed through."""

import openai
import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step


def test_the_models_of_the_endpoint_are_listed(client: openai.OpenAI, models: ModelServer) -> None:
    models.script_rules(Rule([Step()], model="tiny"), Rule([Step()], model="org/large:q4"))

    found = client.models.list()

    assert found.object == "list"
    assert {model.id for model in found} == {"scripted", "tiny", "org/large:q4"}
    assert {model.owned_by for model in found} == {"tests"}


@pytest.mark.parametrize("name", ["tiny", "org/large:q4", "with space & é"])
def test_one_model_can_be_retrieved(client: openai.OpenAI, models: ModelServer, name: str) -> None:
    models.script_rules(Rule([Step()], model=name))

    assert client.models.retrieve(name).id == name


def test_an_unknown_model_is_a_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("no-such-model")

    assert refused.value.param == "model"
