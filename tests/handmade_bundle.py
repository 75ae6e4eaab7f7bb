"""A classification bundle made by hand, in a moment and without training: two segments, whose faults a test chooses."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from engine.bundle import FORMAT, Manifest, PathEntry, write_manifest
from engine.classification.confidence import FEATURES
from engine.classification.out_of_scope import OutOfScopeScorer
from engine.classification.router import PathRule, Router
from engine.classification.router_files import save_router
from engine.operating_points import OperatingPoint

WORDS: Final = ("red", "green", "blue", "broken")
LABELS: Final = ("red", "green", "blue")
MAX_LENGTH: Final = 16
_SPECIAL: Final = ("[UNK]", "[CLS]", "[SEP]")
_TOKENS: Final = (*_SPECIAL, *WORDS)
_WIDTH: Final = 4


def write_handmade_bundle(
    folder: Path,
    *,
    batches: bool = True,
    positions: int = 64,
    added: tuple[str, ...] = (),
    says_vocabulary: bool = True,
    special: bool = True,
    early: float = 2.0,
) -> Path:
    """Answers a text with the colour that it names most often, at `first` where it is surer than `early`, else at `second`.

    `broken` has an embedding of NaN, the tokens `added` have none at all, and there are so many `positions`. `special`: a
    row is put between [CLS] and [SEP].
    """
    folder.mkdir(parents=True)
    onnx.save(_segment(first=True, positions=positions), folder / "first.onnx")
    onnx.save(_segment(first=False, positions=positions), folder / "second.onnx")
    _tokenizer(added, special).save(str(folder / "tokenizer.json"))
    scorer = OutOfScopeScorer(energy_quantiles=(-1e6, 1e6), threshold=1.0)
    weights = tuple(float(name == "log_odds") for name in FEATURES)
    rules = (PathRule("first", 1.0, scorer, weights, 0.0), PathRule("second", 2.0, scorer, weights, 0.0))
    router = Router(rules, {"only": OperatingPoint("only", 0.01, (early,))}, "only", None)
    save_router(router, folder)
    (folder / "golden.json").write_text("[]", encoding="utf-8")
    (folder / "certificate.json").write_text("[]", encoding="utf-8")
    paths = tuple(PathEntry(name, "encoder", f"{name}.onnx", batches=batches) for name in ("first", "second"))
    manifest = Manifest(
        format=FORMAT,
        name="handmade",
        labels=LABELS,
        out_of_scope_label=None,
        max_length=MAX_LENGTH,
        paths=paths,
        runtime={},
        reference_digest="0" * 64,
        files={},
        vocabulary_size=len(_TOKENS) if says_vocabulary else None,
    )
    write_manifest(folder, manifest)
    return folder


def _tokenizer(added: tuple[str, ...], special: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({token: number for number, token in enumerate(_TOKENS)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if special:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.add_tokens(list(added))
    return tokenizer


def _segment(*, first: bool, positions: int) -> onnx.ModelProto:
    embeddings = np.zeros((len(_TOKENS), _WIDTH), np.float32)
    for number, word in enumerate(LABELS):
        embeddings[_TOKENS.index(word), number] = 8.0 if first else 1.0
    embeddings[_TOKENS.index("broken")] = np.nan
    arrays = {
        "embeddings": embeddings,
        "places": np.zeros((positions, _WIDTH), np.float32),
        "head": np.eye(_WIDTH, len(LABELS), dtype=np.float32) * (1.0 if first else 2.0),
        "last": np.array([2], np.int64),
        "one": np.array(1, np.int64),
        "zero": np.array(0, np.int64),
        "middle": np.array([1], np.int64),
    }
    node = helper.make_node
    nodes = [node("Gather", ["embeddings", "input_ids"], ["words"])] if first else []
    nodes += [
        node("Shape", ["attention_mask"], ["shape"]),
        node("Gather", ["shape", "one"], ["length"]),
        node("Range", ["zero", "length", "one"], ["numbers"]),
        node("Gather", ["places", "numbers"], ["place"]),
        node("Add", ["words" if first else "hidden_in", "place"], ["hidden"]),
        node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["weights", "last"], ["wide"]),
        node("Mul", ["hidden", "wide"], ["counted"]),
        node("ReduceSum", ["counted", "middle"], ["sum"], keepdims=0),
        node("ReduceSum", ["weights", "middle"], ["count"], keepdims=1),
        node("Div", ["sum", "count"], ["embedding"]),
        node("MatMul", ["embedding", "head"], ["logits"]),
    ]
    number, whole = TensorProto.FLOAT, TensorProto.INT64
    given: list[Any] = [
        _value("input_ids", whole, "rows", "tokens")
        if first
        else _value("hidden_in", number, "rows", "tokens", _WIDTH),
        _value("attention_mask", whole, "rows", "tokens"),
    ]
    found = [_value("hidden", number, "rows", "tokens", _WIDTH)] if first else []
    found += [_value("logits", number, "rows", len(LABELS)), _value("embedding", number, "rows", _WIDTH)]
    held = [numpy_helper.from_array(array, name) for name, array in arrays.items() if first or name != "embeddings"]
    graph = helper.make_graph(nodes, "segment", given, found, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _value(name: str, kind: int, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))
