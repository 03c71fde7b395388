"""Whether a criterion that an eval has can be graded by: one may have come from elsewhere.

Whatever needs a server to be seen, models and sandboxes, is not looked at here.
"""

from collections.abc import Sequence

from pydantic import ValidationError

from evald.contract.graders import AnyCriterion, kept_to_criterion
from evald.contract.json_types import JsonObject
from evald.contract.validation import first_fault
from evald.errors import BadRequest
from evald.graders.multi import check_formula


def usable_criterion(kept: JsonObject, place: str) -> AnyCriterion:
    """Give the criterion that is kept in an eval. Raises BadRequest where it cannot be graded by.

    `place` is where it stands. A long formula takes some milliseconds.
    """
    try:
        criterion = kept_to_criterion(kept)
    except ValidationError as error:
        raise first_fault(error, kept, place) from None
    check_formula(criterion, place)
    return criterion


def check_criteria(kept: Sequence[JsonObject]) -> None:
    """Check that all criteria of an eval can be graded by. Raises BadRequest for the first other."""
    for number, criterion in enumerate(kept):
        try:
            usable_criterion(criterion, f"testing_criteria[{number}]")
        except BadRequest as error:
            raise BadRequest(
                f"This eval has a criterion that cannot be graded here. {error.message}",
                param=error.param,
                code="unusable_criterion",
            ) from None
