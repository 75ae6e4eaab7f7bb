"""Does the certificate keep its promise on real data? Many random re-splits of the rows that were not trained on.

Run: python tests/benchmarks/resplits.py DATA [--resplits 200] [--json FILE]

All rows of tune, certify and gate are pooled and answered once by every path. Each re-split draws tune and certify of the
sizes that the recipe gave them; the rest is the gate. Ladder, rules and thresholds are chosen anew by the pipeline's own
code, and the promise is broken if the loss on the gate exceeds epsilon. Mean costs are those of the bundle's cost table.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from flows.make_bundle import MadeBundle
from tasks.artifact import Workspace
from tasks.certification.chain import route
from tasks.certification.planning import Promise
from tasks.data.rows import read_rows
from tasks.families.classification.routing.gathering import fit_reference, gather
from tasks.families.classification.routing.ladders import Source, candidates, certified_ladder
from tasks.families.classification.routing.material import Answered, Material, answered
from tasks.families.classification.routing.views import read_split
from tasks.recipe.bundled import BundledRecipe
from tasks.recipe.load_target import load_target
from tasks.recipe.schema import RouterConfig
from tasks.records import operating_point_name
from tasks.statistics.attempts import attempt_level
from tasks.statistics.binomial import exact_interval
from tests.benchmarks.bundles import add_data_argument, bundle_of


@dataclass(frozen=True)
class Pool:
    """Everything that a re-split needs: all models' answers to all rows, how many rows go where, and the recipe's router."""

    sources: list[Source]
    out_of_scope_id: int | None
    tune: int
    certify: int
    router: RouterConfig


_POOL: Pool | None = None


def main() -> None:
    """Answer, re-split, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    parser.add_argument("--resplits", type=int, default=200)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    report(pool_of(bundle_of(options.data, options.out_of_scope_label)), options.resplits, options.json)


def report(pool: Pool, resplits: int, file: Path | None) -> None:
    """Run all re-splits on all cores; print and write the summary."""
    global _POOL
    _POOL = pool
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("fork")) as workers:
        results = list(workers.map(resplit, range(resplits)))
    delta = 1 - pool.router.confidence
    static = pool.sources[0].costs.static
    rows = []
    for point in sorted({name for result in results for name in result}):
        known = [result[point] for result in results if point in result]
        broken = sum(entry["gate_loss"] > entry["epsilon"] for entry in known)
        interval = exact_interval(broken, resplits, 0.95)
        cost = float(np.mean([entry["in_scope_cost_ms"] for entry in known]))
        rows.append(
            {
                "operating_point": point,
                "resplits": resplits,
                "certified": len(known),
                "broken": broken,
                "broken_share": broken / resplits,
                "broken_low": interval.low,
                "broken_high": interval.high,
                "delta": delta,
                "mean_gate_loss": float(np.mean([entry["gate_loss"] for entry in known])),
                "in_scope_cost_ms": cost,
                "times_less_than_static": static / cost,
                "out_of_scope_before_encoder": float(np.mean([entry["out_of_scope_first"] for entry in known])),
            }
        )
    for row in rows:
        print(
            f"{row['operating_point']:>5}: certified in {row['certified']} of {resplits}, broken in {row['broken']} "
            f"({row['broken_share']:.1%}, 95 %: {row['broken_low']:.1%} to {row['broken_high']:.1%}; promised at most "
            f"{delta:.0%}), mean loss {row['mean_gate_loss']:+.2%}, in-scope cost {row['in_scope_cost_ms']:.3f} ms = "
            f"{row['times_less_than_static']:.2f}x less than the static model's {static:.2f} ms; out-of-scope rows "
            f"answered before the encoder {row['out_of_scope_before_encoder']:.1%}"
        )
    if file:
        file.write_text(json.dumps({"rows": rows}, indent=1), encoding="utf-8")


