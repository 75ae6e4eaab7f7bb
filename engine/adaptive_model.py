"""The adaptive model: for each input the cheapest path that suffices, by the certified router of its bundle."""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from engine.bundle import GOLDEN_FILE, MANIFEST_FILE, Manifest, read_manifest, verify
from engine.forking import renewed_in_children
from engine.operating_points import OperatingPoints
from engine.prediction import Prediction
from engine.runtimes import model_type
from engine.session import CPU

if TYPE_CHECKING:
    from engine.classification.static_model import StaticModel


class AdaptiveModel(ABC):
    """A loaded bundle, of whatever task. Thread-safe, and usable in processes that are forked after it was loaded.

    `writes_text`: whether answers are texts, so that `predict` also takes `max_new_tokens` and `schema`. `uses`: packages that
    it can do without, and does more with.
    """

    writes_text: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(self, manifest: Manifest, digest: str, certified: OperatingPoints[Any]) -> None:
        """Use `load`."""
        self._manifest = manifest
        self._certified = certified
        self.digest = digest
        self.workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._pool: ThreadPoolExecutor | None = None
        self._pool_lock = threading.Lock()
        renewed_in_children(self)

    def after_fork(self) -> None:
        """The pool's threads are the parent's; a child that needs some gets its own."""
        self._pool, self._pool_lock = None, threading.Lock()

    @staticmethod
    def load(
        folder: str | Path,
        *,
        threads: int = 1,
        execution_provider: str = CPU,
        operating_point: str | None = None,
        replay_golden: bool = True,
        manifest_sha256: str | None = None,
    ) -> "AdaptiveModel":
        """Verify every digest, open the sessions, replay the golden set; what comes is the model of the bundle's task.

        `threads`: intra-op threads of a session. `operating_point`: default for `predict`; None takes the bundle's.
        `manifest_sha256`: what the manifest's SHA-256 must be, where it is known from elsewhere (a registry's tag).
        BundleError for anything incomplete, altered, or answering differently from when it was certified.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        found = _type_of(manifest, folder)
        digest = verify(folder, manifest, manifest_sha256=manifest_sha256)
        model = found.open(
            folder,
            manifest,
            digest,
            threads=threads,
            execution_provider=execution_provider,
            operating_point=operating_point,
        )
        if replay_golden:
            model.replay(folder / GOLDEN_FILE)
        return model

    @staticmethod
    def type_in(folder: Path) -> "type[AdaptiveModel]":
        """What `load` would give for a bundle, without opening it; BundleError where the folder is none."""
        return _type_of(read_manifest(folder), folder)

    @classmethod
    @abstractmethod
    def router_in(cls, folder: Path) -> OperatingPoints[Any]:
        """The router of a bundle of this task; BundleError when it cannot be read."""

    @classmethod
    def wishes_in(cls, _folder: Path) -> Mapping[str, int | str | None]:
        """What `predict` takes beside texts, with the defaults of a bundle of this task; BundleError when it cannot be read."""
        return {}

    @classmethod
    @abstractmethod
    def static(
        cls, model: Path, folder: Path, *, threads: int = 1, execution_provider: str = CPU
    ) -> "AdaptiveModel | StaticModel":
        """One compressed model by itself, asked as the bundle in `folder` is: what a ladder is measured against."""

    @classmethod
    @abstractmethod
    def open(
        cls,
        folder: Path,
        manifest: Manifest,
        digest: str,
        *,
        threads: int = 1,
        execution_provider: str = CPU,
        operating_point: str | None = None,
    ) -> Self:
        """Open the sessions of a bundle of this task whose files are verified."""

    @property
    def name(self) -> str:
        """The registered model's name."""
        return self._manifest.name

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels in id order; none where answers are no labels."""
        return self._manifest.labels

    @property
    @abstractmethod
    def paths(self) -> tuple[str, ...]:
        """Names of the paths, cheapest first."""

    @property
    def operating_point(self) -> str:
        """Name of the default operating point."""
        return self._certified.default_point

    @property
    def operating_points(self) -> tuple[str, ...]:
        """Names of all certified operating points."""
        return tuple(self._certified.points)

    @property
    @abstractmethod
    def input_limit(self) -> int:
        """Most tokens that an input may have and be read whole."""

    @property
    @abstractmethod
    def added_tokens(self) -> tuple[str, ...]:
        """Texts of the tokenizer's added tokens, the special ones among them, in the order of their ids."""

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """How many tokens a text would be asked with; a classifier leaves out those beyond `input_limit`."""

    @property
    @abstractmethod
    def execution_providers(self) -> tuple[str, ...]:
        """The provider that each session really runs on first, without repetition."""

    @abstractmethod
    def predict(
        self, texts: str | Sequence[str], *, operating_point: str | None = None, detail: bool = False
    ) -> Sequence[Prediction]:
        """One answer per text, in order. A row that cannot be asked gets an answer with `error`; the others are answered.

        `operating_point`: which certified setting answers this call. `detail`: say what every path that was run found.
        InputError where `texts` is neither a text nor a sequence, or the operating point is unknown.
        """

    @abstractmethod
    def replay(self, file: Path) -> None:
        """Answer the stored golden set; BundleError where an answer is not the stored one."""

    def _threads(self) -> ThreadPoolExecutor:
        with self._pool_lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="miaotui")
            return self._pool


def _type_of(manifest: Manifest, folder: Path) -> type[AdaptiveModel]:
    found: type[AdaptiveModel] = model_type(manifest.answered_as or manifest.task, folder / MANIFEST_FILE)
    return found
