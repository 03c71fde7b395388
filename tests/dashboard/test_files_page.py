"""The first rows of a file, whatever it holds."""

from evald.dashboard.file_list import FirstRows, first_rows
from evald.dashboard.texts import Text


def test_rows_stand_in_columns_of_their_items() -> None:
    content = (
        b'\xef\xbb\xbf{"item": {"q": "a", "n": 1}}\n\n{"item": {"q": "b"}, "sample": {"x": []}}\n'
    )

    assert first_rows(content, is_whole=True) == FirstRows(
        columns=("q", "n", "sample"),
        hidden_columns=0,
        rows=(
            (Text("a"), Text("1"), None),
            (Text("b"), None, Text('{"x": []}')),
        ),
        are_all=True,
    )


def test_a_row_that_is_cut_off_is_not_shown() -> None:
    rows = first_rows(b'{"n": 1}\n{"n": 2}\n{"n": 3', is_whole=False)

    assert rows
    assert rows.rows == ((Text("1"),), (Text("2"),))
    assert not rows.are_all


def test_many_and_long_rows_are_bounded() -> None:
    wide = b"{" + b",".join(b'"key %d": "%s"' % (n, b"x" * 5000) for n in range(30)) + b"}\n"

    rows = first_rows(wide * 50, is_whole=True)

    assert rows
    assert (len(rows.rows), len(rows.columns), rows.hidden_columns) == (20, 8, 22)
    assert rows.rows[0][0] == Text("x" * 160, 4840)
    assert not rows.are_all


def test_what_is_no_json_lines_is_no_table() -> None:
    for content in (b"", b"\n \n", b"hello\n", b'{"a": 1}\nno\n', b"\xff\xfe\x00{"):
        assert first_rows(content, is_whole=True) is None
