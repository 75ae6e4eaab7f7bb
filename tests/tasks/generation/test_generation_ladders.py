"""Which ladder of decoders comes first: a small model pays where its doubt tells when it is wrong, and only there."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from engine.generation.decoding import Decoded
from engine.generation.router import PathRule
from tasks.certification.chain import route
from tasks.certification.planning import Promise
from tasks.data.rows import Row
from tasks.families.generation.routing.costs import Costs
from tasks.families.generation.routing.ladders import EARLY_TOKENS, Ladder, TuneAnswers, candidates, certify_views
from tasks.families.generation.routing.trial import Answers, Trial

ROWS = 800
PROMISE = Promise(epsilon=0.01, delta=0.05, certify_rows=2000)
FULL_MS, REFERENCE_MS, BEHIND_MS, BEGUN_MS = 10.0, 20.0, 9.0, 0.3


def said(doubt: float, tokens: int = 12) -> Decoded:
    """An answer that doubts its second token so much."""
    return Decoded(list(range(tokens)), [-0.01, doubt, *[-0.01] * (tokens - 1)], ended=True)


def made(*, telling: bool, small_ms: float) -> tuple[Trial, TuneAnswers, Costs]:
    """A small model that is wrong in a fifth of the rows, and in doubt there or anywhere."""
    chance = np.random.default_rng(0)
    wrong = chance.random(ROWS) < 0.2
    doubtful = wrong if telling else chance.permutation(wrong)
    doubts = np.where(doubtful, -3.0, -0.1) + chance.normal(0, 0.02, ROWS)
    decoded = [said(doubt) for doubt in doubts.tolist()]
    begun = [Decoded(answer.tokens[:8], answer.log_probabilities[:8]) for answer in decoded]
    sure = [said(-0.01) for _ in range(ROWS)]
    reference = chance.random(ROWS) < 0.95
    small = Answers(decoded, [""] * ROWS, reference & ~wrong)
    full = Answers(sure, [""] * ROWS, reference)
    names = ("small", "full", "reference")
    rules = {name: PathRule(name, 0.0) for name in names}
    decoder = SimpleNamespace(settings=SimpleNamespace(answers="text", schema=None))
    trial = Fixed(dict.fromkeys(names, decoder), rules, rules, None, None, "exact")
    object.__setattr__(trial, "known", {"small": small, "full": full, "reference": full})
    rows = [Row(str(number), "") for number in range(ROWS)]
    alone = {"small": small, "full": full, "reference": full}
    tune = TuneAnswers(rows, reference, alone, {"full": full, "reference": full}, dict.fromkeys(EARLY_TOKENS, begun))
    everywhere = np.ones(64)
    costs = Costs(
        rows=np.arange(0, ROWS, ROWS // 64)[:64],
        alone={"small": small_ms * everywhere, "full": FULL_MS * everywhere, "reference": REFERENCE_MS * everywhere},
        behind={"full": BEHIND_MS * everywhere, "reference": 2 * BEHIND_MS * everywhere},
        beginning=dict.fromkeys(EARLY_TOKENS, BEGUN_MS * everywhere),
        static=FULL_MS * everywhere,
    )
    return trial, tune, costs


class Fixed(Trial):
    """Answers what is known."""

    def answers(self, name, rows, before=None) -> Answers:
        known: Answers = self.known[name]
        numbers = [int(row.text) for row in rows]
        return Answers([known.decoded[n] for n in numbers], [""] * len(rows), known.right[numbers])

    def answer(self, name, text, before=None, tokens=None) -> Decoded:
        whole = self.known[name].decoded[int(text)]
        return whole if tokens is None else Decoded(whole.tokens[:8], whole.log_probabilities[:8])


@cache
def first(**options) -> tuple[Ladder, Trial, TuneAnswers]:
    trial, tune, costs = made(**options)
    return candidates(trial, tune, costs, PROMISE)[0], trial, tune


def test_a_cheap_small_model_whose_doubt_tells_goes_before_the_full_one() -> None:
    ladder, _, tune = first(telling=True, small_ms=2.0)
    assert ladder.paths == ("small", "full")
    assert ladder.predicted_cost_ms < FULL_MS / 2
    cheapest = route(ladder.tune.views, ladder.tune.settings[-1])
    assert (tune.reference_right & ~cheapest.right).mean() < 0.05


def test_a_small_model_may_be_worth_its_cost_as_a_draft_alone() -> None:
    ladder, _, _ = first(telling=False, small_ms=0.5)
    assert ladder.paths == ("small", "full")
    assert ladder.predicted_cost_ms == pytest.approx(0.5 + BEHIND_MS, rel=0.02)


def test_its_hopeless_answers_are_given_up_early() -> None:
    ladder, _, _ = first(telling=True, small_ms=2.0)
    assert ladder.abort is not None
    given_up = ~ladder.tune.views[0].may_stop
    assert given_up.mean() == pytest.approx(0.2, abs=0.03)
    assert ladder.costs[0] == pytest.approx(2.0 - given_up.mean() * (2.0 - BEGUN_MS))


def test_a_small_model_whose_doubt_tells_nothing_is_left_out() -> None:
    ladder, _, _ = first(telling=False, small_ms=5.0)
    assert ladder.paths == ("full",)
    assert ladder.predicted_cost_ms == pytest.approx(FULL_MS, rel=0.02)


def test_a_small_model_that_costs_more_than_the_full_one_is_left_out() -> None:
    ladder, _, _ = first(telling=True, small_ms=13.0)
    assert ladder.paths == ("full",)


def test_the_reference_path_by_itself_is_always_among_the_candidates_and_loses_nothing() -> None:
    trial, tune, costs = made(telling=False, small_ms=50.0)
    ladders = {ladder.paths: ladder for ladder in candidates(trial, tune, costs, PROMISE)}
    assert len(ladders) == 5
    assert ladders[("reference",)].predicted_cost_ms == pytest.approx(REFERENCE_MS)


def test_a_ladder_beyond_the_gate_on_size_comes_after_all_that_keep_to_it() -> None:
    trial, tune, costs = made(telling=True, small_ms=2.0)
    ladders = candidates(trial, tune, costs, PROMISE, lambda ladder: len(ladder.paths) == 1)
    assert [len(ladder.paths) for ladder in ladders] == [1, 1, 1, 2, 2]
    assert [ladder.fits for ladder in ladders] == [True] * 3 + [False] * 2
    assert ladders[3].predicted_cost_ms < ladders[0].predicted_cost_ms


def test_certify_rows_are_read_as_tune_rows_are() -> None:
    ladder, trial, tune = first(telling=True, small_ms=2.0)
    early, last = certify_views(trial, ladder, tune.rows)
    assert early.may_stop.tolist() == ladder.tune.views[0].may_stop.tolist()
    assert last.right.tolist() == ladder.tune.views[1].right.tolist()
    assert np.corrcoef(early.score, ladder.tune.views[0].score)[0, 1] > 0.99  # those of tune are cross-fitted
