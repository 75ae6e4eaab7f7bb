"""Text generation: what others decode with, and every certified operating point of ours, in one process run.

Run: python tests/benchmarks/generation.py RECIPE [--json FILE] [--schema FILE] [--require]

RECIPE is one of text generation, such as configs/function-calls.yaml. The bundle is made by the pipeline's own steps and kept
under MIAOTUI_HOME, so a second run only measures.

All contenders answer the same gate rows, one at a time with one thread, block by block in an order that rotates; `ratio` is the
baseline's mean over the row's own, the median over blocks with its 95 % interval, once against `generate` of transformers in fp32
and once against onnxruntime-genai's plain greedy decoding of the full model in int4 (its builder's defaults; in fp32 it is a
contender, too). Its generator is kept and rewound for every prompt, which takes a small part of the time that it takes with a new
one each, as its examples have it: that is a contender of its own. `p99 over`: the row's p99 over that of genai int4. `agreement`:
share of answers that are the fp32 model's own, by text. `loss`: the accuracy that an operating point of ours is certified to lose
at most. Optimum's contender is the same model exported with its KV cache, weight-only int4. `guided` is the bundle at its default
operating point with answers kept to a JSON schema, that of FILE or that of any object; its price is its mean over the same
point's without one, block by block.

`--require` also evaluates the bundle on all gate rows, and ends with exit code 3 and a line for each promise that is missed: the
default operating point is at least 8 times as fast as transformers and twice as fast as genai int4 (medians), its p99 is at
most 1.15 times genai's, and the full model answers at least 95 % of the gate rows right.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from engine import AdaptiveModel
from engine.bundle import TOKENIZER_FILE
from engine.generation.model import GenerationModel
from engine.generation.prompts import GenerationSettings, PromptTokenizer
from flows.make_bundle import MadeBundle
from tasks.benchmark.guided import GUIDED, guided
from tasks.data.completions import is_correct
from tasks.data.rows import Row, read_rows
from tasks.families.generation.decoder_precision import DecoderPrecision
from tasks.families.generation.decoders.building import DecoderBuild, build_decoders
from tasks.families.generation.recipe import TextGenerationRecipe
from tasks.families.load_recipe import load_recipe
from tasks.statistics.speed_ratio import paired_ratio
from tests.benchmarks.bundles import bundle_of, evaluation_of
from tests.benchmarks.generation_table import Measured, print_table

TRANSFORMERS = "transformers fp32"
GENAI = "genai int4"
GENAI_NEW = "genai int4, new"
GENAI_FP32 = "genai fp32"
OPTIMUM = "optimum int4"
OURS = "ours"
ANY_OBJECT = '{"type": "object"}'
"""The schema where nobody gives one: whatever answers are, they are JSON objects."""
OVER_TRANSFORMERS: Final = 8.0
OVER_GENAI: Final = 2.0
P99_OVER_GENAI: Final = 1.15
FULL_EXACT_MATCH: Final = 0.95
MISSED_PROMISE: Final = 3
Answer = Callable[[str], tuple[str, int]]
"""From a prompt to the completion and its number of tokens."""


def main() -> None:
    """Make or reuse the bundle, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path, metavar="RECIPE")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--blocks", type=int, default=8, help="interleaved blocks")
    parser.add_argument("--prompts", type=int, default=40, help="prompts per block")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="that guided answers keep to, in JSON")
    parser.add_argument("--require", action="store_true", help=f"exit with {MISSED_PROMISE} where a promise is missed")
    options = parser.parse_args()
    schema = options.schema.read_text(encoding="utf-8") if options.schema else ANY_OBJECT
    recipe = load_recipe(options.recipe).recipe
    if not isinstance(recipe, TextGenerationRecipe):
        sys.exit(f"{options.recipe}: not a recipe of text generation")
    made = bundle_of(options.recipe, "")
    rows = read_rows(made.snapshot, "gate")
    print(f"{len(rows)} gate rows; bundle {made.bundle}")
    with tempfile.TemporaryDirectory() as scratch:
        contenders = contenders_of(made, recipe, schema, Path(scratch))
        certified = {f"{OURS} {name}": loss for name, loss in certified_losses(made).items()}
        result = measure(contenders, rows, recipe.data.correct, options.blocks, options.prompts, certified)
    print_table(result)
    written: dict[str, Any] = {"rows": [asdict(row) for row in result]}
    missed = []
    if options.require:
        right = evaluation_of(options.recipe, made).reference_accuracy.value
        missed = missed_promises(result, f"{OURS} {made.router.result.operating_point}", right)
        written |= {"full_exact_match": right, "missed": missed}
    if options.json:
        options.json.write_text(json.dumps(written, indent=1), encoding="utf-8")
    for promise in missed:
        print(f"missed: {promise}")
    if missed:
        sys.exit(MISSED_PROMISE)


