"""Fixtures shared by all rooms: an isolated environment, and one tiny real model taken through every step once."""

import json
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.recipe.target import Target
from tests.postgresql import MISSING, Cluster, programs, running_cluster
from tests.sharing import longest_first, made_once, shared_folder, turn
from tests.tiny_decoder import TinyDecoders, make_tiny_decoders, write_tiny_generation_bundle

if TYPE_CHECKING:
    from engine.generation.model import GenerationModel
    from tests.tiny_generation_bundle import CalibratedGenerator
    from tests.tiny_run import TinyRun

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    DO_NOT_TRACK="true",
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="false",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    TOKENIZERS_PARALLELISM="false",
)
for name in ("MIAOTUI_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT", "PREFECT_API_URL"):
    os.environ.pop(name, None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file's tests stay together, for its fixtures' sake, and files are begun in the order in which they were collected."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Alike in every process, as xdist asks."""
    if _one_of_several(config):
        longest_first(items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test has its turn with all that it sets up and takes down."""
    if not _one_of_several(item.config):
        return (yield)
    with turn(shared_folder(item.config._tmp_path_factory), alone=item.get_closest_marker("alone") is not None):
        return (yield)


def _one_of_several(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.fixture
def silent_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """HOST:PORT of the proxy that the environment names: it takes connections and never answers."""
    with socket.socket() as hangs:
        hangs.bind(("127.0.0.1", 0))
        hangs.listen()
        address = f"127.0.0.1:{hangs.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", f"http://{address}")
        yield address


@pytest.fixture(autouse=True)
def _environment_restored() -> Iterator[None]:
    """What a command called within a test sets for its own process (the home's places) is not handed to later tests."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


WORDS = {
    "move_to_checking": "move transfer shift {n} dollars over to checking account",
    "move_to_savings": "put deposit stash {n} dollars aside in the savings pot",
    "card_lost": "i lost my card please block stop it now wallet gone",
    "card_order": "order send me a new replacement card to my home address",
    "weather": "what is the weather forecast rain sun tomorrow in town",
}
OUTSIDE = "volcano recipe guitar football planet poem soup chess river dinosaur"


def tiny_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Rows that a tiny model can learn: five labels in two slices, some out of scope."""
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        if number % 20 == 0:
            words, label, part = OUTSIDE.split(), "oos", "oos"
            text = " ".join(chance.sample(words, 4))
        else:
            label = list(WORDS)[number % len(WORDS)]
            part = "bank" if label != "weather" else "other"
            words = WORDS[label].format(n=chance.randrange(10, 9999)).split()
            kept = [word for word in words if chance.random() > 0.25]
            text = " ".join(
                [*kept, *chance.choices(["please", "thanks", "hello", "today", "asap"], k=chance.randrange(3))]
            )
            text += f" ref {chance.randrange(10**6)}"
        rows.append({"text": text, "label": label, "domain": part})
    return rows


def write_rows(file: Path, rows: list[dict[str, str]]) -> Path:
    """Write rows as JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def write_tiny_base(folder: Path) -> Path:
    """Write the model and the tokenizer of the fixture `tiny_base`."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = sorted({word for row in tiny_rows(2000, 0) for word in row["text"].split() if word.isalpha()})
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words, *letters, *(f"##{letter}" for letter in letters)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train, validation and test rows."""

    def write(folder: Path) -> Path:
        for name, count, seed in (("train", 600, 1), ("validation", 800, 2), ("test", 300, 3)):
            write_rows(folder / f"{name}.jsonl", tiny_rows(count, seed))
        return folder

    return made_once(tmp_path_factory, "tiny-data", write)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised BERT of three narrow layers, with a word-piece tokenizer made from the rows' letters."""
    return made_once(tmp_path_factory, "tiny-base", write_tiny_base)


@pytest.fixture(scope="session")
def tiny(tiny_data: Path, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> "TinyRun":
    """Every step of the pipeline, run once on tiny data and a tiny model."""
    from tests.tiny_run import TinyRun

    return made_once(tmp_path_factory, "tiny-run", lambda folder: TinyRun.run(tiny_data, tiny_base, folder))


@pytest.fixture(scope="session")
def tiny_bundle(tiny: "TinyRun") -> Path:
    """A real bundle of the tiny model; copy it before altering it."""
    return tiny.router.folder / "bundle"


@pytest.fixture(scope="session")
def tiny_decoders(tmp_path_factory: pytest.TempPathFactory) -> TinyDecoders:
    """Tiny Llamas, exported."""
    return made_once(tmp_path_factory, "tiny-decoders", make_tiny_decoders)


@pytest.fixture(scope="session")
def tiny_generation_bundle(tiny_decoders: TinyDecoders, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle of two tiny decoders, whose router uses all it can; copy it before altering it."""

    def write(folder: Path) -> Path:
        return write_tiny_generation_bundle(tiny_decoders, folder / "bundle")

    return made_once(tmp_path_factory, "tiny-generation-bundle", write)


@pytest.fixture(scope="session")
def tiny_generation_model(tiny_generation_bundle: Path) -> "GenerationModel":
    """That bundle, loaded."""
    from tasks.families.generation.routing.bundling import load_generation_bundle

    return load_generation_bundle(tiny_generation_bundle, Target(name="here"))


@pytest.fixture(scope="session")
def tiny_generator(tmp_path_factory: pytest.TempPathFactory) -> "CalibratedGenerator":
    """A calibrated bundle of two tiny decoders."""
    from tests.tiny_generation_bundle import calibrated_generator

    return made_once(tmp_path_factory, "tiny-generator", calibrated_generator)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL of the session's own."""
    if programs() is None:
        pytest.skip(MISSING)
    with running_cluster() as cluster:
        yield cluster
