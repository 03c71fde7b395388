"""The page of the docs that says what of the published schema there is."""

import pytest

from tests.contract.schema import DOCUMENT, NOT_CHECKED
from tests.openapi.coverage import coverage
from tests.openapi.coverage_page import PAGE, page

there = pytest.mark.skipif(not DOCUMENT.exists(), reason=NOT_CHECKED)


@there
def test_the_page_is_what_the_two_documents_come_to() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it: python -m tests.openapi.coverage_page"


@there
def test_what_is_missing_is_found_to_be_missing() -> None:
    found = coverage()

    assert found.fields["InputFileContent"]["file_id"] == {"answered": "no", "taken": "no"}
    assert found.fields["GraderPython"]["source"] == {"answered": "yes", "taken": "yes"}
    assert found.fields["OpenAIFile"]["status = error"] == {"answered": "no"}
    assert found.fields["OpenAIFile"]["status = processed"] == {"answered": "yes"}
    assert found.fields["MCPTool"]["server_url"]["taken"] == "as sent"
