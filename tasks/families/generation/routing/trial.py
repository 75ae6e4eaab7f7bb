"""The decoders that a ladder may be made of, opened for calibration: what each answers on a split, as it would serve."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.bundle import FORMAT, Manifest, PathEntry
from engine.generation import TASK
from engine.generation.confidence import features
from engine.generation.decoding import Decoded
from engine.generation.drafters import drafter_of
from engine.generation.model import DECODER, GenerationModel
from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings
from engine.generation.router import GenerationRouter, OperatingPoint, PathRule, Step
from engine.generation.validity import validity_of
from tasks.data.completions import Correctness
from tasks.data.rows import Row
from tasks.families.generation.decoders.answers import Answers
from tasks.families.generation.decoders.greedy import GreedyDecoder, on_all_cores


@dataclass(frozen=True)
class Trial:
    """`paths`: by name, cheapest first, of one tokenizer and the same settings. Behind another one means behind the first.

    `rules` say how each is drafted for where it runs first, `rules_behind` where it runs behind another one.
    """

    paths: Mapping[str, GreedyDecoder]
    rules: Mapping[str, PathRule]
    rules_behind: Mapping[str, PathRule]
    phrases: Phrases
    manifest: Manifest
    correct: Correctness

    @classmethod
    def of(cls, paths: Mapping[str, GreedyDecoder], phrases: Phrases, correct: Correctness) -> "Trial":
        """Each path token by token; see drafts for what is faster."""
        manifest = Manifest(
            format=FORMAT,
            name="trial",
            labels=(),
            out_of_scope_label=None,
            max_length=min(path.decoder.context_length for path in paths.values()),
            paths=tuple(PathEntry(path, DECODER, path) for path in paths),
            runtime={},
            reference_digest="",
            files={},
            task=TASK,
        )
        rules = {path: PathRule(path, cost_ms=0.0) for path in paths}
        return cls(paths, rules, rules, phrases, manifest, correct)

    @property
    def settings(self) -> GenerationSettings:
        """What all paths keep to."""
        return self.smallest.settings

    @property
    def smallest(self) -> GreedyDecoder:
        """The first path."""
        return next(iter(self.paths.values()))

    def answer(self, name: str, text: str, before: Decoded | None = None, tokens: int | None = None) -> Decoded:
        """One path's answer to a prompt; `before`: what the path before it answered. `tokens`: see GreedyDecoder."""
        path = self.paths[name]
        prompt = path.prompt(text)
        if not prompt:
            return Decoded()
        rule = self.rules[name] if before is None else self.rules_behind[name]
        smaller = None if before is None else self.smallest.decoder
        with drafter_of(rule, self.phrases, prompt, before, smaller, path.most_tokens(prompt)) as drafter:
            return path.answer(prompt, drafter, tokens)

    def answers(self, name: str, rows: Sequence[Row], before: Sequence[Decoded] | None = None) -> Answers:
        """One path's answers to all rows, on all cores; `before`: of the path before it."""
        drafts: Sequence[Decoded | None] = before if before is not None else [None] * len(rows)
        pairs = list(zip(rows, drafts, strict=True))
        decoded = on_all_cores(lambda pair: self.answer(name, pair[0].text, pair[1]), pairs)
        return Answers.of(self.paths[name], rows, decoded, self.correct)

    def plain(self, name: str, rows: Sequence[Row]) -> Answers:
        """One path's answers without drafts."""
        path = self.paths[name]
        return Answers.of(path, rows, path.answers(rows), self.correct)

    def features(self, answers: Answers) -> NDArray[np.float64]:
        """(rows, features) of answers, zeros where there is none."""
        valid = validity_of(self.settings)
        nothing = (0.0,) * len(features([0.0], ended=False, valid=False))
        return np.array(
            [
                features(answer.log_probabilities, ended=answer.ended, valid=valid(text))
                if answer.log_probabilities
                else nothing
                for answer, text in zip(answers.decoded, answers.texts, strict=True)
            ]
        )

    def model(self, *names: str) -> GenerationModel:
        """The engine as it runs these paths one behind the other, the last of which answers; to be timed."""
        first, *others = names
        rules = (self.rules[first], *(self.rules_behind[name] for name in others))
        point = OperatingPoint("timed", 0.0, tuple(Step(name) for name in names))
        path = self.paths[first]
        return GenerationModel(
            self.manifest,
            path.settings,
            path.prompts,
            {name: self.paths[name].decoder for name in names},
            GenerationRouter(rules, {point.name: point}, point.name),
            self.phrases,
            digest="",
        )

    def with_rule(self, rule: PathRule, *, behind: bool = False) -> "Trial":
        """The same with another rule for one path, where it runs first or behind another one."""
        if behind:
            return replace(self, rules_behind={**self.rules_behind, rule.name: rule})
        return replace(self, rules={**self.rules, rule.name: rule})
