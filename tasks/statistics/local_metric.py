"""The base of the project's `evaluate` metrics: defined here, not loaded from a hub, and leaving nothing on disk.

`evaluate.load` fetches and executes a script; a subclass that is instantiated works offline and is reviewed code. The
import of `evaluate` takes seconds, so import metrics only where they are computed.
"""

import tempfile
from collections.abc import Mapping
from types import MappingProxyType

import datasets
import evaluate


class LocalMetric(evaluate.Metric):
    """A metric over label ids: `compute(predictions=…, references=…)`, integers of shape (n,); no rows, a ValueError.

    `add_batch` and `evaluate.combine` work as with any metric of the library. Subclasses say what they measure in
    `description` and may name further inputs in `extra_features`.
    """

    description = ""
    citation = ""
    extra_features: Mapping[str, datasets.Value] = MappingProxyType({})

    def __init__(self) -> None:
        """Predictions are collected in memory; the folder that the library insists on creating is removed at once."""
        with tempfile.TemporaryDirectory() as folder:
            super().__init__(keep_in_memory=True, cache_dir=folder)

    def _info(self) -> evaluate.MetricInfo:
        integers = datasets.Value("int64")
        return evaluate.MetricInfo(
            description=self.description,
            citation=self.citation,
            inputs_description="",
            features=datasets.Features({"predictions": integers, "references": integers, **self.extra_features}),
            format="numpy",
        )