def pool_of(made: MadeBundle) -> Pool:
    """Answer all rows once with every model's paths and with the reference path."""
    recipe = BundledRecipe.load(made.bundle)
    assert recipe is not None  # made just now
    with tempfile.TemporaryDirectory() as scratch:
        space = Workspace(Path(scratch), Path(scratch), lambda message, _share=None: print(message, flush=True))
        gathered = gather(
            made.snapshot,
            made.compression,
            made.parts["export"],
            made.parts.get("lexical"),
            recipe.router,
            load_target("local-cpu"),
            space,
        )
    data = made.snapshot.result
    rows = [row for split in ("tune", "certify", "gate") for row in read_rows(made.snapshot, split)]
    sources = []
    for source, paths in zip(gathered.sources, gathered.paths, strict=True):
        everything = answered(rows, paths, gathered.reference, gathered.tokenizer, data.labels, data.out_of_scope_label)
        train = source.material.train
        sources.append(replace(source, material=Material(train, everything, everything)))
    return Pool(sources, gathered.out_of_scope_id, data.rows["tune"], data.rows["certify"], recipe.router)


def resplit(seed: int) -> dict[str, dict[str, Any]]:
    """One re-split: by operating point, the loss on its gate and the mean cost of its in-scope rows there."""
    assert _POOL is not None
    pool, config = _POOL, _POOL.router
    everything = pool.sources[0].material.tune
    order = np.random.default_rng(seed).permutation(len(everything.ladder.truth))
    tune, certify, gate = np.split(order, [pool.tune, pool.tune + pool.certify])
    sources = [
        replace(
            source,
            material=Material(source.material.train, *(_take(source.material.tune, rows) for rows in (tune, certify))),
        )
        for source in pool.sources
    ]
    delta, false_rejection = attempt_level(1 - config.confidence, 1), config.out_of_scope_false_rejection
    router = fit_reference(sources[0], sources[0].material.tune, pool.out_of_scope_id, false_rejection)
    reference_right = everything.read_reference(router).views[0].right
    ladders = candidates(
        sources,
        reference_right[tune],
        pool.out_of_scope_id,
        false_rejection=false_rejection,
        promise=Promise(config.max_accuracy_loss, delta, len(certify)),
    )
    found = certified_ladder(
        ladders,
        reference_right[certify],
        pool.out_of_scope_id,
        epsilons=config.operating_points,
        epsilon=config.max_accuracy_loss,
        confidence=config.confidence,
        attempt=1,
    )
    if found is None:
        return {}
    ladder, certified = found
    whole = next(source.material for source in pool.sources if source.model == ladder.source.model)
    own = _take(whole.with_reference_last().tune if ladder.ends_with_reference else whole.tune, gate)
    view, cumulative = read_split(own.ladder, ladder.rules, pool.out_of_scope_id), np.cumsum(ladder.costs)
    inside, results = own.ladder.in_scope, {}
    for name, (certificate, point) in certified.items():
        routed = route(view.views, point.thresholds)
        results[name] = {
            "epsilon": certificate.epsilon,
            "gate_loss": float(reference_right[gate].mean() - routed.right.mean()),
            "in_scope_cost_ms": float(cumulative[routed.stops[inside]].mean()),
            "out_of_scope_first": float((routed.stops[~inside] == 0).mean()) if (~inside).any() else 0.0,
            "ladder": f"{ladder.source.model}, {ladder.variant}",
        }
    assert operating_point_name(config.max_accuracy_loss) in results
    return results


def _take(split: Answered, rows: NDArray[np.int64]) -> Answered:
    def path(answers: Any) -> Any:
        embeddings = None if answers.embeddings is None else answers.embeddings[rows]
        return replace(answers, logits=answers.logits[rows], embeddings=embeddings)

    ladder = replace(
        split.ladder,
        truth=split.ladder.truth[rows],
        tokens=split.ladder.tokens[rows],
        novelty=split.ladder.novelty[rows],
        paths=tuple(path(own) for own in split.ladder.paths),
    )
    return Answered(ladder, path(split.reference))


if __name__ == "__main__":
    main()