def certified_losses(made: MadeBundle) -> dict[str, float]:
    """By operating point: what it loses at most, where that is certified."""
    return {entry.operating_point: entry.epsilon for entry in made.router.result.certificates if entry.certified}


def missed_promises(rows: Sequence[Measured], default: str, full_exact_match: float) -> list[str]:
    """One line for each; `default`: name of the row that the promises are about, `full_exact_match`: on all gate rows."""
    own = next(row for row in rows if row.name == default)
    transformers, genai = own.over_transformers[0], own.over_genai[0]
    kept = {
        f"{default} is {transformers:.2f}x over {TRANSFORMERS}; at least {OVER_TRANSFORMERS:g}x is promised": (
            transformers >= OVER_TRANSFORMERS
        ),
        f"{default} is {genai:.2f}x over {GENAI}; at least {OVER_GENAI:g}x is promised": genai >= OVER_GENAI,
        f"p99 of {default} is {own.p99_over_genai:.2f}x that of {GENAI}; at most {P99_OVER_GENAI:g}x is promised": (
            own.p99_over_genai <= P99_OVER_GENAI
        ),
        f"the full model answers {full_exact_match:.2%} of all gate rows right; {FULL_EXACT_MATCH:.0%} are promised": (
            full_exact_match >= FULL_EXACT_MATCH
        ),
    }
    return [promise for promise, held in kept.items() if not held]


def contenders_of(made: MadeBundle, recipe: TextGenerationRecipe, schema: str, scratch: Path) -> dict[str, Answer]:
    """Name to what answers one prompt."""
    most = recipe.generation.max_new_tokens
    prompts = PromptTokenizer(made.bundle / TOKENIZER_FILE, GenerationSettings.load(made.bundle))
    model = cast(GenerationModel, AdaptiveModel.load(made.bundle))
    int4 = _built_int4(made.fine_tuned.folder, scratch)
    return {
        TRANSFORMERS: _transformers(made.fine_tuned.folder, prompts, most),
        OPTIMUM: _optimum(made.fine_tuned.folder, prompts, most, scratch),
        GENAI_NEW: _genai(int4, prompts, most, keep=False),
        GENAI: _genai(int4, prompts, most),
        GENAI_FP32: _genai(made.compression.folder / made.compression.result.reference_monolith, prompts, most),
        **own_contenders(model, schema),
    }


def own_contenders(model: GenerationModel, schema: str) -> dict[str, Answer]:
    """The bundle at every operating point, and at its default one with answers kept to the schema."""
    answers: dict[str, Answer] = {}
    for point in model.operating_points:

        def ours(prompt: str, point: str = point) -> tuple[str, int]:
            (answer,) = model.predict(prompt, operating_point=point)
            return answer.text, answer.tokens

        answers[f"{OURS} {point}"] = ours
    if find_spec("llguidance") is None:
        print(f"{GUIDED} is left out: it needs the package llguidance; install miaotui[guidance]")
        return answers
    asked = guided(model, schema)

    def kept(prompt: str) -> tuple[str, int]:
        (answer,) = asked.predict([prompt])
        return answer.text, answer.tokens

    return answers | {f"{GUIDED} {model.operating_point}": kept}


def measure(
    contenders: dict[str, Answer],
    rows: Sequence[Row],
    correct: Any,
    blocks: int,
    size: int,
    certified: Mapping[str, float] = MappingProxyType({}),
) -> list[Measured]:
    """All contenders on the same prompts, one at a time; `certified`: what some of them are certified to lose at most."""
    order = np.random.default_rng(0).permutation(len(rows))
    names = list(contenders)
    means: dict[str, list[float]] = {name: [] for name in names}
    spent: dict[str, list[float]] = {name: [] for name in names}
    texts: dict[str, list[str]] = {name: [] for name in names}
    tokens = dict.fromkeys(names, 0)
    right: dict[str, list[bool]] = {name: [] for name in names}
    for name in names:
        for row in rows[:4]:
            contenders[name](row.text)
    for block in range(blocks):
        chosen = [rows[order[(block * size + i) % len(order)]] for i in range(size)]
        for name in names[block % len(names) :] + names[: block % len(names)]:
            before = len(spent[name])
            for row in chosen:
                started = time.perf_counter()
                text, count = contenders[name](row.text)
                spent[name].append((time.perf_counter() - started) * 1e3)
                texts[name].append(text)
                tokens[name] += count
                right[name].append(is_correct(correct, row.label, text))
            means[name].append(float(np.mean(spent[name][before:])))
    return [_measured(name, means, spent, texts, tokens, right, certified.get(name)) for name in names]


