"""Whether the models that graders ask can be asked here: refused by name before anything is asked."""

from evald.contract.graders import embedding_places_of, judge_models_of
from evald.contract.json_types import JsonObject
from evald.errors import BadRequest
from evald.runs.tools import Tools


def check_asked_models(grader: JsonObject, place: str, tools: Tools) -> None:
    """Check that all models which a kept grader asks are served. Raises BadRequest.

    `place` is where the grader stands in its request or its eval.
    """
    for within, model in judge_models_of(grader).items():
        check_served(model, f"{place}.{within}", tools)
    check_embeddings(grader, place, tools)


def check_served(model: str, param: str, tools: Tools) -> None:
    """Check that a provider serves this model. Raises BadRequest."""
    if not tools.sampler.serves(model):
        raise BadRequest(
            f"No provider of this server serves the model '{model}'. "
            "GET /v1/models lists those that are served.",
            param=param,
            code="model_not_found",
        )


def check_embeddings(grader: JsonObject, place: str, tools: Tools) -> None:
    """Check that a kept grader compares no embeddings where no model makes any. Raises BadRequest."""
    places = embedding_places_of(grader) if tools.embed is None else []
    for within in places:
        raise BadRequest(
            "The metric 'cosine' needs an embedding model, and this server has none. Set "
            "EVALD_EMBEDDINGS_MODEL (embeddings_model in the config file) to the name of one that a "
            "provider serves.",
            param=f"{place}.{within}",
            code="embeddings_not_configured",
        )
