"""The adaptive model: for each text the cheapest path that suffices, by the certified router of its bundle."""

import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from engine.bundle import GOLDEN_FILE, TOKENIZER_FILE, Manifest, read_manifest, verify
from engine.digests import folder_digest
from engine.errors import BundleError, InputError
from engine.ladder import EncoderPath, LexicalPath, Request
from engine.ladder import Path as LadderPath
from engine.lexical import LexicalModel
from engine.prediction import PathDetail, Prediction
from engine.router import PathRule, Reading, Router
from engine.router_files import load_router
from engine.session import CPU, open_session
from engine.tokenization import Ids, TextTokenizer

GOLDEN_TOLERANCE: Final = 1e-3
_ROWS_PER_TASK: Final = 8
Steps = tuple[tuple[LadderPath, PathRule, float | None], ...]
"""A ladder at one operating point: path, how to read it, and the least stop score (None at the last path)."""


class AdaptiveModel:
    """A loaded bundle. Thread-safe: rows are answered one by one, so a batch never changes an answer."""

    def __init__(
        self, manifest: Manifest, tokenizer: TextTokenizer, ladder: Sequence[LadderPath], router: Router, digest: str
    ) -> None:
        """Use `load`."""
        self._manifest = manifest
        self._tokenizer = tokenizer
        self._ladder = tuple(ladder)
        self._router = router
        self.digest = digest
        self.workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._steps = {
            name: tuple(zip(ladder, router.rules, (*point.thresholds, None), strict=True))
            for name, point in router.points.items()
        }
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        threads: int = 1,
        execution_provider: str = CPU,
        operating_point: str | None = None,
        replay_golden: bool = True,
    ) -> "AdaptiveModel":
        """Verify every digest, open the sessions, replay the golden set.

        `threads`: intra-op threads of a session. `operating_point`: default for `predict`; None takes the bundle's.
        BundleError for anything incomplete, altered, or answering differently from when it was certified.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        verify(folder, manifest)
        tokenizer = TextTokenizer(folder / TOKENIZER_FILE, manifest.max_length)
        ladder = open_ladder(folder, manifest, threads=threads, execution_provider=execution_provider)
        router = load_router(folder)
        if tuple(rule.name for rule in router.rules) != tuple(path.name for path in ladder):
            raise BundleError(f"{folder}: the router's paths are not the manifest's")
        if operating_point is not None:
            router = Router(router.rules, router.points, router.point(operating_point).name, router.out_of_scope_id)
        model = cls(manifest, tokenizer, ladder, router, folder_digest(folder))
        if replay_golden:
            model.replay(folder / GOLDEN_FILE)
        return model

    @property
    def name(self) -> str:
        """The registered model's name."""
        return self._manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels in id order."""
        return self._manifest.labels

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the paths, cheapest first."""
        return tuple(path.name for path in self._ladder)

    @property
    def operating_point(self) -> str:
        """Name of the default operating point."""
        return self._router.default_point

    @property
    def operating_points(self) -> tuple[str, ...]:
        """Names of all certified operating points."""
        return tuple(self._router.points)

    @property
    def execution_providers(self) -> tuple[str, ...]:
        """The provider that each encoder session really runs on first, without repetition."""
        sessions = [path.session for path in self._ladder if isinstance(path, EncoderPath)]
        return tuple(dict.fromkeys(session.get_providers()[0] for session in sessions))

    def predict(
        self, texts: str | Sequence[str], *, operating_point: str | None = None, detail: bool = False
    ) -> list[Prediction]:
        """One answer per text, in order. InputError names the first position that is not a string.

        `operating_point`: which certified setting answers this call. `detail`: say what every path that was run found.
        """
        rows = [texts] if isinstance(texts, str) else list(texts)
        for position, text in enumerate(rows):
            if not isinstance(text, str):
                raise InputError(f"row {position}: a text is needed, not {type(text).__name__}")
        steps = self._steps[self._router.point(operating_point).name]
        if len(rows) <= _ROWS_PER_TASK or self.workers == 1:
            return [self._answer(text, steps, detail) for text in rows]
        pieces = [rows[start : start + _ROWS_PER_TASK] for start in range(0, len(rows), _ROWS_PER_TASK)]
        answered = self._threads().map(lambda piece: [self._answer(text, steps, detail) for text in piece], pieces)
        return [prediction for piece in answered for prediction in piece]

    def _threads(self) -> ThreadPoolExecutor:
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="miaotui")
            return self._pool

    def _answer(self, text: str, steps: Steps, detail: bool) -> Prediction:
        out_of_scope_id, labels = self._router.out_of_scope_id, self._manifest.labels
        request = Request(self._tokenizer.encode(text))
        tokens = len(request.ids)
        reading: Reading | None = None
        details: list[PathDetail] = []
        for path, rule, threshold in steps:
            logits, embedding = path.run(request)
            reading = rule.read(
                logits,
                embedding,
                reading,
                tokens=tokens,
                novelty=request.novelty,
                out_of_scope_id=out_of_scope_id,
            )
            if detail:
                details.append(
                    PathDetail(
                        path=rule.name,
                        label=labels[reading.label],
                        confidence=reading.confidence,
                        stop_score=reading.stop_score,
                        out_of_scope_score=reading.out_of_scope,
                        cost_ms=rule.cost_ms,
                    )
                )
            if threshold is None or (reading.may_stop and reading.stop_score >= threshold):
                return Prediction(
                    label=None if reading.flagged else labels[reading.label],
                    confidence=reading.confidence,
                    path=rule.name,
                    abstained=reading.flagged,
                    out_of_scope_score=reading.out_of_scope,
                    cost_ms=rule.cost_ms,
                    detail=tuple(details) if detail else None,
                )
        raise BundleError("a bundle without paths")

    def replay(self, file: Path) -> None:
        """Answer the stored golden set; BundleError where label or path differ, or confidence by more than 1e-3."""
        try:
            rows = json.loads(file.read_text(encoding="utf-8"))
            expected = [Prediction(**row["answer"]) for row in rows]
            texts = [row["text"] for row in rows]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{file}: not a golden set ({error})") from error
        default = next(iter(self._router.points)) if not rows else rows[0]["operating_point"]
        for text, stored, answer in zip(texts, expected, self.predict(texts, operating_point=default), strict=True):
            same = (answer.label, answer.path) == (stored.label, stored.path)
            if not same or abs(answer.confidence - stored.confidence) > GOLDEN_TOLERANCE:
                raise BundleError(
                    f"{file}: {text[:60]!r} is answered {answer.label} by {answer.path} ({answer.confidence:.4f}), and was "
                    f"certified as {stored.label} by {stored.path} ({stored.confidence:.4f}); this machine or ONNX Runtime "
                    "computes differently: recalibrate here"
                )


def open_ladder(
    folder: Path, manifest: Manifest, *, threads: int = 1, execution_provider: str = CPU
) -> tuple[LadderPath, ...]:
    """The manifest's paths, opened."""

    def opened(name: str, kind: str, file: Path) -> LadderPath:
        if kind == "lexical":
            return LexicalPath(name, LexicalModel.load(file))
        return EncoderPath(name, open_session(file, threads=threads, execution_provider=execution_provider))

    return tuple(opened(entry.name, entry.kind, folder / entry.file) for entry in manifest.paths)


def run_all(ladder: Sequence[LadderPath], ids: Ids) -> tuple[list[tuple[np.ndarray, np.ndarray | None]], float]:
    """Every path's logits (labels,) and embedding (hidden,) for one row, no path left out, and the row's novelty."""
    request = Request(ids)
    return [path.run(request) for path in ladder], request.novelty
