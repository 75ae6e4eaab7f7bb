"""Text classification: for each text the cheapest path that suffices, by the certified router of its bundle."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine import strict_json
from engine.adaptive_model import AdaptiveModel
from engine.bundle import TOKENIZER_FILE, Manifest
from engine.classification.ladder import MOST_ROWS, Answer, EncoderPath, LexicalPath, Request
from engine.classification.ladder import Path as LadderPath
from engine.classification.lexical import LexicalModel
from engine.classification.router import PathRule, Reading, Router
from engine.classification.router_files import load_router
from engine.classification.static_model import StaticModel
from engine.errors import BundleError, InputError
from engine.prediction import PathDetail, Prediction, refused
from engine.session import CPU, open_session
from engine.tokenization import Ids, TextTokenizer

GOLDEN_TOLERANCE: Final = 1e-3
_ROWS_PER_TASK: Final = 8
_GROUPS_PER_TASK: Final = 4
Floats = NDArray[np.float32]
Steps = tuple[tuple[LadderPath, PathRule, float | None], ...]
"""A ladder at one operating point: path, how to read it, and the least stop score (None at the last path)."""


class ClassificationModel(AdaptiveModel):
    """A loaded bundle of task text-classification.

    A batch never changes an answer: rows share a run only where they cannot touch each other.
    """

    def __init__(
        self, manifest: Manifest, tokenizer: TextTokenizer, ladder: Sequence[LadderPath], router: Router, digest: str
    ) -> None:
        """Use `AdaptiveModel.load`."""
        super().__init__(manifest, digest, router)
        self._tokenizer = tokenizer
        self._ladder = tuple(ladder)
        self._router = router
        self._steps = {
            name: tuple(zip(ladder, router.rules, (*point.thresholds, None), strict=True))
            for name, point in router.points.items()
        }
        self._batches = any(path.batches for path in ladder if isinstance(path, EncoderPath))

    @classmethod
    def open(
        cls,
        folder: Path,
        manifest: Manifest,
        digest: str,
        *,
        threads: int = 1,
        execution_provider: str = CPU,
        operating_point: str | None = None,
    ) -> "ClassificationModel":
        """Open the sessions of a classification bundle whose files are verified."""
        tokenizer = TextTokenizer(folder / TOKENIZER_FILE, manifest.max_length, manifest.vocabulary_size)
        ladder = open_ladder(folder, manifest, threads=threads, execution_provider=execution_provider)
        router = load_router(folder).with_default(operating_point)
        if tuple(rule.name for rule in router.rules) != tuple(path.name for path in ladder):
            raise BundleError(f"{folder}: the router's paths are not the manifest's")
        return cls(manifest, tokenizer, ladder, router, digest)

    @classmethod
    def router_in(cls, folder: Path) -> Router:
        """The router of a classification bundle."""
        return load_router(folder)

    @classmethod
    def static(cls, model: Path, folder: Path, *, threads: int = 1, execution_provider: str = CPU) -> StaticModel:
        """A monolithic graph."""
        return StaticModel.load(model, folder, threads=threads, execution_provider=execution_provider)

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the paths, cheapest first."""
        return tuple(path.name for path in self._ladder)

    @property
    def input_limit(self) -> int:
        """Where a text is cut."""
        return self._tokenizer.max_length

    @property
    def added_tokens(self) -> tuple[str, ...]:
        """Of the tokenizer, in the order of their ids."""
        return self._tokenizer.added_tokens

    def count_tokens(self, text: str) -> int:
        """With special tokens, and cut."""
        return len(self._tokenizer.encode(text))

    @property
    def execution_providers(self) -> tuple[str, ...]:
        """The provider that each encoder session really runs on first, without repetition."""
        sessions = [path.session for path in self._ladder if isinstance(path, EncoderPath)]
        return tuple(dict.fromkeys(session.get_providers()[0] for session in sessions))

    def predict(
        self, texts: str | Sequence[str], *, operating_point: str | None = None, detail: bool = False
    ) -> list[Prediction]:
        """One answer per text, in order. A row that cannot be asked gets an answer with `error`; the others are answered.

        `operating_point`: which certified setting answers this call. `detail`: say what every path that was run found.
        InputError where `texts` is neither a text nor a sequence, or the operating point is unknown.
        """
        if isinstance(texts, bytes | bytearray) or not isinstance(texts, str | Iterable):
            raise InputError(f"a text or a list of texts is needed, not {type(texts).__name__}")
        rows = [texts] if isinstance(texts, str) else list(texts)
        steps = self._steps[self._router.point(operating_point).name]
        if len(rows) == 1:
            return [self._answer(rows[0], steps, detail)]
        size = MOST_ROWS * _GROUPS_PER_TASK if self._batches else _ROWS_PER_TASK
        pieces = [range(start, min(start + size, len(rows))) for start in range(0, len(rows), size)]

        def answered(piece: range) -> list[Prediction]:
            if self._batches:
                return self._answer_together([rows[row] for row in piece], piece.start, steps, detail)
            return [self._answer(rows[row], steps, detail, row) for row in piece]

        run = map if len(pieces) <= 1 or self.workers == 1 else self._threads().map
        return [prediction for piece in run(answered, pieces) for prediction in piece]

    def _answer(self, text: object, steps: Steps, detail: bool, row: int = 0) -> Prediction:
        try:
            request = Request(self._tokenizer.asked(text))
            reading: Reading | None = None
            details: list[PathDetail] | None = [] if detail else None
            for path, rule, threshold in steps:
                logits, embedding = path.run(request)
                reading = self._read(rule, logits, embedding, reading, request, details)
                if threshold is None or (reading.may_stop and reading.stop_score >= threshold):
                    return self._prediction(rule, reading, details)
        except InputError as error:
            return refused(error, row)
        raise BundleError("a bundle without paths")

    def _answer_together(self, texts: Sequence[object], first: int, steps: Steps, detail: bool) -> list[Prediction]:
        """Path by path; rows that have stopped take no part in the next path's runs."""
        done: dict[int, Prediction] = {}
        requests: dict[int, Request] = {}
        for row, text in enumerate(texts):
            try:
                requests[row] = Request(self._tokenizer.asked(text))
            except InputError as error:
                done[row] = refused(error, first + row)
        readings: dict[int, Reading | None] = dict.fromkeys(requests)
        details: dict[int, list[PathDetail] | None] = {row: [] if detail else None for row in requests}
        for path, rule, threshold in steps:
            going_on = list(requests)
            for row, answer in zip(going_on, path.run_all(list(requests.values())), strict=True):
                try:
                    if isinstance(answer, InputError):
                        raise answer
                    reading = self._read(rule, *answer, readings[row], requests[row], details[row])
                except InputError as error:
                    done[row] = refused(error, first + row)
                    del requests[row]
                    continue
                readings[row] = reading
                if threshold is None or (reading.may_stop and reading.stop_score >= threshold):
                    done[row] = self._prediction(rule, reading, details[row])
                    del requests[row]
        return [done[row] for row in range(len(texts))]

    def _read(
        self,
        rule: PathRule,
        logits: Floats,
        embedding: Floats | None,
        before: Reading | None,
        request: Request,
        details: list[PathDetail] | None,
    ) -> Reading:
        reading = rule.read(
            logits,
            embedding,
            before,
            tokens=len(request.ids),
            novelty=request.novelty,
            out_of_scope_id=self._router.out_of_scope_id,
        )
        if not reading.is_finite:
            raise InputError(f"the numbers that the path {rule.name} gives are not finite")
        if details is not None:
            details.append(
                PathDetail(
                    path=rule.name,
                    label=self._manifest.labels[reading.label],
                    confidence=reading.confidence,
                    stop_score=reading.stop_score,
                    out_of_scope_score=reading.out_of_scope,
                    cost_ms=rule.cost_ms,
                )
            )
        return reading

    def _prediction(self, rule: PathRule, reading: Reading, details: list[PathDetail] | None) -> Prediction:
        return Prediction(
            label=None if reading.flagged else self._manifest.labels[reading.label],
            confidence=reading.confidence,
            path=rule.name,
            abstained=reading.flagged,
            out_of_scope_score=reading.out_of_scope,
            cost_ms=rule.cost_ms,
            detail=None if details is None else tuple(details),
        )

    def replay(self, file: Path) -> None:
        """Answer the stored golden set; BundleError where label or path differ, or confidence by more than 1e-3."""
        try:
            rows = strict_json.read(file)
            expected = [Prediction(**row["answer"]) for row in rows]
            texts = [row["text"] for row in rows]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{file}: not a golden set ({error})") from error
        default = next(iter(self._router.points)) if not rows else rows[0]["operating_point"]
        for text, stored, answer in zip(texts, expected, self.predict(texts, operating_point=default), strict=True):
            same = (answer.label, answer.path) == (stored.label, stored.path)
            if answer.error is not None:
                raise BundleError(f"{file}: {text[:60]!r} is not answered here ({answer.error})")
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

    def opened(name: str, kind: str, file: Path, batches: bool) -> LadderPath:
        if kind == "lexical":
            return LexicalPath(name, LexicalModel.load(file))
        session = open_session(file, threads=threads, execution_provider=execution_provider)
        return EncoderPath(name, session, batches=batches)

    return tuple(opened(entry.name, entry.kind, folder / entry.file, entry.batches) for entry in manifest.paths)


def run_ladder(ladder: Sequence[LadderPath], ids: Ids) -> tuple[list[Answer], float]:
    """Every path's logits (labels,) and embedding (hidden,) for one row, no path left out, and the row's novelty."""
    request = Request(ids)
    return [path.run(request) for path in ladder], request.novelty
