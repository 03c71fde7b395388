"""Forms in encodings that make texts which nothing can keep, or none at all, are refused."""

from collections.abc import Iterator

import pytest

from tests.server import EvaldServer

BODY = b'--x\r\ncontent-disposition: form-data; name="key"\r\n\r\na\\ud800\xff\r\n--x--\r\n'
UNKNOWN = ["undefined", "punycode", "unicode_escape", "utf-7", "utf-16", "no such", "a" * 5000]
KNOWN = ["utf-8", "UTF8", '"utf-8"', "us-ascii", "iso-8859-1"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path_factory.mktemp("encodings")) as server:
        yield server


def status_of(server: EvaldServer, path: str, charset: str) -> int:
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    return server.ask("POST", path, BODY, {"content-type": kind}).status


def test_a_form_in_another_encoding_than_browsers_send_is_refused_everywhere(
    server: EvaldServer,
) -> None:
    for path in ("/sign-in", "/dashboard/new", "/dashboard/files", "/v1/files"):
        assert {status_of(server, path, charset) for charset in UNKNOWN} == {400}


def test_a_form_that_names_its_usual_encoding_is_read(server: EvaldServer) -> None:
    assert {status_of(server, "/sign-in", charset) for charset in KNOWN} == {303}
