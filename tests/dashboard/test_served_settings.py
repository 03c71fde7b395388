"""Files and settings on a real server with keys: each project sees its own, and nobody a secret."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.access.commands import make_key
from tests.server import Answer, EvaldServer

SECRETS = {
    "provider": "sk-provider-secret-1234",
    "signing": "whsec_c2lnbmluZy1zZWNyZXQtb2YtdGhlLWNvbmZpZy1maWxl",
    "path": "hidden-path",
}
CONFIG = """
max_error_rate = 0.25
[providers.eu]
base_url = "http://127.0.0.1:9/v1"
api_key_env = "EU_KEY"
models = ["gpt-*"]
[aliases]
house = "gpt-4.1"
[webhooks.ci]
url = "http://127.0.0.1:9/hidden-path?token=hidden-path"
secret_env = "CI_SECRET"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    environment = {"EU_KEY": SECRETS["provider"], "CI_SECRET": SECRETS["signing"]}
    server = EvaldServer(
        tmp_path_factory.mktemp("settings"), config=CONFIG, environment=environment
    )
    make_key(server.data_dir, "--name", "first")
    with server:
        yield server


@pytest.fixture(scope="module")
def reader(server: EvaldServer) -> EvaldServer:
    """The server as somebody sees it who has signed in."""
    return signed_in(server, "--name", "of mine")


@pytest.fixture(scope="module")
def stranger(server: EvaldServer) -> EvaldServer:
    return signed_in(server, "--project", "other", "--name", "theirs")


def signed_in(server: EvaldServer, *arguments: str) -> EvaldServer:
    key = make_key(server.data_dir, *arguments)
    SECRETS[" ".join(arguments)] = key.secret
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = server.ask("POST", "/sign-in", urlencode({"key": key.secret}).encode(), form)
    other = server.with_key("")
    other.headers = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
    return other


def page_of(server: EvaldServer, path: str) -> str:
    answer = server.ask("GET", path)
    assert answer.status == 200, answer.body
    return answer.body.decode()


def upload(server: EvaldServer, content: bytes, name: str = "rows.jsonl", days: str = "") -> Answer:
    parts = (
        b'--cut\r\ncontent-disposition: form-data; name="days"\r\n\r\n' + days.encode(),
        b'--cut\r\ncontent-disposition: form-data; name="file"; filename="%s"\r\n\r\n'
        % name.encode()
        + content,
        b"--cut--\r\n",
    )
    kind = {"content-type": "multipart/form-data; boundary=cut"}
    return server.ask("POST", "/dashboard/files", b"\r\n".join(parts), kind)


def test_settings_tell_of_everything_and_of_no_secret(
    reader: EvaldServer, stranger: EvaldServer
) -> None:
    mine, theirs = (page_of(each, "/dashboard/settings") for each in (reader, stranger))

    for html in (mine, theirs):
        assert [secret for secret in SECRETS.values() if secret in html] == []
        assert "http://127.0.0.1:9/v1" in html
        assert "<code>EU_KEY</code>" in html
        assert "25.0 %" in html
    assert f"…{SECRETS['--name of mine'][-4:]}" in mine
    assert "http://127.0.0.1:9/…" in mine
    assert "whsec_...aWxl" in mine
    assert "of mine" in mine
    assert "theirs" not in mine
    assert "of mine" not in theirs
    assert "Nobody is told" in theirs


def test_the_program_of_a_server_with_keys_asks_for_one_and_names_a_model(
    stranger: EvaldServer,
) -> None:
    html = page_of(stranger, "/")

    assert "api_key=&#34;sk-evald-...&#34;" in html
    assert "model = &#34;house&#34;" in html


def test_a_file_is_uploaded_looked_at_and_deleted(
    reader: EvaldServer, stranger: EvaldServer
) -> None:
    assert "There are no files yet" in page_of(reader, "/dashboard/files")

    name = "<img src=x>\u202e.jsonl"
    uploaded = upload(reader, b'{"item": {"q": "<script>"}}\n{"item": {"q": "b"}}', name, "7")
    path = f"/dashboard/{uploaded.headers['location'].removeprefix('./')}"
    listed, shown = page_of(reader, "/dashboard/files"), page_of(reader, path)
    by_api = reader.ask("GET", path.replace("/dashboard/", "/v1/")).json
    foreign = [
        stranger.ask("GET", path).status,
        stranger.ask("POST", f"{path}/delete").status,
        reader.ask("POST", f"{path}/delete", headers={"origin": "http://evil.example"}).status,
    ]
    deleted = reader.ask("POST", f"{path}/delete")

    assert uploaded.status == 303
    assert "&lt;img src=x&gt;⟨U+202E⟩.jsonl" in listed
    assert "All 2 rows" in shown
    assert "&lt;script&gt;" in shown
    assert by_api["expires_at"] - by_api["created_at"] == 7 * 24 * 60 * 60
    assert by_api["purpose"] == "evals"
    assert foreign == [404, 404, 403]
    assert (deleted.status, deleted.headers["location"]) == (303, "../../files")
    assert reader.ask("GET", path).status == 404


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b'{"a": 1}\nno', "line 2 is not valid JSON"), (b"", "is empty"), (b"[1]", "JSON object")],
)
def test_an_upload_that_is_no_rows_says_why_and_leaves_nothing(
    stranger: EvaldServer, content: bytes, reason: str
) -> None:
    answer = upload(stranger, content)

    assert answer.status == 400
    assert reason in answer.body.decode()
    assert stranger.ask("GET", "/v1/files").json["data"] == []


def test_a_form_without_a_file_says_so(stranger: EvaldServer) -> None:
    answer = upload(stranger, b"", name="")

    assert answer.status == 400
    assert "Choose a file first" in answer.body.decode()


def test_a_reader_who_has_to_sign_in_is_led_back_to_files_and_settings(server: EvaldServer) -> None:
    answer = server.ask("GET", "/dashboard/settings")

    assert answer.status == 303
    assert answer.headers["location"] == "../sign-in?next=dashboard%2Fsettings"
