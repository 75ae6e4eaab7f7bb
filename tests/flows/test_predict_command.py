"""`miaotui predict`: one answer a line, whatever the lines are, and a row that cannot be answered loses no other."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.errors import InputError
from engine.generation.completion import Completion
from engine.generation.model import GenerationModel
from engine.prediction import Prediction
from flows.command_line import main
from tests.flows.command_errors import fails_with

pytestmark = pytest.mark.usefixtures("own_home")
PROJECT = Path(__file__).parents[2]


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
