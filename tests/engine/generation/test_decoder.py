"""Steps and greedy decoding: the same tokens however they are read."""

import threading
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BundleError
from engine.generation.decoder import Decoder
from engine.generation.decoding import Decoded, decode
from tests.tiny_decoder import TinyDecoders

PROMPT = [1, 40, 50, 60, 70, 80, 2]
NEVER = frozenset({-1})


class Given:
    """Drafts the rest of a given answer, wrong at some places."""

    def __init__(self, answer: list[int], wrong_every: int, most: int) -> None:
        self.answer = [0 if place % wrong_every == wrong_every - 1 else token for place, token in enumerate(answer)]
        self.most = most

    def draft(self, tokens) -> list[int]:
        return self.answer[len(tokens) : len(tokens) + self.most]


def answer(decoder: Decoder, prompt: list[int] = PROMPT, tokens: int = 24, **options) -> Decoded:
    options = {"end_ids": NEVER} | options
    with decoder.request(prompt, tokens) as (state, past):
        *_, last = decode(state, prompt, max_new_tokens=tokens, past=past, **options)
    return last


@pytest.fixture(scope="module")
def decoder(tiny_decoders: TinyDecoders) -> Decoder:
    return Decoder(tiny_decoders.full)


@pytest.fixture(scope="module")
def greedy(decoder: Decoder) -> Decoded:
    return answer(decoder)


def test_greedy_decoding_gives_pytorchs_tokens(greedy: Decoded, tiny_decoders: TinyDecoders) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_pretrained(tiny_decoders.full_model).eval()
    said = network.generate(
        torch.tensor([PROMPT]), do_sample=False, max_new_tokens=24, eos_token_id=None, pad_token_id=0
    )[0].tolist()
    assert greedy.tokens == said[len(PROMPT) :]
    with torch.no_grad():
        rows = network(torch.tensor([said])).logits[0].log_softmax(-1)
    expected = [float(rows[len(PROMPT) - 1 + place, token]) for place, token in enumerate(greedy.tokens)]
    assert greedy.log_probabilities == pytest.approx(expected, abs=1e-3)


def test_greedy_decoding_gives_onnxruntime_genais_tokens(greedy: Decoded, tiny_decoders: TinyDecoders) -> None:
    import onnxruntime_genai

    model = onnxruntime_genai.Model(str(tiny_decoders.full))
    parameters = onnxruntime_genai.GeneratorParams(model)
    parameters.set_search_options(max_length=len(PROMPT) + 24, min_length=len(PROMPT) + 24, do_sample=False)
    generator = onnxruntime_genai.Generator(model, parameters)
    generator.append_tokens(np.array(PROMPT, dtype=np.int32))
    while not generator.is_done():
        generator.generate_next_token()
    assert greedy.tokens == generator.get_sequence(0)[len(PROMPT) :].tolist()


@pytest.mark.parametrize(("wrong_every", "most"), [(100, 8), (3, 5), (1, 4), (2, 30)])
def test_drafts_change_the_passes_and_never_the_answer(decoder, greedy, wrong_every: int, most: int) -> None:
    drafted = answer(decoder, drafter=Given(greedy.tokens, wrong_every, most))
    assert drafted.tokens == greedy.tokens
    assert drafted.log_probabilities == pytest.approx(greedy.log_probabilities, abs=1e-4)
    assert drafted.accepted <= drafted.drafted
    assert drafted.passes == 24 - drafted.accepted
    if wrong_every > 1:
        assert drafted.passes < greedy.passes == 24


def test_an_end_token_ends_the_answer(decoder: Decoder, greedy: Decoded) -> None:
    end = greedy.tokens[5]
    first = greedy.tokens.index(end)
    for drafter in (None, Given(greedy.tokens, 100, 12)):
        short = answer(decoder, end_ids=frozenset({end}), drafter=drafter)
        assert short.ended
        assert short.tokens == greedy.tokens[:first]
        assert len(short.log_probabilities) == first + 1


def test_no_more_tokens_are_made_than_wanted(decoder: Decoder, greedy: Decoded) -> None:
    for wanted in (1, 2, 7):
        short = answer(decoder, tokens=wanted, drafter=Given(greedy.tokens, 100, 30))
        assert short.tokens == greedy.tokens[:wanted]
        assert not short.ended


def test_a_prefix_is_read_once_and_changes_nothing(tiny_decoders: TinyDecoders, greedy: Decoded) -> None:
    decoder = Decoder(tiny_decoders.full, prefix=PROMPT[:3])
    for _ in range(2):
        assert answer(decoder).tokens == greedy.tokens
        other = [7, *PROMPT]  # does not start with the prefix
        assert answer(decoder, other).tokens == answer(Decoder(tiny_decoders.full), other).tokens


def test_a_caller_may_stop_early_and_the_next_request_is_not_touched(decoder: Decoder, greedy: Decoded) -> None:
    prompt = [1, 99, 98, 97, 2]
    with decoder.request(prompt, 20) as (state, _):
        first = next(decode(state, prompt, end_ids=NEVER, max_new_tokens=20))
        assert len(first.tokens) == 1
    assert answer(decoder).tokens == greedy.tokens


def test_threads_do_not_touch_each_other(decoder: Decoder, greedy: Decoded) -> None:
    prompts = [[1, *range(30 + number, 40 + number), 2] for number in range(8)]
    alone = [answer(decoder, prompt).tokens for prompt in prompts]
    together: dict[int, list[list[int]]] = {number: [] for number in range(8)}

    def work(number: int) -> None:
        together[number].extend(answer(decoder, prompts[number]).tokens for _ in range(4))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(together[number] == [alone[number]] * 4 for number in range(8))


def test_a_folder_without_a_decoder_is_a_bundle_error(tmp_path: Path, tiny_decoders: TinyDecoders) -> None:
    with pytest.raises(BundleError, match="cannot open it"):
        Decoder(tmp_path)
    for name in ("decoder.onnx", "model.onnx.data"):
        (tmp_path / name).write_bytes((tiny_decoders.small / name).read_bytes())
    with pytest.raises(BundleError, match=r"genai_config\.json: not a decoder's configuration"):
        Decoder(tmp_path)
