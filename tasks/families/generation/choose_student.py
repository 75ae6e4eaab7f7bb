"""Choose the ladder's first path: every smaller model earns its place on tune and on the target, or is dropped.

It need not be as right as the full model, since the router sends on what it doubts. It must pay: by itself, and then the full
model for every answer that it gets wrong, it costs less than the full model for all. So what it may lose is not a fixed
budget but all that still pays, and the exact paired test has to show that it loses less. Of two, the cheaper such ladder.
Where time settles nothing the student is not dropped: it is the first path of one of the ladders that calibration weighs.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.generation.phrases import Phrases
from tasks.artifact import Artifact, Workspace
from tasks.data.completions import Correctness
from tasks.data.rows import Row, read_rows
from tasks.families.generation.decoders.answers import Answers
from tasks.families.generation.decoders.building import decoder_size_mb
from tasks.families.generation.decoders.greedy import GreedyDecoder
from tasks.families.generation.decoders.ways import both_ways, drafted, with_drafts
from tasks.families.generation.records import (
    CompletionScores,
    DecoderExport,
    GenerationFineTuneResult,
    StudentChoice,
    StudentResult,
)
from tasks.families.generation.roles import FULL, PHRASE_ROWS, settings_of
from tasks.families.generation.routing.phrases import phrases_of
from tasks.recipe.target import Target
from tasks.records import SnapshotResult, Technique
from tasks.techniques import Limits, Measured, judge
from tasks.timing.speed import AS_FAST, Blocks, Speed, compare_speed, faster_of
from tasks.timing.stopwatch import Budget, Stopwatch, Timed

PARENT: Final = "fp32"
"""What the full model is called beside its precisions."""
TIMED_ROWS: Final = 48
PARITY_ROWS: Final = 16
_LEAST_BUDGET: Final = 1e-3
_LEAST_MS: Final = 1e-3
Floats = NDArray[np.float64]


def choose_student(
    snapshot: Artifact[SnapshotResult],
    fine_tuned: Artifact[GenerationFineTuneResult],
    full: Artifact[DecoderExport],
    students: Mapping[str, Artifact[StudentResult]],
    exports: Mapping[str, Artifact[DecoderExport]],
    *,
    confidence: float,
    correct: Correctness,
    max_new_tokens: int,
    target: Target,
    workspace: Workspace,
) -> StudentChoice:
    """`full`: the exported full model; `students`, `exports`: by method. All in fp32, as they answer greedily."""
    rows = read_rows(snapshot, "tune")
    settings = settings_of({FULL: fine_tuned}, correct, max_new_tokens)
    workspace.progress("phrases of the training rows", 0.0)
    folders = {PARENT: full.folder / full.result.folder}
    folders |= {name: export.folder / export.result.folder for name, export in exports.items()}
    decoders = {name: GreedyDecoder.open(folder, settings, target) for name, folder in folders.items()}
    phrases = phrases_of(decoders[PARENT], read_rows(snapshot, "train")[:PHRASE_ROWS])
    scores: dict[str, CompletionScores] = {name: student.result.tune for name, student in students.items()}
    scores[PARENT] = fine_tuned.result.tune
    workspace.progress(f"greedy answers to {len(rows)} tune rows", 0.2)
    # In fp32 drafts change no answer, only the number of passes.
    answered = {
        name: Answers.of(decoder, rows, decoder.answers(rows, with_drafts(decoder, phrases)), correct)
        for name, decoder in decoders.items()
    }
    workspace.progress("times on the target", 0.6)
    watch = Stopwatch.of(target, workspace.progress)
    speeds = _speeds(decoders, answered, phrases, rows, watch)
    measured = {
        name: Measured(name, own.right, decoder_size_mb(folders[name]), scores[name].perplexity)
        for name, own in answered.items()
    }
    verdicts = [
        judged(
            measured[name],
            measured[PARENT],
            speeds[name],
            agreement=answered[name].agreement(answered[PARENT]),
            parity=_parity(decoders[name], decoders[PARENT], rows[:PARITY_ROWS]),
            confidence=confidence,
        )
        for name in students
    ]
    return choice_of(verdicts).model_copy(update={"provisional": watch.doubts(verdicts)})


def choice_of(tried: Sequence[Technique]) -> StudentChoice:
    """Of those that pay, or may, the one whose ladder is expected to cost least; the others are dropped because of it.

    One that pays comes before one that may, and of ladders that cost as much the first: no noise decides between them.
    """
    able = [each for each in tried if each.kept] or [each for each in tried if each.undecided]
    least = min(map(expected_ms, able), default=0.0)
    best = next((each for each in able if expected_ms(each) <= least * AS_FAST), None)
    techniques = [
        each.model_copy(
            update={"kept": False, "undecided": False, "reason": f"dropped: {best.name} costs no more; {_costs(each)}"}
        )
        if best is not None and each.stays and each is not best
        else each
        for each in tried
    ]
    return StudentChoice.model_validate({"chosen": best.name if best else None, "techniques": techniques})


def expected_ms(student: Technique) -> float:
    """Of an answer by the student, and by the full model where the student's is wrong."""
    return student.mean_ms + (1 - student.accuracy) * student.parent_mean_ms


