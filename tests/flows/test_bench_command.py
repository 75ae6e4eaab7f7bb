"""`miaotui bench`: what it reads, refuses and prints."""

import json
import sys
from pathlib import Path

import pytest

from flows.command_line import bench, main
from tasks.errors import UserError
from tests.flows.command_errors import fails_with
from tests.registry.generated import token_server, tokens
from tests.registry.reported_benchmark import benchmark

pytestmark = pytest.mark.usefixtures("own_home")


def test_bench_reads_its_texts_and_names_the_first_bad_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a"}\n{"text": "b", "label": "c"}\n', encoding="utf-8")
    assert bench.read_texts(file, "text") == ["a", "b"]
    (tmp_path / "rows.csv").write_text("id;text\n1;a, b\n")
    assert bench.read_texts(tmp_path / "rows.csv", "text") == ["a, b"]
    (tmp_path / "rows.csv").write_text("id^text\n1^a;b\n")
    assert bench.read_texts(tmp_path / "rows.csv", "text", "^") == ["a;b"]
    file.write_text('{"text": "a"}\n{"text": 5}\n', encoding="utf-8")
    with pytest.raises(UserError, match=r"rows\.jsonl line 2: column 'text' holds no text: '5'"):
        bench.read_texts(file, "text")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "none.jsonl", "--target", "local-cpu"), "none.jsonl"),
        (("--data", "none.txt", "--target", "local-cpu"), "not in a known format"),
        (("--data", "none.jsonl", "--target", "nowhere"), 'unknown target "nowhere"; known: local-cpu'),
    ],
)
def test_bench_refuses_what_it_cannot_measure(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in fails_with(capfd, "bench", str(tmp_path), *arguments)


def test_bench_names_the_file_of_a_schema_that_nothing_could_keep_to(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    with pytest.raises(UserError, match=r"schema\.json: cannot be read"):
        bench.read_schema(file)
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match=r"schema\.json: schema: a JSON schema is an object, not list"):
        bench.read_schema(file)
    file.write_text('{"type": "object"}', encoding="utf-8")
    assert json.loads(bench.read_schema(file)) == {"type": "object"}


def test_bench_prints_token_latencies_where_answers_are_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    from flows.command_line.console import console_for

    result = benchmark()
    bench.print_benchmark(console_for(sys.stdout), result)
    assert "tokens" not in capsys.readouterr().out
    measured = {"tokens": tokens(), "token_server": token_server()}
    bench.print_benchmark(console_for(sys.stdout), result.model_copy(update=measured))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["to", "the", "first", "2.000", "4.000", "4.600"] in lines
    assert ["per", "further", "one", "0.400", "0.700", "0.800"] in lines
    assert ["1450.0", "tokens/s,", "17.4", "an", "answer"] in lines
    assert ["to", "the", "first", "2.200", "4.400", "4.800", "50"] in lines
    assert ["LoadGen:", "VALID"] in lines
    assert ["sustained", "within", "both", "bounds:", "120.0", "qps,", "2088.0", "tokens/s"] in lines


@pytest.mark.parametrize("said", ["ab", "x", '"', ""])
def test_a_delimiter_is_one_character(said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "bundle", "--data", "a.csv", "--target", "local-cpu", "--delimiter", said])
    assert ended.value.code == 2
    assert "must be one character, such as ',', ';', '|' or tab" in capfd.readouterr().err
