"""A smaller model drafts on from whatever has been answered, and what it drafts changes no answer."""

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.adaptive_model import AdaptiveModel
from engine.bundle import read_manifest, write_manifest
from engine.generation import model_drafting
from engine.generation.decoder import Decoder
from engine.generation.decoding import Decoded, decode
from engine.generation.model_drafting import ModelDrafter
from engine.generation.router import GenerationRouter
from tests.tiny_decoder import PROMPTS, TinyDecoders

PROMPT = [1, 40, 50, 60, 70, 80, 2]
NEVER = frozenset({-1})


@pytest.fixture(scope="module")
def small(tiny_decoders: TinyDecoders) -> Decoder:
    return Decoder(tiny_decoders.small)


@pytest.fixture(scope="module")
def full(tiny_decoders: TinyDecoders) -> Decoder:
    return Decoder(tiny_decoders.full)


@pytest.fixture(autouse=True)
def however_unlikely(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny models' weights are by chance, so that hardly a token is likely."""
    monkeypatch.setattr(model_drafting, "LEAST_LIKELY", -math.inf)


def greedy(decoder: Decoder, prompt: list[int], tokens: int, end_ids: frozenset[int] = NEVER) -> Decoded:
    with decoder.request(prompt, tokens) as (state, past):
        *_, last = decode(state, prompt, end_ids=end_ids, max_new_tokens=tokens, past=past)
    return last


def test_it_drafts_what_the_model_says_behind_any_answer(small: Decoder) -> None:
    with small.request(PROMPT, 24) as (state, past):
        drafter = ModelDrafter(state, past, PROMPT, 5, NEVER)
        for tokens in ([], [33], [33, 44, 55], [33, 41], [90, 91, 92, 93, 94, 95]):
            assert drafter.draft(tokens) == greedy(small, PROMPT + tokens, 5).tokens


def test_a_draft_ends_with_the_end_token(small: Decoder) -> None:
    end = greedy(small, PROMPT, 5).tokens[2]
    with small.request(PROMPT, 24) as (state, past):
        assert ModelDrafter(state, past, PROMPT, 5, frozenset({end})).draft([])[-1] == end


def test_an_unlikely_token_is_not_drafted(small: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    said = greedy(small, PROMPT, 6)
    least = sum(said.log_probabilities[:3])
    monkeypatch.setattr(model_drafting, "LEAST_LIKELY", least - 1e-3)
    with small.request(PROMPT, 24) as (state, past):
        assert ModelDrafter(state, past, PROMPT, 6, NEVER).draft([]) == said.tokens[:3]


def test_no_more_is_read_than_the_buffers_hold(small: Decoder) -> None:
    with small.request(PROMPT, 24) as (state, past):
        room = state.capacity - len(PROMPT)
        drafter = ModelDrafter(state, past, PROMPT, 9, NEVER)
        assert len(drafter.draft([40] * (room - 3))) == 4
        assert drafter.draft([40] * (room + 1)) == []


def test_what_is_drafted_changes_no_token(small: Decoder, full: Decoder) -> None:
    alone = greedy(full, PROMPT, 24)
    with full.request(PROMPT, 24) as (state, past), small.request(PROMPT, 24) as (smaller, read):
        drafter = ModelDrafter(smaller, read, PROMPT, 4, NEVER)
        *_, last = decode(state, PROMPT, end_ids=NEVER, max_new_tokens=24, past=past, drafter=drafter)
    assert last.tokens == alone.tokens
    assert last.drafted > 0


def test_the_engine_answers_alike_with_and_without_it(tiny_generation_bundle: Path, tmp_path: Path) -> None:
    plain = AdaptiveModel.load(tiny_generation_bundle)
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_generation_bundle, bundle)
    router = GenerationRouter.load(bundle)
    small, full = router.rules
    replace(router, rules=(small, replace(full, redraft_tokens=4))).save(bundle)
    write_manifest(bundle, read_manifest(bundle))
    redrafting = AdaptiveModel.load(bundle)
    for point in ("draft", "abort"):
        before, after = (model.predict(PROMPTS, operating_point=point, detail=True) for model in (plain, redrafting))
        assert [answer.text for answer in before] == [answer.text for answer in after]
        assert sum(answer.detail[-1].drafted for answer in after) > sum(answer.detail[-1].drafted for answer in before)