def judged(
    own: Measured, parent: Measured, speed: Speed, *, agreement: float, parity: float, confidence: float
) -> Technique:
    """A student against the full model: kept where its ladder pays, undecided where only time could not tell."""
    # The ladder costs less than the full model alone while the student is wrong on less than 1 - own / parent of the rows.
    # While time is open it has to be less than what would pay at best: whether it does is weighed by the ladders' costs.
    share = 1 / speed.ratio.high if speed.answer is None else 1 / speed.ratio.value
    still_pays = 1 - share - float(1 - parent.right.mean())
    limits = Limits(max(_LEAST_BUDGET, still_pays), confidence)
    found = judge(own.name, own, parent, speed, parity=parity, agreement=agreement, limits=limits)
    kept = f"kept: {speed.ratio.value:.2f}x faster{speed.by}"
    reason = kept if found.kept else f"undecided: {speed.sentence}" if found.undecided else found.reason
    return found.model_copy(update={"reason": f"{reason}; {_costs(found)}"})


def _costs(student: Technique) -> str:
    return (
        f"{student.mean_ms:.3g} ms, and the full model's {student.parent_mean_ms:.3g} ms for the "
        f"{1 - student.accuracy:.1%} that it gets wrong, are {expected_ms(student):.3g} ms an answer"
    )


def _speeds(
    decoders: Mapping[str, GreedyDecoder],
    answered: Mapping[str, Answers],
    phrases: Phrases,
    rows: Sequence[Row],
    watch: Stopwatch,
) -> dict[str, Speed]:
    """Of every student against the full model, over all rows, each in the faster of its two ways."""
    numbers = np.arange(0, len(rows), -(-len(rows) // TIMED_ROWS))
    prompts = [decoders[PARENT].prompt(rows[number].text) for number in numbers.tolist()]

    def blocks(timed: Timed, name: str) -> Blocks:
        own = answered[name]
        plain = {clock: over_all_rows(ms, own.tokens, numbers) for clock, ms in timed.times(name).items()}
        with_phrases = timed.times(drafted(name))
        return faster_of(plain, {clock: over_all_rows(ms, own.passes, numbers) for clock, ms in with_phrases.items()})

    def compared(timed: Timed) -> dict[str, Speed]:
        parent = blocks(timed, PARENT)
        return {
            name: compare_speed(parent, blocks(timed, name), disturbed=timed.disturbed)
            for name in decoders
            if name != PARENT
        }

    def settled(timed: Timed) -> bool:
        return all(speed.answer is not None for speed in compared(timed).values())

    runs = both_ways(decoders, phrases)
    return compared(watch.interleaved("the times of the students", runs, prompts, Budget(), settled))


def over_all_rows(times: Floats, passes: NDArray[np.int64], numbers: NDArray[np.int64]) -> Floats:
    """(blocks,) means over all rows, by a line through the timed ones, (blocks, timed), in each block.

    `passes`: of all rows, (rows,); `numbers`: which were timed. Students differ in how often an answer runs on to the longest
    allowed: such rows are rare and dear, so how many of them are among the timed ones would decide.
    """
    timed = passes[numbers]
    spread = timed - timed.mean()
    per_pass = np.maximum(times @ spread / (spread @ spread), 0) if spread.any() else np.zeros(len(times))
    means: Floats = np.maximum(times.mean(axis=1) + per_pass * (passes.mean() - timed.mean()), _LEAST_MS)
    return means


def _parity(own: GreedyDecoder, parent: GreedyDecoder, rows: Sequence[Row]) -> float:
    """Largest difference of the log-probabilities behind tokens of gold completions."""
    furthest = 0.0
    for row in rows:
        with own.predicted(row) as ours, parent.predicted(row) as theirs:
            furthest = max(furthest, float(np.abs(ours - theirs).max()) if len(ours) else 0.0)
    return furthest
