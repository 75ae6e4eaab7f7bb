"""What a decoder's buffers take: as much as the request needs, and what is kept for the next one has a bound."""

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from engine.generation.decoder import Decoder
from engine.generation.decoding import decode
from engine.generation.state import State
from tests.tiny_decoder import TinyDecoders

PROMPT = [1, 40, 50, 60, 70, 80, 2]
CONTEXT = 1000
VOCABULARY = 360


@pytest.fixture
def decoder(tiny_decoders: TinyDecoders) -> Decoder:
    """As if its context were longer: its buffers do not know."""
    decoder = Decoder(tiny_decoders.full)
    decoder.context_length = CONTEXT
    return decoder


def state_for(decoder: Decoder, tokens: int) -> State:
    with decoder.request(PROMPT, tokens - len(PROMPT)) as (state, _):
        return state


def test_the_log_probabilities_of_all_sizes_of_passes_share_one_buffer(decoder: Decoder) -> None:
    state = state_for(decoder, 100)
    empty = state.bytes
    for rows in (1, 2, 3, 4, 5, 6, 7, 6, 5, 1):
        state.read(PROMPT, 0, rows)
    assert state.bytes - empty == 7 * VOCABULARY * 4 + len(PROMPT) * 8


def test_what_a_pass_says_does_not_depend_on_the_passes_before_it(decoder: Decoder) -> None:
    alone = state_for(decoder, 100).read(PROMPT, 0, 3).copy()
    used = State(decoder.session, 128, decoder._shape)
    for rows in (1, 7, 2):
        used.read(PROMPT[:rows], 0, rows)
    assert np.array_equal(used.read(PROMPT, 0, 3), alone)


def test_no_state_has_more_room_than_the_context(decoder: Decoder) -> None:
    assert [state_for(decoder, tokens).capacity for tokens in (20, 257, 513, CONTEXT, CONTEXT + 1)] == [
        256,
        512,
        CONTEXT,
        CONTEXT,
        CONTEXT,
    ]


def test_the_smallest_state_that_has_room_is_used_again(decoder: Decoder) -> None:
    with ExitStack() as requests:
        for tokens in (900, 20, 400, 20):
            requests.enter_context(decoder.request(PROMPT, tokens))
    assert [state_for(decoder, tokens).capacity for tokens in (30, 257, 513)] == [256, 512, CONTEXT]
    assert len(decoder._free) == 4


def test_free_states_that_were_not_used_for_long_make_room_for_others(decoder: Decoder, monkeypatch) -> None:
    small = state_for(decoder, 20).bytes
    monkeypatch.setattr("engine.generation.decoder._MOST_FREE_BYTES", 3 * small)
    decoder._free.clear()
    with ExitStack() as requests:
        held = [requests.enter_context(decoder.request(PROMPT, 20))[0] for _ in range(4)]
    assert decoder._free == held[2::-1]  # the last of them was given back first
    large = state_for(decoder, 400)
    assert decoder._free == [held[0], large]


def test_a_state_that_is_too_large_to_keep_takes_no_others_place(decoder: Decoder, monkeypatch) -> None:
    kept = state_for(decoder, 20)
    monkeypatch.setattr("engine.generation.decoder._MOST_FREE_BYTES", kept.bytes * 2)
    assert state_for(decoder, 900).capacity == CONTEXT
    assert decoder._free == [kept]


def test_a_long_draft_is_checked_in_parts_where_its_log_probabilities_would_take_too_much(
    decoder: Decoder, monkeypatch
) -> None:
    def passes(state: State, past: int) -> Iterator[int]:
        for answer in decode(state, PROMPT, end_ids=frozenset({-1}), max_new_tokens=24, past=past, drafter=Again(said)):
            yield len(answer.tokens)

    class Again:
        def __init__(self, answer: list[int]) -> None:
            self.answer = answer

        def draft(self, tokens) -> list[int]:
            return self.answer[len(tokens) :]

    said: list[int] = []
    with decoder.request(PROMPT, 24) as (state, past):
        *_, answer = decode(state, PROMPT, end_ids=frozenset({-1}), max_new_tokens=24, past=past)
    said = answer.tokens
    with decoder.request(PROMPT, 24) as (state, past):
        assert list(passes(state, past)) == [24]
    monkeypatch.setattr("engine.generation.state.MOST_DRAFT_BYTES", 5 * VOCABULARY * 4)
    decoder._free.clear()
    with decoder.request(PROMPT, 24) as (state, past):
        assert list(passes(state, past)) == [5, 10, 15, 20, 24]
        assert state._rows.bytes == 5 * VOCABULARY * 4
