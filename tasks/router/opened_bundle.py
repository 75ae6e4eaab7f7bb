"""A bundle opened for recalibration: its paths beside its reference path, and what they answer on fresh rows.

A row without a label is taken to be what the reference path answers. Where the routed answer is the same, nothing is lost
whatever the label is; where it differs, the row counts as lost, which is the worst that can be. So a certificate holds
without any label (then it bounds the share of answers that differ), and labels pay only where answers differ.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.bundle import CERTIFICATE_FILE, REFERENCE_FOLDER, TOKENIZER_FILE, Manifest, read_manifest, verify
from engine.classification_model import open_ladder
from engine.digests import file_digest
from engine.ladder import EncoderPath
from engine.ladder import Path as LadderPath
from engine.router import Router
from engine.router_files import load_router
from engine.session import open_session
from engine.tokenization import TextTokenizer
from tasks.data.rows import UNLABELLED, Row
from tasks.errors import UserError
from tasks.recipe.target import Target
from tasks.records import Certificate
from tasks.router.answers import SplitAnswers
from tasks.router.material import answered
from tasks.router.views import read_split

_REFERENCE: Final = "reference"


@dataclass(frozen=True)
class FreshAnswers:
    """One split of fresh rows: the ladder's answers, and (rows,) whether the reference path is right.

    `assumed` (rows,): no label. `differs` (rows,): some path, were it the last, answers otherwise than the reference path.
    """

    ladder: SplitAnswers
    reference_right: NDArray[np.bool_]
    assumed: NDArray[np.bool_]
    differs: NDArray[np.bool_]


@dataclass(frozen=True)
class OpenedBundle:
    """Use `open`. `certificates` are those that the bundle has."""

    folder: Path
    manifest: Manifest
    router: Router
    reference_router: Router
    certificates: tuple[Certificate, ...]
    tokenizer: TextTokenizer
    ladder: tuple[LadderPath, ...]
    reference: LadderPath

    @classmethod
    def open(cls, folder: Path, reference_graph: Path, target: Target) -> "OpenedBundle":
        """Verify the bundle; UserError where it has no ladder, or where the graph is not its reference path."""
        manifest = read_manifest(folder)
        verify(folder, manifest)
        router = load_router(folder)
        if len(router.rules) < 2:
            raise UserError("this bundle is the reference path alone; it has no router to recalibrate", file=folder)
        if file_digest(reference_graph) != manifest.reference_digest:
            raise UserError(
                "not the reference path of this bundle (its SHA-256 is another); give the reference.onnx of the run that "
                "made it",
                file=reference_graph,
            )
        threads, provider = target.threads, target.execution_provider
        entries = json.loads((folder / CERTIFICATE_FILE).read_text(encoding="utf-8"))
        return cls(
            folder=folder,
            manifest=manifest,
            router=router,
            reference_router=load_router(folder / REFERENCE_FOLDER),
            certificates=tuple(Certificate.model_validate(entry) for entry in entries),
            tokenizer=TextTokenizer(folder / TOKENIZER_FILE, manifest.max_length),
            ladder=open_ladder(folder, manifest, threads=threads, execution_provider=provider),
            reference=EncoderPath(
                _REFERENCE, open_session(reference_graph, threads=threads, execution_provider=provider)
            ),
        )

    @property
    def ends_with_reference(self) -> bool:
        """Whether the last path is the reference path, byte for byte."""
        return self.manifest.files[self.manifest.paths[-1].file] == self.manifest.reference_digest

    def check_labels(self, rows: Sequence[Row]) -> None:
        """Raises UserError naming the first label that the bundle does not know."""
        outside = self.manifest.out_of_scope_label
        known = {*self.manifest.labels, UNLABELLED, *([outside] if outside else [])}
        unknown = sorted({row.label for row in rows} - known)
        if unknown:
            raise UserError(
                f"{len(unknown)} labels are unknown to the bundle, {unknown[0]!r} first; leave their rows out, or retrain "
                "with them",
                file=self.folder,
            )

    def answers(self, rows: Sequence[Row]) -> FreshAnswers:
        """Every path's answer to every row."""
        manifest = self.manifest
        everything = answered(
            rows, self.ladder, self.reference, self.tokenizer, manifest.labels, manifest.out_of_scope_label
        )
        own = read_split(everything.ladder, self.router.rules, self.router.out_of_scope_id).answers
        reference = everything.read_reference(self.reference_router).answers[0]
        assumed = np.array([row.label == UNLABELLED for row in rows], dtype=bool)
        truth = np.where(assumed, reference, everything.ladder.truth)
        return FreshAnswers(
            ladder=replace(everything.ladder, truth=truth),
            reference_right=reference == truth,
            assumed=assumed,
            differs=(own != reference).any(axis=0),
        )


def rows_to_label(bundle: OpenedBundle, rows: Sequence[Row]) -> list[Row]:
    """The rows without a label whose label can matter: some path answers otherwise than the reference path."""
    found = bundle.answers(rows)
    return [rows[row] for row in np.flatnonzero(found.assumed & found.differs).tolist()]
