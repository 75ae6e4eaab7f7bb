"""Ask a model the probes: each alone, then all of them in one batch with rows whose answers are known.

Each is answered with finite numbers or gets an error of its own; the batch changes no answer.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from engine import AdaptiveModel, Prediction
from engine.errors import EngineError
from engine.tokenization import well_formed
from tasks.probes.texts import Probe, probes_for
from tasks.records import ProbeOutcome

BATCH: Final = "a batch of all probes and golden rows"
_GOLDEN: Final = "a golden row"
_TOKENS: Final = 4
"""Of a completion: it is the prompt that is probed."""
_TOLERANCE: Final = 1e-3
"""Of a confidence, as where the golden set is replayed: rows that share a run are summed in another order."""
_SHOWN: Final = 200

Announce = Callable[[str, int], None]
"""Told what is asked next, and how many tokens it has."""


def model_probes(model: AdaptiveModel) -> tuple[Probe, ...]:
    """The probes of this model's tokenizer and limit."""
    return probes_for(model.count_tokens, model.input_limit, model.added_tokens)


def probe_model(
    model: AdaptiveModel,
    golden: Sequence[str] = (),
    *,
    announce: Announce = lambda _name, _tokens: None,
    found: Callable[[ProbeOutcome], None] = lambda _outcome: None,
) -> tuple[ProbeOutcome, ...]:
    """What becomes of every probe, and of the batch of them all with the texts of `golden`, which must be answered.

    `found` is told each outcome as it comes.
    """
    outcomes: list[ProbeOutcome] = []

    def keep(outcome: ProbeOutcome) -> None:
        outcomes.append(outcome)
        found(outcome)

    probes = [*model_probes(model), *(Probe(_GOLDEN, text, must_answer=True) for text in golden)]
    alone: list[Prediction | None] = []
    for probe in probes:
        announce(probe.name, probe.tokens)
        try:
            (answer,) = _asked(model, [probe.text])
        except Exception as error:  # noqa: BLE001 - to find what is raised, of whatever kind, is what a probe is for
            alone.append(None)
            keep(ProbeOutcome(name=probe.name, problem=f"ends the request ({_shown(error)})"))
            continue
        alone.append(answer)
        outcome = ProbeOutcome(name=probe.name, error=_own_error(answer), problem=_problem(probe, answer))
        if probe.name != _GOLDEN or outcome.problem:
            keep(outcome)
    announce(BATCH, sum(probe.tokens for probe in probes))
    keep(ProbeOutcome(name=BATCH, problem=_batch_problem(model, probes, alone)))
    return tuple(outcomes)


def _asked(model: AdaptiveModel, texts: Sequence[Any]) -> Sequence[Prediction]:
    wishes: dict[str, Any] = {"max_new_tokens": min(_TOKENS, model.input_limit)} if model.writes_text else {}
    return model.predict(texts, **wishes)


def _problem(probe: Probe, answer: Prediction) -> str | None:
    if answer.error is not None:
        if answer.label is not None or answer.path:
            return "has both an answer and an error"
        return f"must be answered, and is not ({_shown(answer.error)})" if probe.must_answer else None
    numbers = (answer.confidence, answer.out_of_scope_score, answer.cost_ms)
    if not all(math.isfinite(number) for number in numbers):
        return f"is answered with numbers that are not finite ({', '.join(f'{number:g}' for number in numbers)})"
    if answer.label is None and not answer.abstained:
        return "has neither an answer nor an error"
    return None


def _batch_problem(model: AdaptiveModel, probes: Sequence[Probe], alone: Sequence[Prediction | None]) -> str | None:
    """The row that is no text stands in the midst, and the first of its neighbours that it or another changes is named."""
    texts: list[Any] = [probe.text for probe in probes]
    middle = len(texts) // 2
    try:
        answers = list(_asked(model, [*texts[:middle], None, *texts[middle:]]))
    except Exception as error:  # noqa: BLE001 - see above
        return f"ends the request ({_shown(error)})"
    if len(answers) != len(texts) + 1:
        return f"has {len(answers)} answers to {len(texts) + 1} rows"
    if answers.pop(middle).error is None:
        return "answers a row that is no text"
    for probe, own, together in zip(probes, alone, answers, strict=True):
        if own is not None and not _same(own, together):
            return f"changes the answer to {probe.name}"
    return None


def _same(one: Prediction, other: Prediction) -> bool:
    if (one.label, one.path, one.abstained) != (other.label, other.path, other.abstained):
        return False
    if (one.error is None) != (other.error is None):
        return False
    return one.error is not None or abs(one.confidence - other.confidence) <= _TOLERANCE


def _own_error(answer: Prediction) -> str | None:
    return None if answer.error is None else _shown(answer.error.removeprefix("row 0: "))


def _shown(error: Exception | str) -> str:
    name = "" if isinstance(error, str | EngineError) else f"{type(error).__name__}: "
    return well_formed(name + " ".join(str(error).split()))[:_SHOWN]
