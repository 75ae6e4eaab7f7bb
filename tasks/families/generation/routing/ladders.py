"""The ladders that could be certified: the small model before a last path, or a path by itself; compared on tune alone.

The last path is the full model as it was quantized, or the reference path, the same model in fp32, which loses nothing to
itself. Each ladder goes the whole way on tune: stop score, early abort, chain, simulated certificates; the order is that
of tasks.families.classification.routing.ladders.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.confidence import FEATURES, first_doubt
from engine.generation.decoding import Decoded
from engine.generation.router import PathRule
from tasks.certification.candidate import Candidate, in_order
from tasks.certification.chain import PathView, build_chain, route
from tasks.certification.planning import ChainOnTune, Promise
from tasks.certification.stop_score import cross_fitted_scores, fit_stop_score
from tasks.data.rows import Row
from tasks.families.generation.decoders.greedy import on_all_cores
from tasks.families.generation.roles import FULL, REFERENCE, SMALL
from tasks.families.generation.routing.costs import Costs
from tasks.families.generation.routing.early_abort import Beginning, EarlyAbort, cheapest_abort
from tasks.families.generation.routing.trial import Answers, Trial

EARLY_TOKENS: Final = (2, 4, 8, 16, 32)
"""After how many tokens an early abort may be decided: the first before much is spent, the last before an answer runs away."""
_TOTAL: Final = np.eye(len(FEATURES))[FEATURES.index("total")]
_SIGNS: Final = np.ones(len(FEATURES))
"""Likelier tokens, an end, validity: none makes an answer less safe, nor do more tokens, none of them in more doubt."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Ladder(Candidate):
    """One candidate: its rules with summed costs, and when the first path gives up."""

    rules: tuple[PathRule, ...]
    abort: EarlyAbort | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Names, cheapest first."""
        return tuple(rule.name for rule in self.rules)

    @property
    def name(self) -> str:
        """The paths in order."""
        return ", then ".join(self.paths)


@dataclass(frozen=True)
class TuneAnswers:
    """All paths on the tune rows.

    `reference_right`: (rows,) the reference path, token by token. `alone`: each path by itself; `behind`: those that may
    follow the small one, drafted by its answers; `begun`: the small one's answers after so many tokens.
    """

    rows: Sequence[Row]
    reference_right: Flags
    alone: Mapping[str, Answers]
    behind: Mapping[str, Answers]
    begun: Mapping[int, Sequence[Decoded]]

    @classmethod
    def of(cls, trial: Trial, rows: Sequence[Row]) -> "TuneAnswers":
        """Answer every row with every path. In fp32 drafts change nothing, so the reference path answers once."""
        reference = trial.plain(REFERENCE, rows)
        alone = {name: reference if name == REFERENCE else trial.answers(name, rows) for name in trial.paths}
        behind, begun = {}, {}
        if SMALL in alone:
            behind = {REFERENCE: reference}
            if FULL in alone:
                behind[FULL] = trial.answers(FULL, rows, alone[SMALL].decoded)
            begun = {tokens: _begun(trial, rows, tokens) for tokens in EARLY_TOKENS}
        return cls(rows, reference.right, alone, behind, begun)

    def doubt(self, tokens: int) -> Floats:
        """(rows,) least log-probability among the small model's first tokens."""
        return _doubt(tokens, self.begun[tokens])


def candidates(
    trial: Trial, tune: TuneAnswers, costs: Costs, promise: Promise, fits: Callable[[Ladder], bool] = lambda _: True
) -> list[Ladder]:
    """Every ladder, `in_order`."""
    built = [_alone(trial, name, tune, costs) for name in trial.paths]
    if SMALL in trial.paths:
        rule, scores = _stop_score(trial, tune)
        built += [_behind_small(trial, rule, scores, name, tune, costs, promise) for name in tune.behind]
    return in_order([replace(ladder, fits=fits(ladder)) for ladder in built], promise)


def certify_views(trial: Trial, ladder: Ladder, rows: Sequence[Row]) -> list[PathView]:
    """The rows as the ladder's router sees them, answered as it serves."""
    first = trial.answers(ladder.paths[0], rows)
    if len(ladder.rules) == 1:
        return [_last_view(first)]
    begun = _begun(trial, rows, ladder.abort.tokens) if ladder.abort else None
    given_up = _given_up(ladder.abort, begun) if begun and ladder.abort else np.zeros(len(rows), dtype=bool)
    scores = np.array([ladder.rules[0].stop_score(row) for row in trial.features(first).tolist()])
    drafts = _drafts(first.decoded, begun, given_up)
    return [
        PathView(scores, first.answered & ~given_up, first.right),
        _last_view(trial.answers(ladder.paths[1], rows, drafts)),
    ]


def _alone(trial: Trial, name: str, tune: TuneAnswers, costs: Costs) -> Ladder:
    own = [_mean_ms(name, tune, costs)]
    return _ladder((trial.rules[name],), [_last_view(tune.alone[name])], own, tune, costs)


def _mean_ms(name: str, tune: TuneAnswers, costs: Costs) -> float:
    return float(costs.by_passes(name, tune.alone[name].passes).mean())


