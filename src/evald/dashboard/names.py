"""What evals, runs and models are called on the pages."""

from typing import Final

from evald.dashboard.reading import ApiObject, object_of, text_of
from evald.dashboard.texts import clip

NAME_LIMIT: Final = 200
"""Characters of a name that are shown."""


def name_of(thing: ApiObject) -> str:
    """Give the name of an eval or a run, or its id where it has none."""
    name = text_of(thing.get("name")).strip() or text_of(thing.get("id"))
    return clip(name, NAME_LIMIT).shown


def model_of(run: ApiObject) -> str:
    """Give the model of a run, or the one that it is to ask where it has none yet."""
    model = text_of(run.get("model")) or text_of(object_of(run.get("data_source")).get("model"))
    return clip(model, NAME_LIMIT).shown
