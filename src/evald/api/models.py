"""The routes of models: what the providers offer, passed through."""

import orjson
from fastapi import APIRouter, Response

from evald.api.bodies import json_answer
from evald.api.document import described
from evald.api.services import Given
from evald.contract.models import ModelList, ModelObject
from evald.errors import NotFound

router = APIRouter(tags=["models"])


@described(ModelList)
@router.get("/models")
async def list_(services: Given) -> Response:
    """List the models of all providers."""
    models = await services.list_models()
    return json_answer(orjson.dumps({"object": "list", "data": models}))


@described(ModelObject)
@router.get("/models/{model:path}")
async def retrieve(model: str, services: Given) -> Response:
    """Give one model."""
    for each in await services.list_models():
        if each["id"] == model:
            return json_answer(orjson.dumps(each))
    raise NotFound(f"No provider lists the model '{model[:80]}'.", param="model")