def _behind_small(
    trial: Trial,
    small: PathRule,
    scores: Floats,
    name: str,
    tune: TuneAnswers,
    costs: Costs,
    promise: Promise,
) -> Ladder:
    """The small model and the path `name`; the early abort is chosen where tune expects the certificate's walk to begin."""
    answers = tune.alone[SMALL]
    everyone = np.ones(len(tune.rows), dtype=bool)

    def built(may_stop: Flags, right: Flags, own: tuple[float, float], abort: EarlyAbort | None) -> Ladder:
        views = (PathView(scores, may_stop, answers.right), PathView(np.zeros(len(scores)), everyone, right))
        early = replace(small, early_tokens=abort.tokens if abort else small.early_tokens)
        return _ladder((early, trial.rules_behind[name]), views, own, tune, costs, abort)

    small_ms = costs.by_passes(SMALL, answers.passes)
    own = (float(small_ms.mean()), costs.behind_for(name, everyone))
    plain = built(answers.answered, tune.behind[name].right, own, None)
    start = plain.tune.plan(promise, plain.otherwise_ms).start
    stops = route(plain.tune.views, plain.tune.settings[start]).stops == 0
    own = (own[0], costs.behind_for(name, ~stops))
    beginnings = [
        _beginning(tokens, begun, float(costs.beginning[tokens].mean())) for tokens, begun in tune.begun.items()
    ]
    alone_ms = float(costs.alone[name].mean())
    abort = cheapest_abort(beginnings, stops, cost_ms=small_ms, behind_ms=own[1], alone_ms=alone_ms)
    if abort is None:
        return built(answers.answered, tune.behind[name].right, own, None)
    begun = tune.begun[abort.tokens]
    given_up = _given_up(abort, begun)
    begun_ms = float(costs.beginning[abort.tokens].mean())
    undrafted = given_up[given_up | ~stops].mean()  # of what goes on
    own = (
        float(np.where(given_up, begun_ms, small_ms).mean()),
        float(undrafted * alone_ms + (1 - undrafted) * costs.behind_for(name, ~stops & ~given_up)),
    )
    right = tune.behind[name].right.copy()
    rows = np.flatnonzero(given_up).tolist()
    if name != REFERENCE:
        right[rows] = trial.answers(name, [tune.rows[row] for row in rows], [begun[row] for row in rows]).right
    return built(answers.answered & ~given_up, right, own, abort)


def _ladder(
    rules: tuple[PathRule, ...],
    views: Sequence[PathView],
    own: Sequence[float],
    tune: TuneAnswers,
    costs: Costs,
    abort: EarlyAbort | None = None,
) -> Ladder:
    """`own`: cost of each path; the rules get their sums."""
    totals = np.cumsum(own)
    rules = tuple(replace(rule, cost_ms=float(total)) for rule, total in zip(rules, totals, strict=True))
    chain = build_chain(views, tune.reference_right, np.array(own))
    return Ladder(
        rules=rules,
        abort=abort,
        costs=np.array(own),
        tune=ChainOnTune(chain, views, tune.reference_right, totals, rules[-1].name == REFERENCE),
        otherwise_ms=float(costs.alone[REFERENCE].mean()),
    )


def _stop_score(trial: Trial, tune: TuneAnswers) -> tuple[PathRule, Floats]:
    """The small model's rule, and its cross-fitted stop scores (rows,)."""
    answers = tune.alone[SMALL]
    features, used = trial.features(answers), answers.answered
    harm = tune.reference_right & ~answers.right
    weights = np.ones(len(harm))
    coefficients, intercept = fit_stop_score(features[used], harm[used], weights[used], _TOTAL, _SIGNS)
    scores = cross_fitted_scores(features, harm, weights, used, _TOTAL, _SIGNS)
    rule = replace(trial.rules[SMALL], coefficients=tuple(coefficients.tolist()), intercept=intercept)
    return rule, scores


def _begun(trial: Trial, rows: Sequence[Row], tokens: int) -> list[Decoded]:
    return on_all_cores(lambda row: trial.answer(SMALL, row.text, tokens=tokens), rows)


def _beginning(tokens: int, begun: Sequence[Decoded], cost_ms: float = 0.0) -> Beginning:
    # An answer with fewer tokens than that has ended, or has come to its longest.
    whole = [answer.ended or len(answer.log_probabilities) < tokens for answer in begun]
    return Beginning(tokens, _doubt(tokens, begun), np.array(whole, dtype=bool), cost_ms)


def _doubt(tokens: int, begun: Sequence[Decoded]) -> Floats:
    return np.array(
        [first_doubt(answer.log_probabilities, tokens) if answer.log_probabilities else 0.0 for answer in begun]
    )


def _given_up(abort: EarlyAbort, begun: Sequence[Decoded]) -> Flags:
    return abort.gives_up(_beginning(abort.tokens, begun))


def _drafts(whole: Sequence[Decoded], begun: Sequence[Decoded] | None, given_up: Flags) -> list[Decoded]:
    if begun is None:
        return list(whole)
    return [part if gone else full for full, part, gone in zip(whole, begun, given_up, strict=True)]


def _last_view(answers: Answers) -> PathView:
    count = len(answers.right)
    return PathView(np.zeros(count), np.ones(count, dtype=bool), answers.right)
