"""One decoder without a router or drafts, token by token: what the ladder of a generation bundle is measured against."""

from dataclasses import replace
from pathlib import Path

from engine.bundle import TOKENIZER_FILE, PathEntry, read_manifest
from engine.digests import folder_digest
from engine.generation.decoder import Decoder
from engine.generation.model import DECODER, GenerationModel
from engine.generation.phrases import Phrases
from engine.generation.prompts import GenerationSettings, PromptTokenizer
from engine.generation.router import GenerationRouter, OperatingPoint, PathRule, Step
from engine.session import CPU


def load_static_decoder(
    decoder: Path, bundle: Path, *, threads: int = 1, execution_provider: str = CPU
) -> GenerationModel:
    """The exported decoder of a folder, asked as the bundle's are; BundleError when either cannot be read."""
    settings = GenerationSettings.load(bundle)
    prompts = PromptTokenizer(bundle / TOKENIZER_FILE, settings)
    opened = Decoder(decoder, threads=threads, execution_provider=execution_provider, prefix=prompts.prefix_ids)
    name, digest = decoder.name, folder_digest(decoder)
    manifest = replace(read_manifest(bundle), paths=(PathEntry(name, DECODER, name),))
    point = OperatingPoint(name, 0.0, (Step(name),))
    router = GenerationRouter((PathRule(name, cost_ms=0.0, draft_tokens=0),), {name: point}, name)
    return GenerationModel(manifest, settings, prompts, {name: opened}, router, Phrases.none(), digest)
