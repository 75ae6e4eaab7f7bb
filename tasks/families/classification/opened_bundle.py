"""A classification bundle opened for recalibration: what its paths and its reference path answer on fresh rows.

A row without a label is taken to be what the reference path answers. Where the routed answer is the same, nothing is lost
whatever the label is; where it differs, the row counts as lost, which is the worst that can be. So a certificate holds
without any label (then it bounds the share of answers that differ), and labels pay only where answers differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.bundle import REFERENCE_FOLDER, TOKENIZER_FILE, Manifest, read_manifest, verify
from engine.classification.ladder import EncoderPath
from engine.classification.ladder import Path as LadderPath
from engine.classification.model import open_ladder
from engine.classification.router import Router
from engine.classification.router_files import load_router
from engine.digests import file_digest
from engine.session import open_session
from engine.tokenization import TextTokenizer
from tasks.bundles.golden import golden_texts
from tasks.bundles.opened import FreshRouter, check_reference, read_certificates, recipe_of, reference_alone
from tasks.certification.certify import Subject, certify_points
from tasks.certification.chain import build_chain
from tasks.certification.planning import ChainOnTune
from tasks.data.rows import UNLABELLED, Row
from tasks.errors import UserError
from tasks.families.classification.bundling import Contents, write_bundle
from tasks.families.classification.routing.answers import SplitAnswers
from tasks.families.classification.routing.material import answered
from tasks.families.classification.routing.rules import fit_rules
from tasks.families.classification.routing.views import read_split
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.data import DataConfig
from tasks.recipe.target import Target
from tasks.records import Certificate
from tasks.statistics.attempts import attempt_level

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
class OpenedClassifier:
    """Use `open`.

    `recipe`: what the bundle keeps of its own; `certificates` are those that the bundle has. The paths of a fresh router are
    the same ones.
    """

    folder: Path
    manifest: Manifest
    router: Router
    reference_router: Router
    recipe: BundledRecipe
    certificates: tuple[Certificate, ...]
    target: Target
    tokenizer: TextTokenizer
    ladder: tuple[LadderPath, ...]
    reference: LadderPath

    @classmethod
    def open(cls, folder: Path, reference_graph: Path, target: Target) -> "OpenedClassifier":
        """Verify the bundle; UserError where it has no ladder, or where the graph is not its reference path."""
        manifest = read_manifest(folder)
        verify(folder, manifest)
        router = load_router(folder)
        if len(router.rules) < 2:
            raise reference_alone(folder)
        check_reference(reference_graph, file_digest(reference_graph) if reference_graph.is_file() else "", manifest)
        threads, provider = target.threads, target.execution_provider
        return cls(
            folder=folder,
            manifest=manifest,
            router=router,
            reference_router=load_router(folder / REFERENCE_FOLDER),
            recipe=recipe_of(folder, router.points[router.default_point].epsilon, DataConfig(train=("fresh rows",))),
            certificates=read_certificates(folder),
            target=target,
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

    @property
    def promises(self) -> tuple[float, ...]:
        """All that the recipe asks for, those too that could not be certified before; any one would do."""
        router = self.recipe.router
        return tuple(sorted({*router.operating_points, router.max_accuracy_loss}))

    def rows_to_label(self, rows: Sequence[Row]) -> list[Row]:
        """The rows without a label whose label can matter: some path answers otherwise than the reference path."""
        self._check_labels(rows)
        found = self.answers(rows)
        return [rows[row] for row in np.flatnonzero(found.assumed & found.differs).tolist()]

    def fresh_router(
        self, tune: Sequence[Row], certify: Sequence[Row], *, attempt: int, progress: Callable[[str], None]
    ) -> FreshRouter | None:
        """Of the same paths with their known costs. UserError naming a label that the bundle does not know."""
        self._check_labels([*tune, *certify])
        progress(f"answers of all paths on {len(tune)} tune rows")
        tuned = self.answers(tune)
        if not tuned.ladder.in_scope.any():
            raise UserError("no tune row is in scope, and out of scope is told by what is in it; give rows of both")
        progress(f"answers of all paths on {len(certify)} certify rows")
        fresh = self.answers(certify)
        progress("rules, chain and certificates")
        router, confidence = self.router, self.recipe.router.confidence
        fitted = fit_rules(
            [rule.scorer.space for rule in router.rules],
            tuned.ladder,
            tuned.reference_right,
            router.out_of_scope_id,
            self.recipe.router.out_of_scope_false_rejection,
            last_carries=router.rules[-1].carried_weight > 0,
        )
        cumulative = np.array([rule.cost_ms for rule in router.rules])
        rules, views = fitted.rules(cumulative), fitted.view(tuned.ladder.truth).views
        certified = certify_points(
            Subject(
                tune=ChainOnTune(
                    settings=build_chain(views, tuned.reference_right, np.diff(cumulative, prepend=0.0)),
                    views=views,
                    reference_right=tuned.reference_right,
                    cumulative=cumulative,
                    ends_with_reference=self.ends_with_reference,
                ),
                certify=read_split(fresh.ladder, rules, router.out_of_scope_id).views,
                certify_right=fresh.reference_right,
                names=[rule.name for rule in rules],
                otherwise_ms=float(cumulative[-1]),
                unlabelled=int(fresh.assumed.sum()),
                attempt=attempt,
            ),
            self.promises,
            confidence=confidence,
            delta=attempt_level(1 - confidence, attempt),
        )
        if not certified:
            return None
        certificates = tuple(certificate for certificate, _ in certified.values())
        points = {name: point for name, (_, point) in certified.items()}
        default = (
            router.default_point if router.default_point in points else min(points, key=lambda p: points[p].epsilon)
        )
        golden = golden_texts([row.text for row in tune], views, points[default])

        def write(folder: Path) -> None:
            entries = self.manifest.paths
            files = {file: self.folder / file for file in (*(entry.file for entry in entries), TOKENIZER_FILE)}
            fresh_rules = Router(rules, points, default, router.out_of_scope_id)
            contents = Contents(entries, files, fresh_rules, self.reference_router, certificates, self.recipe)
            write_bundle(folder, contents, self.manifest, golden, self.target)

        return FreshRouter(
            paths=tuple(rule.name for rule in rules),
            certificates=certificates,
            operating_point=default,
            rows_to_label=sum(int((split.assumed & split.differs).sum()) for split in (tuned, fresh)),
            write=write,
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

    def _check_labels(self, rows: Sequence[Row]) -> None:
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
