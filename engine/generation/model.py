"""The generation engine: for each prompt the cheapest decoder whose answer suffices, by the certified router of its bundle."""

import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from engine.adaptive_model import AdaptiveModel
from engine.bundle import TOKENIZER_FILE, Manifest, PathEntry, read_manifest
from engine.digests import folder_digest
from engine.errors import BundleError, InputError
from engine.generation.attempt import Attempt, Request, completion, confidence
from engine.generation.completion import Completion
from engine.generation.confidence import features, first_doubt
from engine.generation.decoder import Decoder
from engine.generation.decoding import Decoded, decode
from engine.generation.drafters import drafter_of
from engine.generation.golden import GoldenAnswer, GoldenRow, differs, log_probabilities, read_golden_rows
from engine.generation.guidance import SchemaGuide, checked_schema
from engine.generation.phrases import Phrases
from engine.generation.prompts import SETTINGS_FILE, GenerationSettings, PieceDecoder, PromptTokenizer
from engine.generation.router import GenerationRouter, OperatingPoint, PathRule, Step
from engine.generation.validity import validity_of
from engine.session import CPU

DECODER: Final = "decoder"


class GenerationModel(AdaptiveModel):
    """A loaded bundle of task text-generation. Thread-safe. Answers are greedy: the same prompt, the same answer."""

    writes_text: ClassVar[bool] = True
    uses: ClassVar[tuple[str, ...]] = ("llguidance",)

    def __init__(
        self,
        manifest: Manifest,
        settings: GenerationSettings,
        tokenizer: PromptTokenizer,
        decoders: dict[str, Decoder],
        router: GenerationRouter,
        phrases: Phrases,
        digest: str,
    ) -> None:
        """Use `AdaptiveModel.load`."""
        super().__init__(manifest, digest, router)
        self._settings = settings
        self._valid = validity_of(settings)
        self._prompts = tokenizer
        self._decoders = decoders
        self._routing = router
        self._rules = {rule.name: rule for rule in router.rules}
        self._phrases = phrases
        self._embeddings = min(decoder.vocabulary_size for decoder in decoders.values())

    @classmethod
    def open(
        cls,
        folder: Path,
        manifest: Manifest,
        digest: str,
        *,
        threads: int = 1,
        execution_provider: str = CPU,
        operating_point: str | None = None,
    ) -> "GenerationModel":
        """Open the decoders of a bundle whose files are verified."""
        settings = GenerationSettings.load(folder)
        tokenizer = PromptTokenizer(folder / TOKENIZER_FILE, settings)
        router = GenerationRouter.load(folder).with_default(operating_point)
        if [rule.name for rule in router.rules] != [entry.name for entry in manifest.paths]:
            raise BundleError(f"{folder}: the router's paths are not the manifest's")
        if any(entry.kind != DECODER for entry in manifest.paths):
            raise BundleError(f"{folder}: a generation bundle has paths of kind {DECODER} alone")
        decoders = {
            entry.name: Decoder(
                folder / entry.file,
                threads=threads,
                execution_provider=execution_provider,
                prefix=tokenizer.prefix_ids,
            )
            for entry in manifest.paths
        }
        try:
            return cls(manifest, settings, tokenizer, decoders, router, Phrases.load(folder), digest)
        except InputError as error:
            raise BundleError(f"{folder / SETTINGS_FILE}: {error}") from error

    @classmethod
    def router_in(cls, folder: Path) -> GenerationRouter:
        """The router of a generation bundle."""
        return GenerationRouter.load(folder)

    @classmethod
    def wishes_in(cls, folder: Path) -> dict[str, int | str | None]:
        """How long a completion may be, and the schema that it is made to keep to, as text."""
        return {"max_new_tokens": GenerationSettings.load(folder).max_new_tokens, "schema": None}

    @classmethod
    def static(cls, model: Path, folder: Path, *, threads: int = 1, execution_provider: str = CPU) -> "GenerationModel":
        """An exported decoder, token by token: without a router, and without drafts."""
        settings = GenerationSettings.load(folder)
        prompts = PromptTokenizer(folder / TOKENIZER_FILE, settings)
        decoder = Decoder(model, threads=threads, execution_provider=execution_provider, prefix=prompts.prefix_ids)
        name = model.name
        manifest = replace(read_manifest(folder), paths=(PathEntry(name, DECODER, name),))
        point = OperatingPoint(name, 0.0, (Step(name),))
        router = GenerationRouter((PathRule(name, cost_ms=0.0),), {name: point}, name)
        return cls(manifest, settings, prompts, {name: decoder}, router, Phrases.none(), folder_digest(model))

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the paths, cheapest first."""
        return tuple(self._decoders)

    @property
    def input_limit(self) -> int:
        """With room for one token of an answer."""
        return self.context_length - 1

    @property
    def added_tokens(self) -> tuple[str, ...]:
        """Of the tokenizer, in the order of their ids."""
        return self._prompts.added_tokens

    def count_tokens(self, text: str) -> int:
        """With what stands around a prompt."""
        return len(self._prompts.ids(text))

    @property
    def execution_providers(self) -> tuple[str, ...]:
        """The provider that each decoder really runs on first, without repetition."""
        return tuple(dict.fromkeys(decoder.session.get_providers()[0] for decoder in self._decoders.values()))

    @property
    def context_length(self) -> int:
        """Most tokens that a prompt and its answer may have together."""
        return min(decoder.context_length for decoder in self._decoders.values())

    def predict(
        self,
        texts: str | Sequence[str],
        *,
        max_new_tokens: int | None = None,
        operating_point: str | None = None,
        detail: bool = False,
        schema: object = None,
    ) -> list[Completion]:
        """One answer per prompt, in order. A prompt that cannot be asked gets an answer with `error`; the others are answered.

        `max_new_tokens`: None takes the bundle's; less are made where the context has no room for more. `detail`: say what
        every path that was run found. InputError where an argument is wrong.

        `schema`: a JSON schema that the answers keep to. An answer that is not `finished` does not keep to it as a whole: it
        was cut at `max_new_tokens`, or the tokenizer has no token for what would have to come. The certificate is about
        answers without a schema: its thresholds were calibrated on those, and the tokens that a schema forces are less
        likely, so that more of the answers go on to the last path.
        """
        if isinstance(texts, bytes | bytearray) or not isinstance(texts, str | Iterable):
            raise InputError(f"a prompt or a list of prompts is needed, not {type(texts).__name__}")
        point = self._routing.point(operating_point)
        most, guide = self._most(max_new_tokens), None if schema is None else checked_schema(schema)
        rows = [texts] if isinstance(texts, str) else list(texts)

        def answered(row: int) -> Completion:
            try:
                return self._routed(self._request(rows[row], most, guide), point, detail)
            except InputError as error:
                return _refused(f"row {row}: {error}")

        run = map if len(rows) == 1 or self.workers == 1 else self._threads().map
        return list(run(answered, range(len(rows))))

    def generate(
        self,
        prompt: str,
        *,
        max_new_tokens: int | None = None,
        operating_point: str | None = None,
        schema: object = None,
    ) -> Iterator[str]:
        """The answer in pieces, as `predict` would give it whole.

        InputError at once where the prompt cannot be asked; from the iterator where the model cannot be run with it.

        Nothing is taken back, so the first piece comes when it is certain which path answers. A path that may stop is judged
        by its whole answer, and that comes in one piece, if it stops; the last path's comes as it is made. Where the router
        hands on, the last path checks the draft that is there in its first pass, so its first piece is a long one. What is not
        sure is held back, such as a character of several tokens.
        """
        point = self._routing.point(operating_point)
        most, guide = self._most(max_new_tokens), None if schema is None else checked_schema(schema)
        return self._pieces(self._request(prompt, most, guide), point)

    def replay(self, file: Path) -> None:
        """Answer the stored golden set; BundleError where text or path differ, or the log-probabilities of an unsure answer."""
        for row in read_golden_rows(file):
            try:
                self._replay(row, file)
            except InputError as error:
                raise BundleError(f"{file}: {row.text[:60]!r} is not answered here ({error})") from error

    def golden_row(self, prompt: str, *, exact: bool) -> GoldenRow:
        """The answer to a prompt, to be replayed. InputError where it cannot be asked."""
        best, request = self._best(prompt, None)
        answer = GoldenAnswer(best.text, best.rule.name, confidence(best))
        if exact:
            return GoldenRow(prompt, self.operating_point, answer)
        decoder = self._decoders[best.rule.name]
        tokens = tuple(best.answer.tokens) + ((min(decoder.end_ids),) if best.answer.ended else ())
        found = log_probabilities(decoder, request.ids, tokens)
        return GoldenRow(prompt, self.operating_point, answer, exact=False, tokens=tokens, log_probabilities=found)

    def _replay(self, row: GoldenRow, file: Path) -> None:
        stored = row.answer
        if row.exact:
            best, _ = self._best(row.text, row.operating_point)
            if (best.text, best.rule.name) == (stored.label, stored.path):
                return
            found = (
                f"is answered {best.text!r} by {best.rule.name}, and was certified as {stored.label!r} by {stored.path}"
            )
        else:
            if stored.path not in self._decoders:
                raise BundleError(f"{file}: {row.text[:60]!r} was answered by {stored.path!r}, which is no path here")
            request = self._request(row.text, self._settings.max_new_tokens, None)
            given = log_probabilities(self._decoders[stored.path], request.ids, row.tokens)
            if not differs(row.log_probabilities, given):
                return
            found = "has a certified answer whose tokens are not as likely here"
        raise BundleError(
            f"{file}: {row.text[:60]!r} {found}; this machine or ONNX Runtime computes differently: recalibrate here"
        )

    def _best(self, prompt: str, operating_point: str | None) -> tuple[Attempt, Request]:
        request = self._request(prompt, self._settings.max_new_tokens, None)
        return self._attempts(request, self._routing.point(operating_point))[-1], request

    def _most(self, max_new_tokens: object) -> int:
        if max_new_tokens is None:
            return self._settings.max_new_tokens
        longest = self.context_length - 1
        if isinstance(max_new_tokens, bool) or not isinstance(max_new_tokens, int):
            raise InputError(f"max_new_tokens: a whole number is needed, not {max_new_tokens!r}")
        if not 1 <= max_new_tokens <= longest:
            raise InputError(
                f"max_new_tokens: {max_new_tokens} is not within 1 to {longest}; prompt and answer have room for "
                f"{self.context_length} tokens together"
            )
        return max_new_tokens

    def _request(self, prompt: object, most: int, schema: str | None) -> Request:
        started = time.perf_counter()
        ids = self._prompts.encode(prompt, self._embeddings)
        room = self.context_length - len(ids)
        if room < 1:
            raise InputError(f"the prompt has {len(ids)} tokens, and the model reads at most {self.context_length - 1}")
        return Request(ids, min(most, room), schema, started)

    def _routed(self, request: Request, point: OperatingPoint, detail: bool) -> Completion:
        return completion(request, self._attempts(request, point), detail)

    def _attempts(self, request: Request, point: OperatingPoint) -> list[Attempt]:
        """Of the paths that were run, in order; the last one answers."""
        attempts: list[Attempt] = []
        for step in point.steps:
            last = step is point.steps[-1]
            attempts.append(self._attempt(request, step, attempts[-1] if attempts else None, last))
            if attempts[-1].accepted:
                break
        return attempts

    def _pieces(self, request: Request, point: OperatingPoint) -> Iterator[str]:
        before: Attempt | None = None
        for step in point.steps[:-1]:
            before = self._attempt(request, step, before, last=False)
            if before.accepted:
                yield before.text
                return
        pieces = PieceDecoder(self._prompts)
        answer = Decoded()
        for answer in self._decoded(request, self._rules[point.steps[-1].path], before):
            if piece := pieces.piece(answer.tokens, final=False):
                yield piece
        if piece := pieces.piece(answer.tokens, final=True):
            yield piece

    def _attempt(self, request: Request, step: Step, before: "Attempt | None", last: bool) -> Attempt:
        """Run one path, to its end or until the early abort gives it up."""
        rule = self._rules[step.path]
        answer, first_token_at, aborted = Decoded(), 0.0, False
        abort = None if last else step.abort
        with closing(self._decoded(request, rule, before)) as passes:
            for answer in passes:
                first_token_at = first_token_at or time.perf_counter()
                if abort is not None and len(answer.log_probabilities) >= rule.early_tokens:
                    if first_doubt(answer.log_probabilities, rule.early_tokens) < abort:
                        aborted = not answer.ended
                        break
                    abort = None
        text = self._prompts.decode(answer.tokens)
        score = 0.0
        if not last:
            read = features(answer.log_probabilities, ended=answer.ended, valid=self._valid(text))
            score = rule.stop_score(read)
        accepted = last or (not aborted and step.stop is not None and score >= step.stop)
        return Attempt(rule, answer, text, score, aborted, accepted, first_token_at)

    def _decoded(self, request: Request, rule: PathRule, before: "Attempt | None") -> Generator[Decoded, None, None]:
        decoder = self._decoders[rule.name]
        guide = None if request.schema is None else SchemaGuide(request.schema, self._prompts, decoder.end_ids)
        draft = None if before is None else before.answer
        smaller = None if before is None else self._decoders[before.rule.name]
        with (
            decoder.request(request.ids, request.limit) as (state, past),
            drafter_of(rule, self._phrases, request.ids, draft, smaller, request.limit) as drafter,
        ):
            yield from decode(
                state,
                request.ids,
                end_ids=decoder.end_ids,
                max_new_tokens=request.limit,
                past=past,
                drafter=drafter,
                constraint=guide,
            )


def _refused(error: str) -> Completion:
    return Completion(None, 0.0, "", abstained=False, out_of_scope_score=0.0, cost_ms=0.0, error=error)
