"""The request to grade the samples of a run again."""

from typing import Annotated

from pydantic import Field

from evald.contract.evals import MAX_CRITERIA
from evald.contract.graders import Criterion
from evald.contract.metadata import Metadata, Name
from evald.contract.validation import RequestModel


class RegradeRun(RequestModel):
    """The body of `POST /evals/{eval_id}/runs/{run_id}/regrade`.

    Either criteria, for which a new eval is made, or the id of an eval that has them.
    """

    testing_criteria: Annotated[list[Criterion], Field(max_length=MAX_CRITERIA)] | None = None
    eval_id: str | None = None
    name: Name | None = None
    metadata: Metadata | None = None
