"""Every command ends in an exit code that says what happened, and every error a person causes is one line."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pyarrow
import pyarrow.parquet
import pytest

from engine.bundle import FORMAT, Manifest, write_manifest
from engine.errors import BundleError, InputError
from engine.generation.completion import Completion
from engine.generation.model import GenerationModel
from engine.prediction import Prediction
from flows import recalibration
from flows.command_line import bench, main, predict, recalibrate, run, status
from flows.fresh_rows import named_columns, read_fresh_rows
from flows.inbox.rows import Columns
from tasks.data.rows import UNLABELLED
from tasks.errors import UserError
from tests.registry.generated import token_server, tokens
from tests.registry.test_report import benchmark

PROJECT = Path(__file__).parents[2]
RECIPE = """\
name: support-intents
task: text-classification
data: {train: train.jsonl}
base_model: some/model
targets: [local-cpu]
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("MIAOTUI_HOME", str(home))
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE, encoding="utf-8")
    return file


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text.strip()


def fails_with(capfd: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    assert main(arguments) == code
    captured = capfd.readouterr()
    assert captured.out == ""
    return one_line(captured.err)


# ------------------------------------------------------------------ errors and exit codes


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["run"], ["predict"], ["bench", "x"], ["run", "x", "--nonsense"]]
)
def test_wrong_usage_ends_with_2(arguments: Sequence[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: miaotui" in capfd.readouterr().err


def test_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capfd.readouterr().out.startswith("miaotui ")


def test_an_unknown_recipe_field_names_the_nearest_and_makes_no_home(
    recipe: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = fails_with(capfd, "run", str(recipe), "--set", "fine_tune.epochz=3")
    assert line == "miaotui: --set fine_tune.epochz: unknown field; did you mean fine_tune.epochs?"
    assert not own_home.exists()


def test_missing_data_is_said_without_starting_anything(
    recipe: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = fails_with(capfd, "run", str(recipe))
    assert "data.train" in line
    assert "train.jsonl does not exist" in line
    assert not (own_home / "prefect").exists()
    assert not (own_home / "store").exists()


def test_a_missing_base_model_names_the_recipe_and_the_field(recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (recipe.parent / "train.jsonl").write_text('{"text": "a", "label": "b"}\n', encoding="utf-8")
    line = fails_with(capfd, "run", str(recipe), "--set", "base_model=./nowhere")
    assert f"{recipe}: base_model: no folder" in line


def test_a_home_that_cannot_be_written_names_the_way_out(
    recipe: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own_home.write_text("a file in its place", encoding="utf-8")
    assert "MIAOTUI_HOME" in fails_with(capfd, "run", str(recipe))


def test_an_internal_error_is_one_line_and_a_traceback_in_a_log(
    own_home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_options: object) -> int:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr(status, "execute", broken)
    line = fails_with(capfd, "status", code=1)
    assert line.startswith("miaotui: internal error: ZeroDivisionError: a b")
    (log,) = (own_home / "logs").glob("error-*.log")
    assert str(log) in line
    assert "in broken" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("bad row", file="data.jsonl", field="line 3"), 2, "data.jsonl: line 3: bad row"),
        (BundleError("altered"), 2, "altered"),
        (OSError(28, "No space left on device", "/full"), 2, "/full: no space left on the disk"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_each_kind_of_end_has_its_code(
    error: BaseException, code: int, said: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_options: object) -> int:
        raise error

    monkeypatch.setattr(status, "execute", ends)
    assert said in fails_with(capfd, "status", code=code)


def test_nobody_reading_any_more_is_no_error_message(recipe: Path) -> None:
    script = "import sys\nfrom flows.command_line import main, status\n"
    script += "def much(_):\n    while True: print('x' * 1000)\nstatus.execute = much\nsys.exit(main(['status']))"
    command = f'{sys.executable} -c "$SCRIPT" | head -1; exit ${{PIPESTATUS[0]}}'
    environment = os.environ | {"SCRIPT": script, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (141, "")


# ------------------------------------------------------------------ predict


class FakeModel:
    """Answers with the text's first word; refuses texts that say so."""

    writes_text = False

    def predict(self, text: str) -> list[Prediction]:
        if text == "refuse":
            raise InputError("row 0: refused")
        abstained = text.startswith("?")
        label = None if abstained else text.split(maxsplit=1)[0]
        return [Prediction(label, 0.75, "lexical", abstained, 0.1, 0.05)]


@pytest.fixture
def fake_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("engine.AdaptiveModel.load", lambda _folder, **_options: FakeModel())
    return str(tmp_path)


def stdin_of(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False))


def test_predict_answers_arguments_with_one_json_object_each(
    fake_bundle: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", fake_bundle, "move money", "? what", "--json"]) == 0
    first, second = (json.loads(line) for line in capfd.readouterr().out.splitlines())
    assert first == {
        "text": "move money",
        "label": "move",
        "confidence": 0.75,
        "path": "lexical",
        "abstained": False,
        "out_of_scope_score": 0.1,
        "cost_ms": 0.05,
    }
    assert second["label"] is None
    assert second["abstained"]


@pytest.mark.parametrize("texts", [["--json", "one", "two"], ["one", "--json", "two"], ["--json", "--", "one", "two"]])
def test_predict_takes_texts_wherever_its_options_stand(
    fake_bundle: str, capfd: pytest.CaptureFixture[str], texts: list[str]
) -> None:
    assert main(["predict", fake_bundle, *texts]) == 0
    assert [json.loads(line)["text"] for line in capfd.readouterr().out.splitlines()] == ["one", "two"]


def test_predict_reads_plain_lines_json_strings_and_objects(
    fake_bundle: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["plain text", '"quoted\\ttext"', '{"text": "object text", "label": "x"}', "", '"so" he said', "[list"]
    stdin_of(monkeypatch, b"\xef\xbb\xbf" + "\n".join(lines).encode())
    assert main(["predict", fake_bundle, "--json"]) == 0
    texts = [json.loads(line)["text"] for line in capfd.readouterr().out.splitlines()]
    assert texts == ["plain text", "quoted\ttext", "object text", '"so" he said', "[list"]


def test_a_row_that_cannot_be_answered_does_not_lose_the_others(
    fake_bundle: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin_of(monkeypatch, b'first\n{"txt": 1}\n{broken\n{"text": 5}\n\xff\xfe\nrefuse\nlast\n')
    assert main(["predict", fake_bundle, "--json"]) == 2
    captured = capfd.readouterr()
    documents = [json.loads(line) for line in captured.out.splitlines()]
    assert [document.get("label", document.get("row")) for document in documents] == ["first", 2, 3, 4, 5, 6, "last"]
    assert len(captured.err.splitlines()) == 5
    assert "row 2: has no field 'text'" in captured.err


def test_a_json_array_on_standard_input_is_not_answered_line_by_line_as_text(
    fake_bundle: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin_of(monkeypatch, b'[{"text": "a"}]\n[\n{"txt": "b"}\n{"text": ["c"]}\n[so] he said\n')
    assert main(["predict", fake_bundle]) == 2
    captured = capfd.readouterr()
    assert captured.out.startswith("[so]\t")
    assert captured.err.splitlines() == [
        "miaotui: row 1: is (the beginning of) a JSON array; give one JSON object per line",
        "miaotui: row 2: is (the beginning of) a JSON array; give one JSON object per line",
        "miaotui: row 3: has no field 'text'; its fields are 'txt' (name one with --text-column)",
        "miaotui: row 4: the field 'text' is not text: \"['c']\"",
    ]


class FakeGenerator(GenerationModel):
    """Completes every prompt with a call; refuses the empty one, and more than 96 tokens."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []

    def predict(self, texts: str | Sequence[str], **wishes: object) -> list[Completion]:  # type: ignore[override]
        if int(str(wishes.get("max_new_tokens", 1))) > 96:
            raise InputError("max_new_tokens: 97 is not within 1 to 96")
        rows = [texts] if isinstance(texts, str) else texts
        self.asked += [dict(wishes) for _ in rows]
        refused = {"label": None, "path": "", "error": "row 0: the prompt is empty"}
        said = {"label": '{"function":"call"}', "path": "small", "tokens": 7, "prompt_tokens": 3, "finished": True}
        common = {"confidence": 0.75, "abstained": False, "out_of_scope_score": 0.0, "cost_ms": 6.0}
        return [Completion(**common, **(said if row.strip() else refused)) for row in rows]  # type: ignore[arg-type]


@pytest.fixture
def fake_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGenerator:
    generator = FakeGenerator()
    monkeypatch.setattr("engine.AdaptiveModel.load", lambda _folder, **_options: generator)
    return generator


def test_predict_prints_a_completion_as_one_json_object(
    fake_generator: FakeGenerator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(tmp_path), "call Ada", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {
        "text": "call Ada",
        "completion": '{"function":"call"}',
        "confidence": 0.75,
        "path": "small",
        "cost_ms": 6.0,
        "tokens": 7,
        "prompt_tokens": 3,
        "finished": True,
        "first_token_ms": 0.0,
        "total_ms": 0.0,
    }
    assert main(["predict", str(tmp_path), "call Ada"]) == 0
    assert capfd.readouterr().out == '{"function":"call"}\t0.750\tsmall\t6.00 ms\n'


def test_a_prompt_that_cannot_be_asked_does_not_lose_the_others(
    fake_generator: FakeGenerator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(tmp_path), "call Ada", " ", "call Grace", "--json"]) == 2
    captured = capfd.readouterr()
    documents = [json.loads(line) for line in captured.out.splitlines()]
    assert [document.get("text") for document in documents] == ["call Ada", None, "call Grace"]
    assert documents[1] == {"row": 2, "error": "the prompt is empty"}
    assert captured.err == "miaotui: row 2: the prompt is empty\n"


def test_what_is_asked_of_completions_reaches_the_model(
    fake_generator: FakeGenerator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    schema = str(tmp_path / "schema.json")
    assert main(["predict", str(tmp_path), "call", "--max-new-tokens", "8", "--schema", schema]) == 0
    assert fake_generator.asked == [{"max_new_tokens": 8, "schema": '{"type": "object"}'}]
    capfd.readouterr()
    assert "max_new_tokens: 97 is not" in fails_with(capfd, "predict", str(tmp_path), "a", "--max-new-tokens", "97")
    gone = str(tmp_path / "gone.json")
    assert f"{gone}: cannot be read" in fails_with(capfd, "predict", str(tmp_path), "a", "--schema", gone)


def test_a_classifier_is_not_asked_for_tokens(fake_bundle: str, capfd: pytest.CaptureFixture[str]) -> None:
    said = fails_with(capfd, "predict", fake_bundle, "a", "--max-new-tokens", "8")
    assert "is a classifier, which makes no tokens; leave out --max-new-tokens" in said


def test_answers_come_as_the_lines_come(fake_bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[int] = []

    class Stream:
        """Notes how many answers were printed when the next line is asked for."""

        lines = iter([b"one\n", b"two\n", b""])

        def readline(self) -> bytes:
            answered.append(printed.getvalue().count("\n"))
            return next(self.lines)

    printed = io.StringIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Stream(), isatty=lambda: False))
    monkeypatch.setattr(sys, "stdout", printed)
    assert main(["predict", fake_bundle]) == 0
    assert answered == [0, 1, 2]


def test_predict_on_a_folder_that_is_no_bundle_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "no such folder" in fails_with(capfd, "predict", str(tmp_path / "none"), "text")
    assert "manifest.json" in fails_with(capfd, "predict", str(tmp_path), "text")


def test_predict_with_a_registered_model_where_nothing_is_registered(capfd: pytest.CaptureFixture[str]) -> None:
    assert "nothing is registered yet" in fails_with(capfd, "predict", "models:/support-intents@champion", "text")


def test_predict_on_a_folder_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom flows.command_line import main\n"
        f"main(['predict', {str(tmp_path)!r}, 'text'])\n"
        "heavy = {'torch', 'transformers', 'prefect', 'mlflow', 'datasets', 'sklearn', 'pandas', 'rich'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


# ------------------------------------------------------------------ recalibrate


def test_recalibrate_reads_distinct_rows_with_and_without_labels_and_names_the_first_bad_one(tmp_path: Path) -> None:
    file, labels = tmp_path / "rows.jsonl", tmp_path / "labels.jsonl"
    rows = [("a", "x"), ("b", None), ("a", "x"), ("c", "x"), ("c", "y"), ("d", ""), ("d", "y"), ("e", None)]
    file.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    labels.write_text('{"text": "e", "label": "z"}\n{"text": "f"}\n')
    usual = Columns()
    read = read_fresh_rows([file, labels], usual, usual, form=str)
    assert sorted((row.text, row.label) for row in read) == [  # c contradicts itself
        ("a", "x"),
        ("b", UNLABELLED),
        ("d", "y"),
        ("e", "z"),
        ("f", UNLABELLED),
    ]
    with pytest.raises(UserError, match="has no column 'intent'"):
        read_fresh_rows([labels], named_columns(usual, None, "intent"), usual, form=str)
    file.write_text('{"text": "a", "label": "x"}\n{"text": "b", "label": ["y"]}\n')
    with pytest.raises(UserError, match=r"rows\.jsonl.*2.*label"):
        read_fresh_rows([file], usual, usual, form=str)


def test_recalibrate_reads_any_delimiter_and_says_what_it_left_out(tmp_path: Path) -> None:
    file, usual, said = tmp_path / "rows.csv", Columns(), []
    file.write_text("\ufefftext;label\r\na;x\r\na;x\r\nb;y\r\nb;z\r\n", encoding="utf-8")
    assert [row.text for row in read_fresh_rows([file], usual, usual, form=str, tell=said.append)] == ["a"]
    assert said == ["4 rows were read; left out: 1 repeated, 2 contradicting"]
    file.write_text("text^label\na;^x\n")
    (row,) = read_fresh_rows([file], named_columns(usual, None, None, "^"), usual, form=str)
    assert (row.text, row.label) == ("a;", "x")
    numbers = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"], "label": [1.0, float("nan")]}), numbers)
    said.clear()
    read = read_fresh_rows([numbers], usual, usual, form=str, tell=said.append)
    assert {row.text: row.label for row in read} == {"a": "1", "b": UNLABELLED}
    assert said == ["taken as it is meant, not as it is written: 1 × label: whole numbers written with a fraction"]
    file.write_text('{"text": "a", "label": 1.5}\n')
    with pytest.raises(UserError, match=r"rows.jsonl line 1: label is a number with a fraction.*: '1\.5'"):
        read_fresh_rows([file.rename(tmp_path / "rows.jsonl")], usual, usual, form=str)


@pytest.mark.parametrize("said", ["ab", "x", '"', ""])
def test_a_delimiter_is_one_character(said: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "bundle", "--data", "a.csv", "--target", "local-cpu", "--delimiter", said])
    assert ended.value.code == 2
    assert "must be one character, such as ',', ';', '|' or tab" in capfd.readouterr().err


def test_recalibrate_reads_prompts_and_completions_where_the_bundle_writes_completions(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle, file = tmp_path / "bundle", tmp_path / "rows.jsonl"
    bundle.mkdir()
    write_manifest(bundle, Manifest(FORMAT, "calls", (), None, 128, (), {}, "", {}, task="text-generation"))
    file.write_text('{"prompt": "a", "completion": " {}\\n"}\n{"prompt": "b", "completion": null}\n{"prompt": "c"}\n')
    read = {row.text: row.label for row in recalibration.fresh_rows(bundle, [file])}
    assert read == {"a": " {}\n", "b": UNLABELLED, "c": UNLABELLED}  # a completion is kept as it is written
    with pytest.raises(UserError, match="has no column 'call'"):
        recalibration.fresh_rows(bundle, [file], label_column="call")
    file.write_text('{"text": "a", "label": "x"}\n')
    with pytest.raises(UserError, match=r"rows\.jsonl.*has no column 'prompt'"):
        recalibration.fresh_rows(bundle, [file])
    file.write_text('{"prompt": "a", "completion": "x"}\n{"prompt": "b", "completion": {"function": "pay"}}\n')
    said = fails_with(capfd, "recalibrate", str(bundle), "--data", str(file))
    assert "rows.jsonl line 2: completion is not a string" in said


def test_recalibrate_refuses_a_folder_that_is_no_bundle(
    tmp_path: Path, own_home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a", "label": "x"}\n')
    (tmp_path / "no-bundle").mkdir()
    assert "manifest.json" in fails_with(capfd, "recalibrate", str(tmp_path / "no-bundle"), "--data", str(file))


# ------------------------------------------------------------------ bench


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


def test_status_before_anything_is_registered(own_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert "no model is registered yet" in capfd.readouterr().out
    assert main(["status", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == []
    assert "support-intents is not registered" in fails_with(capfd, "status", "support-intents")
    assert not (own_home / "mlflow.db").exists()


def test_all_commands_have_help(capfd: pytest.CaptureFixture[str]) -> None:
    helpful: list[Callable[..., object]] = [module.add_to for module in (run, predict, bench, recalibrate, status)]
    assert helpful
    for command in ("run", "predict", "bench", "recalibrate", "status"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert "--json" in capfd.readouterr().out
