"""The encodings in which forms may come."""

import codecs
from typing import Final

from python_multipart.multipart import parse_options_header

from evald.errors import BadRequest

ENCODINGS: Final = frozenset({"utf-8", "ascii", "iso8859-1"})
"""Any other comes from no browser and no client; some of Python's make texts that nothing can keep."""


def check_encoding(content_type: str) -> None:
    """Check in which encoding the texts of a form are, before it is read. Raises BadRequest."""
    if "charset" not in content_type.lower() or "multipart" not in content_type.lower():
        return
    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8").decode("latin-1")
    try:
        is_known = codecs.lookup(charset).name in ENCODINGS
    except (LookupError, ValueError):  # ValueError: a NUL in its name
        is_known = False
    if not is_known:
        raise BadRequest("Send the form in UTF-8.", code="invalid_content_type")
