"""Uploads that are refused: the form, the purpose, the lines of the file."""

import json
from typing import Any

import pytest

from tests.api.refusals import FORM, NAMED, Prepared, check_refusal, form, upload

PURPOSE = ("purpose", "", b"evals")
FILE = ("file", NAMED, b'{"item": {"q": "a"}}\n')

BROKEN_FILES: dict[str, tuple[bytes, str]] = {
    "a broken line": (b'{"item": {}}\n{"item": \n{"item": {}}\n', "line 2 "),
    "a broken last line": (b'{"item": {}}\n{"item"', "line 2 "),
    "after blank lines": (b"\n\n\n{]\n", "line 4 "),
    "one JSON array": (b'[{"item": {}}, {"item": {}}]', "line 1 must be a JSON object"),
    "pretty JSON": (b'{\n  "item": {}\n}\n', "line 1 "),
    "a text": (b"question,answer\na,b\n", "line 1 "),
    "a number": (b'{"item": {}}\n5\n', "line 2 must be a JSON object"),
    "null": (b"null\n", "line 1 must be a JSON object"),
    "invalid UTF-8": (b'{"item": {"q": "\xff"}}\n', "line 1 "),
    "UTF-16": ('{"item": {}}\n'.encode("utf-16"), "line 1 "),
    "Latin-1": ('{"item": {"q": "é"}}\n'.encode("latin-1"), "line 1 "),
    "NUL bytes": (b"\x00" * 100, "line 1 "),
    "NaN": (b'{"item": {"q": NaN}}', "line 1 "),
    "1e400": (b'{"item": {"q": 1e400}}', "line 1 "),
    "2**70": (b'{"item": {"q": 1180591620717411303424}}', "64 bits"),
    "a lone surrogate": (b'{"item": {"q": "\\ud800"}}', "line 1 "),
    "10,000 deep": (b'{"item": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", "line 1 "),
    "2**70, 1,000 deep": (b'{"a":' + b"[" * 999 + b"1" * 30 + b"]" * 999 + b"}", "line 1 "),
    "a mark in the middle": (b'{"item": {}}\n\xef\xbb\xbf{"item": {}}\n', "line 2 "),
    "two objects in a line": (b'{"item": {}} {"item": {}}\n', "line 1 "),
}


@pytest.mark.parametrize(("content", "says"), BROKEN_FILES.values(), ids=BROKEN_FILES)
def test_a_file_with_a_broken_line_is_refused_by_its_number(
    prepared: Prepared, content: bytes, says: str
) -> None:
    answer = upload(prepared.server, content)

    check_refusal(answer, param="file", code="invalid_jsonl", says=says)
    assert len(answer.body) < 1_000


def test_the_line_is_counted_right_far_into_a_large_file(prepared: Prepared) -> None:
    content = b'{"item": {"q": "' + b"a" * 1_000 + b'"}}\n'

    answer = upload(prepared.server, content * 3_000 + b"{\n" + content)

    check_refusal(answer, param="file", code="invalid_jsonl", says="line 3001 ")


@pytest.mark.parametrize("purpose", ["evals", "user_data"])
def test_an_empty_file_is_refused(prepared: Prepared, purpose: str) -> None:
    check_refusal(upload(prepared.server, b"", purpose), param="file", code="empty_file")


@pytest.mark.parametrize("content", [b"\n", b" \r\n\t\n", b"\xef\xbb\xbf\n", b"\n" * 3_000_000])
def test_a_file_for_evals_without_a_row_is_refused(prepared: Prepared, content: bytes) -> None:
    check_refusal(upload(prepared.server, content), param="file", code="empty_file", says="blank")


@pytest.mark.parametrize("purpose", ["eval", "EVALS", "fine_tune", "assistants_output", "\x00"])
def test_an_unknown_purpose_is_refused_and_the_known_are_named(
    prepared: Prepared, purpose: str
) -> None:
    answer = upload(prepared.server, FILE[2], purpose)

    check_refusal(answer, param="purpose", code="invalid_value", says="user_data, evals")


MISSING = "missing_required_parameter"

# the parts of the form, the param, the code
FORMS: dict[str, tuple[list[Any], str | None, str]] = {
    "nothing": ([], "file", MISSING),
    "no file": ([PURPOSE], "file", MISSING),
    "no purpose": ([FILE], "purpose", MISSING),
    "an empty purpose": ([("purpose", "", b""), FILE], "purpose", MISSING),
    "a purpose that is a file": ([("purpose", NAMED, b"evals"), FILE], None, "invalid_form"),
    "a file that is a field": ([PURPOSE, ("file", "", b"{}")], "file", MISSING),
    "two files": ([PURPOSE, FILE, FILE], None, "invalid_form"),
    "100 fields": (
        [PURPOSE, FILE, *[(f"f{n}", "", b"x") for n in range(100)]],
        None,
        "invalid_form",
    ),
    "a large field": ([PURPOSE, FILE, ("note", "", b"x" * 1_000_000)], None, "invalid_form"),
    "a purpose in Latin-1": ([("purpose", "", b"\xe9vals"), FILE], "purpose", "invalid_value"),
    "a name of 2,000 letters": (
        [PURPOSE, ("file", f'; filename="{"x" * 2_000}"', FILE[2])],
        "file",
        "invalid_value",
    ),
    "a name with a NUL": (
        [PURPOSE, ("file", '; filename="a\x00b"', FILE[2])],
        "file",
        "invalid_value",
    ),
    "an unknown anchor": (
        [PURPOSE, FILE, ("expires_after[anchor]", "", b"now")],
        "expires_after[anchor]",
        "invalid_value",
    ),
    "no anchor": (
        [PURPOSE, FILE, ("expires_after[seconds]", "", b"3600")],
        "expires_after[anchor]",
        "invalid_value",
    ),
    **{
        f"{seconds!r} seconds": (
            [
                PURPOSE,
                FILE,
                ("expires_after[anchor]", "", b"created_at"),
                ("expires_after[seconds]", "", seconds),
            ],
            "expires_after[seconds]",
            "invalid_value",
        )
        for seconds in (b"", b"3599", b"-3600", b"3600.5", b"1e4", b"9" * 400, b"\xd9\xa3600")
    },
}


@pytest.mark.parametrize(("parts", "param", "code"), FORMS.values(), ids=FORMS)
def test_a_form_that_is_no_upload_is_refused(
    prepared: Prepared, parts: list[Any], param: str | None, code: str
) -> None:
    answer = prepared.server.ask("POST", "/v1/files", form(*parts), FORM)

    check_refusal(answer, param=param, code=code)


WHOLE = form(PURPOSE, FILE)

BROKEN_FORMS: dict[str, bytes] = {
    "empty": b"",
    "no boundary in it": b"purpose=evals",
    "another boundary": WHOLE.replace(b"the-boundary", b"an-boundary"),
    "cut before the end": WHOLE[:-30],
    "cut in a header": WHOLE[:40],
    "no end": WHOLE.replace(b"--the-boundary--", b""),
    "a part without a name": WHOLE.replace(b'name="file"; ', b""),
    "a part without a header": b"--the-boundary\r\n\r\nx\r\n--the-boundary--\r\n",
    "a header without an end": b"--the-boundary\r\nx: " + b"y" * 100_000,
}


@pytest.mark.parametrize("body", BROKEN_FORMS.values(), ids=BROKEN_FORMS)
def test_a_broken_form_is_refused(prepared: Prepared, body: bytes) -> None:
    answer = prepared.server.ask("POST", "/v1/files", body, FORM)

    assert answer.status == 400
    error = answer.json["error"]
    assert error["code"] in ("invalid_form", MISSING, "invalid_jsonl")
    assert error["message"]


TYPES = [
    "application/json",
    "text/plain",
    "",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/mixed; boundary=the-boundary",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=" + "x" * 10_000,
    "multipart/form-data; boundary=\xe9",
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind[:45])
def test_a_body_that_is_no_form_is_refused(prepared: Prepared, kind: str) -> None:
    answer = prepared.server.ask("POST", "/v1/files", WHOLE, {"content-type": kind})

    assert answer.status == 400
    assert answer.json["error"]["code"] in ("invalid_content_type", "invalid_form", MISSING)


def test_a_large_line_is_refused_by_its_number(prepared: Prepared) -> None:
    content = b'{"item": {}}\n{"item": {"q": "' + b"a" * 40_000_000 + b'"}}\n'

    answer = upload(prepared.server, content)

    check_refusal(answer, param="file", code="invalid_jsonl", says="line 2 is longer")


def test_a_file_is_taken_as_its_content_says_and_not_its_type(prepared: Prepared) -> None:
    part = ("file", '; filename="x.png"\r\ncontent-type: image/png', FILE[2])

    answer = prepared.server.ask("POST", "/v1/files", form(PURPOSE, part), FORM)

    assert answer.status == 200
    assert answer.json["filename"] == "x.png"
    prepared.server.ask("DELETE", f"/v1/files/{answer.json['id']}")


def test_a_path_as_a_name_is_a_name_and_no_path(prepared: Prepared) -> None:
    part = ("file", '; filename="../../etc/passwd"', FILE[2])

    answer = prepared.server.ask("POST", "/v1/files", form(PURPOSE, part), FORM)
    found = prepared.server.ask("GET", f"/v1/files/{answer.json['id']}").json

    assert json.dumps("../../etc/passwd") in json.dumps(found)
    prepared.server.ask("DELETE", f"/v1/files/{answer.json['id']}")
