"""Images and sounds of messages: few kinds are shown, nothing is loaded from elsewhere."""

from base64 import b64encode

import pytest

from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.conversation import MESSAGE_LIMIT, messages_of
from evald.dashboard.frame import Frame
from evald.dashboard.items import ItemsPage
from evald.dashboard.media import LARGEST_MEDIUM, Allowance, Part, named_only, parts_of
from evald.dashboard.report import render_report, report_page
from evald.dashboard.texts import Text
from tests.dashboard.samples import eval_object, output_item, run_object

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
}
PNG = "data:image/png;base64," + b64encode(HEADS["image/png"] + b"\0" * 40).decode()
WAV = b64encode(b"RIFF\x10\x00\x00\x00WAVEfmt " + b"\0" * 40).decode()
SVG = b64encode(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>").decode()


def parts(content: JsonValue) -> list[Part]:
    return list(parts_of(content, Allowance()))


def image(url: str) -> JsonObject:
    return {"type": "image_url", "image_url": {"url": url}}


def drawer_of(message: JsonObject) -> str:
    """Give the part of the page about an item whose model was sent this message."""
    item = output_item(0, "pass", sample={"input": [message], "output": []})
    page = report_page(
        eval_object=eval_object(),
        run=run_object("completed", passed=1),
        items=[item],
        page=ItemsPage(shown=1, total=1),
        selected=item,
        frame=Frame("../"),
    )
    html = render_report(page)
    return html[html.index('<dialog class="drawer"') :]


@pytest.mark.parametrize("kind", HEADS)
def test_an_image_in_the_item_is_shown_as_what_its_bytes_are(kind: str) -> None:
    data = b64encode(HEADS[kind] + b"\0" * 40).decode()

    assert parts(image(f"data:image/PNG;base64,{data}")) == [
        Part("image", address=f"data:{kind};base64,{data}", media_type=kind)
    ]


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/svg+xml;base64,{SVG}",
        f"data:image/png;base64,{SVG}",
        f"data:text/html;base64,{SVG}",
        f"data:image/png,{PNG}",
        f"data:image/png;base64,{PNG[22:]}\"onerror='alert(1)",
        "data:image/png;base64," + PNG[22:] + "A" * LARGEST_MEDIUM,
        "data:,",
        "javascript:alert(1)",
        "//images.example/x.png",
        "https://user@images.example/x.png",
        "https://a.example\\@b.example/x.png",
        "https://b\u00fccher.example/x.png",
        "https://images.example/x.png\n",
        "https://",
        "file:///etc/passwd",
        "blob:https://images.example/1",
    ],
    ids=lambda url: url[:40],
)
def test_any_other_address_is_only_told(url: str) -> None:
    (part,) = parts(image(url))

    assert (part.kind, part.address) == ("unshown", "")
    assert url.startswith(part.text.shown)
    drawer = drawer_of({"role": "user", "content": [image(url)]})
    assert "<img" not in drawer
    assert 'target="_blank"' not in drawer


def test_a_remote_image_is_not_loaded_and_its_link_says_where_it_leads() -> None:
    url = "https://Images.Example:8443/a/b.png?size=2"

    drawer = drawer_of({"role": "user", "content": f"Look: <image>{url}</image>"})

    assert "<img" not in drawer
    assert "<b>Image at <bdi>images.example</bdi></b>, not loaded" in drawer
    assert f'href="{url}" target="_blank" rel="noreferrer noopener"' in drawer


def test_images_within_a_text_are_shown_where_they_stand() -> None:
    assert [part.kind for part in parts(f"a <image>{PNG}</image> b")] == ["text", "image", "text"]
    assert parts("<image>never closed") == [Part("text", Text("<image>never closed"))]
    assert parts("") == []


def test_the_table_names_an_image_and_does_not_hold_it() -> None:
    assert named_only(f"a <image>{PNG}</image> b <image>c", 240) == "a [image] b <image>c"


def test_what_a_message_has_behind_its_limit_is_counted() -> None:
    content: JsonValue = ["x" * MESSAGE_LIMIT, image(PNG), "y" * 7, *([image("-")] * 50)]

    (message,) = messages_of({"input": [{"role": "user", "content": content}]}, 50)

    assert [part.text.hidden for part in message.parts if part.kind == "text"] == [0, 7]
    assert message.parts[-1].why == "This message has more parts than are shown here."


def test_an_item_shows_few_megabytes_of_images() -> None:
    large = PNG + "AAAA" * (LARGEST_MEDIUM // 4 - 30)

    kinds = [part.kind for part in parts([image(large)] * 5)]

    assert kinds == ["image", "image", "unshown", "unshown", "unshown"]


@pytest.mark.parametrize(
    "text",
    ["<image>" * 150_000, "<image></image>" * 70_000, "x" * 1_000_000, f"<image>{'x' * 10**6}"],
)
def test_a_megabyte_of_any_text_makes_a_small_page(text: str) -> None:
    (message,) = messages_of({"input": [{"role": "user", "content": text}]}, 50)

    assert sum(len(part.text.shown) for part in message.parts) <= MESSAGE_LIMIT
    assert len(message.parts) <= 42
    assert len(drawer_of({"role": "user", "content": text})) < 60_000


def test_a_sound_can_be_played_and_is_not_loaded_before() -> None:
    sound: JsonObject = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
    page: JsonObject = {"type": "input_audio", "input_audio": {"data": SVG, "format": "wav"}}

    drawer = drawer_of({"role": "user", "content": [sound, page]})

    assert (
        f'<audio class="sound" controls preload="none" src="data:audio/wav;base64,{WAV}"' in drawer
    )
    assert drawer.count("<audio") == 1
    assert "A sound of a kind that is not played here." in drawer


def test_what_a_model_said_aloud_is_heard_and_read() -> None:
    said: JsonObject = {"role": "assistant", "audio": {"data": WAV, "transcript": "Hello."}}

    (message,) = messages_of({"output": [said]}, 50)

    assert [part.kind for part in message.parts] == ["audio", "text"]


def test_the_result_of_a_tool_is_a_block_of_code() -> None:
    drawer = drawer_of({"role": "tool", "content": '{"status": "delivered"}'})

    assert '<pre class="call" dir="auto">{&#34;status&#34;: &#34;delivered&#34;}</pre>' in drawer


def test_what_was_expected_and_came_is_told_as_a_diff_by_lines_too() -> None:
    item = output_item(0, "fail")
    item["sample"] = {"input": [], "output": [{"role": "assistant", "content": "Technicl"}]}

    html = render_report(
        report_page(
            eval_object=eval_object(),
            run=run_object("completed", failed=1),
            items=[item],
            page=ItemsPage(shown=1, total=1),
            selected=item,
            frame=Frame("../"),
        )
    )

    assert '<del><span class="sr">[expected: </span>t<span class="sr">]</span></del>' in html
    assert '<ins><span class="sr">[got: </span>T<span class="sr">]</span></ins>echnic' in html
