"""The adaptive model: for each text the cheapest path that suffices, by the certified router of its bundle."""

import json
import os
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
from engine.prediction import Prediction
from engine.router import OperatingPoint, Router, load_router
from engine.session import CPU, open_session
from engine.tokenization import Ids, TextTokenizer

GOLDEN_TOLERANCE: Final = 1e-3
_ROWS_PER_TASK: Final = 8


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

    def predict(self, texts: str | Sequence[str], *, operating_point: str | None = None) -> list[Prediction]:
        """One answer per text, in order. InputError names the first position that is not a string."""
        rows = [texts] if isinstance(texts, str) else list(texts)
        for position, text in enumerate(rows):
            if not isinstance(text, str):
                raise InputError(f"row {position}: a text is needed, not {type(text).__name__}")
        point = self._router.point(operating_point)
        if len(rows) <= _ROWS_PER_TASK or self.workers == 1:
            return [self._answer(text, point) for text in rows]
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(lambda text: self._answer(text, point), rows))

    def _answer(self, text: str, point: OperatingPoint) -> Prediction:
        ids = self._tokenizer.encode(text)
        request = Request(ids)
        tokens = np.array([len(ids)])
        previous = np.array([-1])
        last = len(self._ladder) - 1
        for number, path in enumerate(self._ladder):
            logits, embedding = path.run(request)
            reading = self._router.read(
                number, logits[None, :], None if embedding is None else embedding[None, :], previous, tokens
            )
            stops = not reading.flagged[0] and reading.stop_score[0] >= (
                point.thresholds[number] if number < last else 0
            )
            if number == last or stops:
                abstained = bool(reading.flagged[0])
                return Prediction(
                    label=None if abstained else self._manifest.labels[reading.labels[0]],
                    confidence=float(reading.confidence[0]),
                    path=path.name,
                    abstained=abstained,
                    out_of_scope_score=float(reading.out_of_scope[0]),
                    cost_ms=self._router.rules[number].cost_ms,
                )
            previous = reading.labels
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


def run_all(ladder: Sequence[LadderPath], ids: Ids) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Every path's logits (labels,) and embedding (hidden,) for one row, no path left out."""
    request = Request(ids)
    return [path.run(request) for path in ladder]