def _measured(
    name: str,
    means: dict[str, list[float]],
    spent: dict[str, list[float]],
    texts: dict[str, list[str]],
    tokens: dict[str, int],
    right: dict[str, list[bool]],
    certified_loss: float | None,
) -> Measured:
    ratios = [paired_ratio(means[baseline], means[name]) for baseline in (TRANSFORMERS, GENAI)]
    price = None
    if name.startswith(GUIDED):
        found = paired_ratio(means[name], means[name.replace(GUIDED, OURS, 1)])
        price = (found.value, found.low, found.high)
    p50, p99 = np.percentile(spent[name], (50, 99))
    same = [own == other for own, other in zip(texts[name], texts[TRANSFORMERS], strict=True)]
    return Measured(
        name=name,
        mean_ms=float(np.median(means[name])),
        p50_ms=float(p50),
        p99_ms=float(p99),
        tokens_per_second=1e3 * tokens[name] / sum(spent[name]),
        exact_match=float(np.mean(right[name])),
        agreement=float(np.mean(same)),
        over_transformers=(ratios[0].value, ratios[0].low, ratios[0].high),
        over_genai=(ratios[1].value, ratios[1].low, ratios[1].high),
        p99_over_genai=float(p99 / np.percentile(spent[GENAI], 99)),
        certified_loss=certified_loss,
        price=price,
    )


def _transformers(folder: Path, prompts: PromptTokenizer, most: int) -> Answer:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    return _generating(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), prompts, most)


def _optimum(folder: Path, prompts: PromptTokenizer, most: int, scratch: Path) -> Answer:
    import onnxruntime
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    from optimum.onnxruntime import ORTModelForCausalLM

    exported = scratch / "optimum"
    ORTModelForCausalLM.from_pretrained(folder, export=True, use_cache=True).save_pretrained(exported)
    quantizer = MatMulNBitsQuantizer(
        str(exported / "model.onnx"), bits=4, block_size=32, is_symmetric=True, accuracy_level=4
    )
    quantizer.process()
    quantizer.model.save_model_to_file(str(exported / "model.onnx"), use_external_data_format=False)
    session = onnxruntime.SessionOptions()
    session.intra_op_num_threads = 1
    model = ORTModelForCausalLM.from_pretrained(exported, use_cache=True, use_io_binding=True, session_options=session)
    return _generating(model, prompts, most)


def _generating(model: Any, prompts: PromptTokenizer, most: int) -> Answer:
    import torch

    ends = model.generation_config.eos_token_id
    end_ids = set(ends if isinstance(ends, list) else [ends])

    def answer(prompt: str) -> tuple[str, int]:
        ids = torch.tensor([prompts.encode(prompt)])
        with torch.no_grad():
            made = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False)
        own = [token for token in made[0, ids.shape[1] :].tolist() if token not in end_ids]
        return prompts.decode(own), len(own)

    return answer


def _built_int4(folder: Path, scratch: Path) -> Path:
    """The full model by onnxruntime-genai's builder, in int4 as it does that by itself."""
    built = scratch / "genai-int4"
    build_decoders([DecoderBuild(folder, DecoderPrecision(weights="int4"), built)], scratch=scratch / "build")
    return built


def _genai(decoder: Path, prompts: PromptTokenizer, most: int, *, keep: bool = True) -> Answer:
    """Plain greedy decoding; `keep`: one generator for all prompts."""
    import onnxruntime_genai as og

    og.disable_telemetry_events()
    config = og.Config(str(decoder))
    config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": 1}}}}))
    model = og.Model(config)
    described = json.loads((decoder / "genai_config.json").read_text(encoding="utf-8"))["model"]
    ends = described["eos_token_id"]
    end_ids = set(ends if isinstance(ends, list) else [ends])

    def generator_for(length: int) -> Any:
        parameters = og.GeneratorParams(model)
        parameters.set_search_options(do_sample=False, max_length=length)
        return og.Generator(model, parameters)

    kept = generator_for(described["context_length"]) if keep else None

    def answer(prompt: str) -> tuple[str, int]:
        ids = prompts.encode(prompt)
        generator = kept or generator_for(len(ids) + most)
        if kept:
            kept.rewind_to(0)
        generator.append_tokens(np.array([ids], dtype=np.int32))
        for _ in range(most):
            if generator.is_done():
                break
            generator.generate_next_token()
        own = [int(token) for token in generator.get_sequence(0)[len(ids) :] if int(token) not in end_ids]
        return prompts.decode(own), len(own)

    return answer


if __name__ == "__main__":
    main()
