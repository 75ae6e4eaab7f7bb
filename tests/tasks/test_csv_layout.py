"""What parts the fields of a CSV file: found by the columns that it must have, said in the file, or said by the recipe."""

from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data.csv_layout import DELIMITERS, Layout, csv_layout
from tasks.data.raw import MissingColumnError, RawRecord
from tasks.data.readers import read_records
from tasks.errors import UserError

COLUMNS = ("text", "label")


def written(folder: Path, content: str, encoding: str = "utf-8") -> Path:
    file = folder / "rows.csv"
    file.write_bytes(content.encode(encoding))
    return file


def layout(folder: Path, content: str, delimiter: str | None = None, columns: tuple[str, ...] = COLUMNS) -> Layout:
    return csv_layout(written(folder, content), columns, "rows.csv", delimiter)


def read(folder: Path, content: str, delimiter: str | None = None) -> list[RawRecord]:
    return list(read_records(written(folder, content), "csv", COLUMNS, location="rows.csv", delimiter=delimiter))


def refusal(folder: Path, content: str, delimiter: str | None = None, columns: tuple[str, ...] = COLUMNS) -> str:
    with pytest.raises(UserError) as caught:
        layout(folder, content, delimiter, columns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_found_however_often_others_stand_in_the_texts(tmp_path: Path, delimiter: str) -> None:
    others = "".join(each for each in DELIMITERS if each != delimiter) * 20
    records = read(tmp_path, f'\ufefftext{delimiter}label\r\n"a{others}"{delimiter}x\r\nb{others}{delimiter}y\r\n')
    assert [(record.values["text"], record.values["label"]) for record in records] == [
        (f"a{others}", "x"),
        (f"b{others}", "y"),
    ]


@pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\n", '"sep=;"\n', "sep=;\r"])
def test_what_the_first_line_says_is_heard_and_is_no_row(tmp_path: Path, first: str) -> None:
    records = read(tmp_path, f"{first}text;label\na,b;x\n")
    assert [dict(record.values) for record in records] == [{"text": "a,b", "label": "x"}]
    assert records[0].number == 3
    assert layout(tmp_path, "sep=,\ntext,label\n").skipped == 1


def test_a_recipe_has_the_last_word(tmp_path: Path) -> None:
    assert read(tmp_path, "sep=;\ntext^label\na;^x\n", "^") == [RawRecord(3, {"text": "a;", "label": "x"})]


def test_a_column_that_is_there_by_no_delimiter_is_told_with_all_readings_of_the_header(tmp_path: Path) -> None:
    assert refusal(tmp_path, "text;lable\na;x\n") == (
        "rows.csv: has no column 'label'; its columns are 'text', 'lable'; did you mean 'lable'?"
    )
    message = refusal(tmp_path, "id,utterance;intent\n")
    assert "has no column 'text'; its columns are 'id', 'utterance;intent'" in message
    assert "read by ';' they would be 'id,utterance', 'intent'" in message
    with pytest.raises(MissingColumnError):
        layout(tmp_path, "text\na\n")


def test_a_delimiter_that_is_said_and_does_not_fit_is_told_with_the_one_that_does(tmp_path: Path) -> None:
    assert refusal(tmp_path, "text;label\na;x\n", ",") == (
        "rows.csv: read by the delimiter ',' it has 'text;label', but by ';' 'text', 'label'; let data.delimiter say that"
    )


def test_a_header_that_can_be_read_in_several_ways_is_not_guessed_at(tmp_path: Path) -> None:
    message = refusal(tmp_path, "text,label,x;text;label\n")
    assert "can be read in several ways, by ',' 'text', 'label', 'x;text;label'; by ';'" in message
    assert layout(tmp_path, "text,label,x;text;label\n", ";").header == ("text,label,x", "text", "label")


def test_a_file_of_one_column_is_read_by_commas_and_other_rows_are_loud(tmp_path: Path) -> None:
    assert layout(tmp_path, "text\nhello; you\n", columns=("text",)) == Layout(",", 0, ("text",))
    file = written(tmp_path, 'text\nhello; you\n"a, b"\na, b\n')
    records = list(read_records(file, "csv", ["text"], location="rows.csv"))
    assert [record.reason for record in records] == [None, None, "has 2 fields where the header has 1"]


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "sep=;\n", " \n"])
def test_a_file_without_a_header_is_empty(tmp_path: Path, content: str) -> None:
    assert "is empty" in refusal(tmp_path, content)


def test_blank_lines_before_the_header_are_no_header(tmp_path: Path) -> None:
    assert read(tmp_path, "\n\r\ntext,label\na,x\n") == [RawRecord(4, {"text": "a", "label": "x"})]


def test_a_header_in_another_encoding_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, "größe;label\na;x\n", "latin-1")
    with pytest.raises(UserError, match="its header is not UTF-8; save the file as UTF-8"):
        csv_layout(file, ("größe", "label"), "rows.csv")


def test_lines_may_end_in_different_ways(tmp_path: Path) -> None:
    records = read(tmp_path, 'text,label\r\na,x\nb,y\r\nc,"z"\n')
    assert [(record.values["text"], record.number) for record in records] == [("a", 2), ("b", 3), ("c", 4)]
    records = read(tmp_path, "text,label\ra,x\rb,y")
    assert [(record.values["text"], record.number) for record in records] == [("a", 2), ("b", 3)]


def test_a_carriage_return_in_a_text_that_nobody_quoted_is_not_the_end_of_a_row(tmp_path: Path) -> None:
    records = read(tmp_path, 'text,label\nhelp\rme,x\n"help\rme",x\nb,y\n')
    assert [(record.number, record.reason) for record in records] == [
        (2, "is broken CSV (a carriage return outside quotation marks)"),
        (3, None),
        (4, None),
    ]
    assert records[1].values["text"] == "help\rme"


def test_a_trailing_empty_column_of_the_header_is_a_column_and_of_rows_alone_it_is_loud(tmp_path: Path) -> None:
    assert read(tmp_path, "text,label,\na,x,\n") == [RawRecord(2, {"text": "a", "label": "x"})]
    assert read(tmp_path, "text,label\na,x,\n")[0].reason == "has 3 fields where the header has 2"


names = st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\0,;\t|'), min_size=1, max_size=5).map(str.strip)


@settings(deadline=None)
@given(
    header=st.lists(names.filter(bool), max_size=4),
    delimiter=st.sampled_from(DELIMITERS),
    position=st.integers(0, 4),
)
def test_two_columns_are_found_by_the_one_delimiter_that_wrote_them(
    tmp_path_factory: pytest.TempPathFactory, header: list[str], delimiter: str, position: int
) -> None:
    others = [name for name in dict.fromkeys(header) if name not in COLUMNS and not name.lower().startswith("sep=")]
    wanted = [*others[:position], *COLUMNS, *others[position:]]
    found = layout(tmp_path_factory.mktemp("layout"), delimiter.join(wanted) + "\n")
    assert (found.delimiter, found.header) == (delimiter, tuple(wanted))


def test_no_header_of_distinct_names_is_read_in_two_ways(tmp_path: Path) -> None:
    """Against all headers of three parts and two delimiters."""
    for parts, between in product(permutations(["text", "label", "x"]), product([",", ";"], repeat=2)):
        header = parts[0] + between[0] + parts[1] + between[1] + parts[2]
        fitting = [each for each in ",;" if set(COLUMNS) <= set(header.split(each))]
        assert len(fitting) < 2
        if fitting:
            assert layout(tmp_path, header + "\n").delimiter == fitting[0]
        else:
            assert "has no column" in refusal(tmp_path, header + "\n")
