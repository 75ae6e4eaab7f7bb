"""Cases through the real command line: `miaotui run`, then what people do with a model; every JSON output is read strictly."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fuzz.drawn import Drawn, encoded
from tests.fuzz.outcomes import Outcome, not_strict, refused
from tests.fuzz.rows import classified, completed

PROJECT: Final = Path(__file__).parents[2]
_DYING_WITH_US: Final = PROJECT / "tasks" / "machine" / "child_process.py"
_RUN_LIMIT_S: Final = 1200.0
_LIMIT_S: Final = 300.0
_ODD_REQUESTS: Final = (
    b"move 30 dollars over to checking", b'{"text": "weather in town", "prompt": "weather in town"}', b'"quoted"',
    b'"not closed', b"{broken", b'{"text": null, "prompt": 3}', b'{"other": "x"}', b"\xff\xfe\xfa", b"", b"   ", b"\t",
    b"\0\0", b'""', b'{"text": "", "prompt": ""}', "😀😀😀".encode(), "\u200b".encode(), b'"\\ud83d"',
    b'{"text": "\\ud800", "prompt": "\\ud800"}', b"word " * 3000, b"x" * 20000, b"[CLS] [SEP] [PAD] [MASK] [UNK]",
    b"<s> </s> <pad> <unk>", b"<|request|> <|call|> <|end|>", b"dollars <account>", b"[1, 2]", b"null",
    b'{"text": 1' + b"0" * 5000 + b"}", b'{"a":' * 2000, "שלום 你好".encode(), b"a\x0bb\x0cc\x1bd\x85",
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """How a command ended; `code` is None where it did not."""

    arguments: Sequence[str]
    code: int | None
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line of its errors."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def run_full(case: Drawn, folder: Path) -> Outcome:
    """The run's outcome, or that of the first command after it that went wrong."""
    done = _command(folder, ["run", case.recipe_file, *_set(case.overrides), "--json"], limit=_RUN_LIMIT_S)
    outcome = _judged(done, documents=1)
    if outcome.kind not in ("PASS", "FAIL", "INCONCLUSIVE", "INVALID"):
        return outcome
    document = json.loads(done.out)
    for arguments, text in _afterwards(case, folder, document):
        later = _judged(_command(folder, arguments, text=text), documents=None)
        if later.kind not in ("PASS", "USER_ERROR", "FAIL", "INCONCLUSIVE", "INVALID"):
            return Outcome(later.kind, f"{' '.join(arguments)[:120]}: {later.message}", later.trace)
    return Outcome(outcome.kind, _why(document))


def _why(document: dict[str, Any]) -> str:
    """What its worst check says; of a PASS, what became of it."""
    worst = [check["sentence"] for check in document["checks"] if check["outcome"] == document["outcome"] != "PASS"]
    return str(worst[0] if worst else document["promotion"])


def _afterwards(case: Drawn, folder: Path, document: dict[str, Any]) -> list[tuple[list[str], bytes]]:
    """Commands with what they are given to read."""
    chance, model = random.Random(case.number), document["model"]
    rows = classified(300, chance) if case.classes else completed(300, chance)
    (folder / "fresh.jsonl").write_bytes(encoded(rows, "jsonl"))
    (folder / "odd.jsonl").write_bytes(b"\n".join(_ODD_REQUESTS))
    lines, column = b"\n".join(_ODD_REQUESTS), ["--text-column", case.text]
    commands: list[tuple[list[str], bytes]] = [
        (["predict", model, "--json", *column], lines),
        (["predict", model, "--json", "", " ", "x" * 5000, "move dollars", "[SEP] dollars </s>", "😀"], b""),
        (["predict", model, *column], lines),
        (["predict", model, "--json", "--operating-point", "9%", "x"], b""),
        (["status", "--json"], b""),
        (["history", "fuzz", "--json"], b""),
    ]
    more: list[tuple[list[str], bytes]] = [
        (["land", "fuzz", "fresh.jsonl", "odd.jsonl", "missing.jsonl", "--recipe", case.recipe_file, "--json"], b""),
        (["recalibrate", model, "--data", "fresh.jsonl", "--json"], b""),
        (["recalibrate", model, "--data", "odd.jsonl", "--json"], b""),
        (["bench", model, "--data", "fresh.jsonl", "--target", "local-cpu", "--queries", "40", "--json", *column], b""),
        (["bench", model, "--data", "odd.jsonl", "--target", "local-cpu", "--queries", "40", "--json", *column], b""),
        (["run", case.recipe_file, *_set(case.overrides), "--json"], b""),
    ]
    return commands + chance.sample(more, 3)


def _set(overrides: Sequence[str]) -> list[str]:
    return [word for override in overrides for word in ("--set", override)]


def _command(folder: Path, arguments: Sequence[str], *, text: bytes = b"", limit: float = _LIMIT_S) -> Done:
    """One command in a session of its own, so that a hang's children can be ended with it."""
    environment = os.environ | {"MIAOTUI_HOME": str(folder.absolute() / "home"), "PYTHONPATH": str(PROJECT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # With this process its commands end, too.
    command = [sys.executable, "-P", str(_DYING_WITH_US), "-P", "-m", "flows.command_line", *arguments]
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **pipes)
    try:
        out, err = process.communicate(text, timeout=limit)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = None
    return Done(arguments, code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def _judged(done: Done, *, documents: int | None) -> Outcome:
    """`documents`: how many JSON documents its output is; None takes any number of lines or one document."""
    if done.code is None:
        return Outcome("HANG", f"not done; last: {done.last}")
    if done.code < 0:
        return Outcome("KILLED", f"ended by signal {-done.code}; last: {done.last}")
    if "Traceback (most recent call last)" in done.err + done.out:
        return Outcome("TRACEBACK", done.last, done.err)
    if done.code == 1 or "internal error" in done.err:
        return Outcome("INTERNAL_ERROR", done.last, done.err)
    if "--json" in done.arguments and (problem := not_strict(done.out, several=documents is None)):
        return Outcome("NOT_JSON", problem) if done.out or done.code in (0, 3, 4) else refused(done.last)
    if done.code == 2:
        return refused(done.last)
    verdict = {3: "FAIL", 4: "INCONCLUSIVE"}.get(done.code, "PASS")
    if done.arguments[0] == "run":
        verdict = json.loads(done.out)["outcome"]
    return Outcome(verdict)  # type: ignore[arg-type]
