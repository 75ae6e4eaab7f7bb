"""Pruning: the plan is the best within the budget, and the cut model is the parent without what was cut."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.artifact import Workspace
from tasks.families.classification.pruning.selection import STEPS, choose_widths
from tasks.families.classification.recipe import FineTuneConfig, PruneConfig
from tasks.families.classification.records import LatencyTable

TABLE = {8: 1.0, 4: 0.6, 2: 0.4}


def brute_force(neurons, layers, exits, table, budget) -> float | None:
    step = budget / STEPS
    best = None
    for widths in itertools.product((*table, 0), repeat=len(layers)):
        if sum(int(np.ceil(table[w] / step - 1e-9)) for w in widths if w) > STEPS:
            continue
        starts = (0, *exits[:-1])
        if any(not any(widths[a:b]) for a, b in zip(starts, exits, strict=True)):
            continue
        lost = sum(
            np.sort(own)[: len(own) - width].sum() if width else whole
            for own, whole, width in zip(neurons, layers, widths, strict=True)
        )
        best = lost if best is None else min(best, lost)
    return best


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.2, 1.2), exits=st.sampled_from([(4,), (1, 4), (2, 3, 4)]))
def test_the_plan_loses_the_least_importance_within_the_budget(seed: int, share: float, exits: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    neurons = [random.exponential(size=8) for _ in range(4)]
    layers = random.exponential(4, size=4)
    plan = choose_widths(neurons, layers, exits, TABLE, budget_ms=4 * share)
    expected = brute_force(neurons, layers, exits, TABLE, 4 * share)
    assert (plan is None) == (expected is None)
    if plan is not None and expected is not None:
        assert plan.loss == pytest.approx(expected)
        assert plan.latency_ms <= 4 * share + 1e-9


def test_every_exit_keeps_a_layer_of_its_own() -> None:
    plan = choose_widths([np.ones(8)] * 4, np.zeros(4), (1, 2, 4), TABLE, budget_ms=2.2)
    assert plan is not None
    assert plan.widths[0] > 0
    assert plan.widths[1] > 0
    assert any(plan.widths[2:])


@pytest.mark.slow
def test_the_cut_model_has_the_widths_it_was_planned_with_and_stays_close(tiny) -> None:
    import torch

    from tasks.families.classification.encoder.batches import pad
    from tasks.families.classification.encoder.multi_exit import load_model
    from tasks.families.classification.prune import cut

    parent = load_model(tiny.fine_tuned.folder)
    importance = [np.arange(96, dtype=float) for _ in parent.layers]
    student = cut(parent, (96, 48, 24), importance)
    assert student.shape.ffn_widths == (96, 48, 24)
    kept = student.layout.feed_forward(student.layers[1]).dense_in.weight
    original = parent.layout.feed_forward(parent.layers[1]).dense_in.weight
    assert torch.equal(kept, original[48:])
    ids, mask = pad([np.array([2, 5, 6, 3])], 0)
    first = student(ids, mask)["logits"][:, 0]
    assert torch.allclose(first, parent(ids, mask)["logits"][:, 0], atol=1e-6)


@pytest.mark.slow
def test_a_layer_that_is_dropped_is_gone(tiny) -> None:
    from tasks.families.classification.encoder.multi_exit import load_model
    from tasks.families.classification.prune import cut

    parent = load_model(tiny.fine_tuned.folder)
    parent.shape = parent.shape.__class__(
        labels=parent.shape.labels, exits=(1, 3), layers=(1, 2, 3), ffn_widths=(96, 96, 96), max_length=32
    )
    student = cut(parent, (96, 0, 96), [np.ones(96)] * 3)
    assert len(student.layers) == 2
    assert student.shape.layers == (1, 3)
    assert student.shape.exits == (1, 2)


@pytest.mark.slow
def test_importance_is_highest_for_a_neuron_that_carries_the_answer(tiny) -> None:
    import torch

    from tasks.families.classification.encoder.batches import pad
    from tasks.families.classification.encoder.multi_exit import load_model
    from tasks.families.classification.pruning.importance import measure_importance

    model = load_model(tiny.fine_tuned.folder)
    feed_forward = model.layout.feed_forward(model.layers[0])
    with torch.no_grad():
        feed_forward.dense_out.weight[:, 7] = 0
    ids, mask = pad([np.array([2, 5, 6, 3]), np.array([2, 9, 3])], 0)
    importance = measure_importance(model, [{"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 1])}])
    assert importance.neurons[0][7] == 0
    assert importance.neurons[0].max() > 0
    assert importance.layers.shape == (3,)


def test_what_one_run_differs_from_the_next_prunes_no_other_model() -> None:
    exact = {1536: 0.76, 1152: 0.61, 768: 0.45, 384: 0.31}
    rng = np.random.default_rng(0)
    seen = {
        tuple(LatencyTable(milliseconds={w: ms * rng.lognormal(0, 0.005) for w, ms in exact.items()}).shares.values())
        for _ in range(50)
    }
    assert seen == {(1.0, 0.8, 0.6, 0.4)}
    assert LatencyTable(milliseconds={96: 9.0, 24: 0.01}).shares == {96: 1.0, 24: 0.05}


@pytest.mark.slow
def test_pruning_by_a_latency_table_gives_a_smaller_model(tiny, tmp_path: Path) -> None:
    """By a given table: in the measured one of so small a model, narrower layers need not be faster."""
    from tasks.families.classification.encoder.multi_exit import load_model
    from tasks.families.classification.prune import prune

    table = LatencyTable(milliseconds={width: 2 * width / 96 for width in (96, 72, 60, 48, 36, 24)})
    workspace = Workspace(out=tmp_path / "out", scratch=tmp_path / "scratch")
    workspace.out.mkdir()
    workspace.scratch.mkdir()
    pruned = prune(
        tiny.snapshot,
        tiny.fine_tuned,
        config=PruneConfig(target_speedup=1.3, importance_rows=64, learning_rate=1e-3),
        fine_tune_config=FineTuneConfig(batch_size=32, max_length=32, exits=(1, 2)),
        table=table,
        seed=0,
        workspace=workspace,
    )
    assert pruned.predicted_speedup == pytest.approx(3 / sum(table.shares[width] for width in pruned.ffn_widths))
    assert pruned.predicted_speedup >= 1.3
    assert pruned.parameters < pruned.parent_parameters
    assert sum(each.numel() for each in load_model(workspace.out).parameters()) == pruned.parameters
