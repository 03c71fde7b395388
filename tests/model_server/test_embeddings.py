"""What the model server says to who asks for embeddings."""

import base64
import struct
from typing import Any

import pytest

from tests.model_server.asking import QUESTION, begin, completion, embeddings, sent
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step


def test_each_text_has_its_letters_counted(models: ModelServer) -> None:
    status, said = embeddings(models, input=["aab", "b!"])

    numbers = [entry["embedding"] for entry in said["data"]]
    assert (status, [entry["index"] for entry in said["data"]]) == (200, [0, 1])
    assert [(each[0], each[1], each[26], len(each)) for each in numbers] == [
        (2, 1, 0, 27),
        (0, 1, 1, 27),
    ]
    assert said["usage"] == {"prompt_tokens": 2, "total_tokens": 2}


def test_one_text_alone_is_a_list_of_one(models: ModelServer) -> None:
    assert embeddings(models, input="a")[1]["data"] == embeddings(models, input=["a"])[1]["data"]


def test_numbers_come_as_base64_where_that_is_asked_for(models: ModelServer) -> None:
    _, plain = embeddings(models, input="abc")

    _, coded = embeddings(models, input="abc", encoding_format="base64")

    octets = base64.b64decode(coded["data"][0]["embedding"])
    assert list(struct.unpack("<27f", octets)) == plain["data"][0]["embedding"]


@pytest.mark.parametrize("texts", [None, 1, [1], [""], "", {}])
def test_what_is_no_text_is_refused(models: ModelServer, texts: Any) -> None:
    assert embeddings(models, input=texts)[0] == 400


def test_a_script_counts_and_fits_embeddings_by_their_texts(models: ModelServer) -> None:
    models.script_rules(Rule([Step(status=503), Step(answers_as="b")], contains="second"))

    answers = [embeddings(models, input=["first", "second"]) for _ in range(2)]

    assert [status for status, _ in answers] == [503, 200]
    assert answers[1][1]["model"] == "b"
    assert completion(models)["choices"][0]["message"]["content"] == QUESTION
    assert models.stats().calls_by_message == {"first\nsecond": 2, QUESTION: 1}


def test_a_call_for_embeddings_is_held_and_aborted_as_any_other(models: ModelServer) -> None:
    models.script(Step(hold="before"))
    asking = [sent(models, "/v1/embeddings", {"input": "a"}), begin(models)]
    models.wait(held=2)

    for connection in asking:
        connection.close()

    assert models.wait(aborted=2, in_flight=0).started == 2
