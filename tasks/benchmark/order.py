"""What a benchmark is asked to measure, wherever it is measured: bundles, graphs, texts and settings, on one target."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tasks.artifact import Artifact
from tasks.benchmark.job import ContenderFiles
from tasks.bundles.place import bundle_of
from tasks.data.rows import read_rows
from tasks.recipe import Target
from tasks.recipe.schema import BenchmarkConfig
from tasks.records import CompressionResult, RouterResult, SnapshotResult, operating_point_name

_REFERENCE_NAME: Final = "static-fp32"


@dataclass(frozen=True)
class Order:
    """One benchmark, with the files on this machine.

    `bundle_digest`: what the bundle must be. `contenders` are compared with it, speed-ups are over `baseline`; None takes
    the bundle's own repeat. `champion`: the bundle that serves now. `server_qps`: arrival rate of the Server scenario
    that a gate asks for; None takes the configuration's, else half of what is sustained.
    """

    bundle: Path
    bundle_digest: str
    texts: tuple[str, ...]
    contenders: tuple[ContenderFiles, ...]
    baseline: str | None
    champion: Path | None
    config: BenchmarkConfig
    server_qps: float | None
    target: Target


def order_of(
    snapshot: Artifact[SnapshotResult],
    router: Artifact[RouterResult],
    compression: Artifact[CompressionResult],
    *,
    config: BenchmarkConfig,
    champion: Path | None,
    server_qps: float | None,
    target: Target,
) -> Order:
    """The router's bundle with the gate split's texts, against the static models it came from."""
    bundle = bundle_of(router)
    contenders = static_contenders(bundle, compression)
    return Order(
        bundle=bundle,
        bundle_digest=router.result.bundle_digest,
        texts=tuple(row.text for row in read_rows(snapshot, "gate")),
        contenders=contenders,
        baseline=contenders[0].name,
        champion=champion,
        config=config,
        server_qps=server_qps,
        target=target,
    )


def static_contenders(bundle: Path, compression: Artifact[CompressionResult]) -> tuple[ContenderFiles, ...]:
    """The best static model, which is the baseline, and the fp32 reference if that is another graph."""
    result = compression.result
    static, reference = compression.folder / result.static_monolith, compression.folder / result.reference_monolith
    weights = result.static_precision.removeprefix("static-").removeprefix("dynamic-").partition("-")[0]
    name = f"static-{weights}"
    contenders = [ContenderFiles(name=name, bundle=bundle, graph=static)]
    if reference != static:
        reference_name = _REFERENCE_NAME if name != _REFERENCE_NAME else "reference-fp32"
        contenders.append(ContenderFiles(name=reference_name, bundle=bundle, graph=reference))
    return tuple(contenders)


def operating_point_of(target: Target) -> str | None:
    """Name of the operating point that the target asks for; None takes the bundle's default."""
    return None if target.operating_point is None else operating_point_name(target.operating_point)
