"""What is wrong with a form: in plain words, beside the field that it is about."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evald.errors import ApiError

_PARAM: Final = re.compile(
    r"^(?:Invalid (?:value|type) for|Missing required parameter:) '[^']*'[:.] ?"
)


@dataclass(frozen=True, slots=True)
class FormFault:
    """One thing that is wrong. `field` is the id of its field, or empty for the form as a whole."""

    field: str
    message: str


def fault_of_refusal(error: ApiError, fields: Mapping[str, str]) -> FormFault:
    """Give what the product refused, as a fault of a field.

    `fields` says which field makes a parameter, or all parameters that begin like it.
    """
    param = error.param or ""
    fitting = [
        known for known in fields if param == known or param.startswith((f"{known}.", f"{known}["))
    ]
    field = fields[max(fitting, key=len)] if fitting else ""
    message = _PARAM.sub("", error.message)
    return FormFault(field, message[:1].upper() + message[1:] if message else error.message)


@dataclass(frozen=True, slots=True)
class FormFaults:
    """All that is wrong with a form, in the order of its fields."""

    all: Sequence[FormFault] = ()

    def __bool__(self) -> bool:
        """Say whether anything is wrong."""
        return bool(self.all)

    def __iter__(self) -> Iterator[FormFault]:
        """Give one after the other."""
        return iter(self.all)

    def of(self, field: str) -> str:
        """Give what is wrong with a field, or an empty text."""
        return " ".join(fault.message for fault in self.all if fault.field == field)


NO_FAULTS: Final = FormFaults()
