"""Opens a base model's weights and listens to what the library says of them: every tensor has its place, or it is an error.

`from_pretrained` begins what it does not find with random numbers and leaves out what it does not know, and says so in a
log line. Here its loading report decides. Prefixes that known wrappers put before the names are taken off, on the record.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.base_models.config import read_config, require_numbers
from tasks.base_models.weight_files import weight_files, weight_shapes
from tasks.errors import UserError, one_line
from tasks.finite import require_finite_weights

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

WRAPPERS: Final = (
    "_orig_mod.",  # torch.compile
    "module.",  # DistributedDataParallel
    "base_model.model.",  # PEFT
    "base_model.",
    "_forward_module.",  # Lightning Fabric
    "_fsdp_wrapped_module.",
    "model.",  # the usual name of the model in a Lightning module
    "auto_model.",  # sentence-transformers
    "0.auto_model.",
)
HEADS: Final = (
    "pooler.",
    "cls.",
    "classifier.",
    "pre_classifier.",
    "score.",
    "qa_outputs.",
    "lm_head.",
    "vocab_transform.",
    "vocab_layer_norm.",
    "vocab_projector.",
    "generator_predictions.",
    "generator_lm_head.",
    "discriminator_predictions.",
    "qa_classifier.",
    "logits_proj.",
    "sop_classifier.",
    "v_head.",
)
"""What hub models have beside the encoder or decoder, for a task of their own: left out without a word."""
_BUFFERS: Final = re.compile(r"(^|\.)(position_ids|token_type_ids|masked_bias|inv_freq|attn\.bias)$")
"""Tables that are computed, and that older versions saved."""
_NAMED: Final = 3
Tell = Callable[[str], object]


def open_pretrained(auto_class: Any, folder: Path, *, tell: Tell, **options: Any) -> "PreTrainedModel":
    """The model of a folder in float32 on the CPU, each tensor where it belongs, all finite. `options`: for the library.

    `tell` hears what was taken off the names, and what was left out that is no usual head. UserError where tensors of the
    model are not in the folder, or tensors of its own modules there have no place in it.
    """
    config = read_config(folder)
    require_numbers(config, folder)
    quantization = getattr(config, "quantization_config", None)
    if quantization is not None:
        method = quantization.get("quant_method") if isinstance(quantization, dict) else quantization.quant_method
        raise UserError(
            f"its weights are quantized ({method}) and cannot be trained; give the model that it was made from",
            file=folder,
            field="base_model",
        )
    model, report = _loaded(auto_class, folder, folder, config=config, **options)
    if report.missing:
        names = list(weight_shapes(folder))
        prefix = common_prefix(names, _saved_once(report.missing, _tied(model), names))
        known = prefix and _is_wrappers(prefix, model.base_model_prefix)
        if not known:
            raise UserError(_unmatched(report, prefix, names), file=folder, field="base_model")
        # Not by the argument key_mapping: whether the names have the architecture's own prefix is decided before it is applied.
        named = _without(prefix, folder)
        model, report = _loaded(type(model), None, folder, config=model.config, state_dict=named, **options)
        if report.missing:
            raise UserError(_unmatched(report, "", names), file=folder, field="base_model")
        tell(f"the base model's tensors carry the prefix {prefix!r} of a wrapper, which was taken off")
    _judge_left_over(model, report, folder, tell)
    _judge_tied(model, folder)
    if getattr(model.config, "auto_map", None):
        tell(
            "the base model brings code of its own (auto_map in config.json), which is not run: transformers' class is"
        )
    require_finite_weights(f"the base model {folder.name}", model, field="base_model")
    return model


class _Report:
    """Names of the loading report, in order."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.missing = sorted(info["missing_keys"])
        self.left_over = sorted(info["unexpected_keys"])
        # Names alone, or with two shapes, by the library's version.
        self.mismatched = sorted(entry if isinstance(entry, str) else entry[0] for entry in info["mismatched_keys"])
        self.errors = list(info.get("error_msgs", ()))


def _loaded(auto_class: Any, source: Path | None, folder: Path, **options: Any) -> "tuple[PreTrainedModel, _Report]":
    """From the files of `source`, or from what is in the options."""
    import torch

    try:
        model, info = auto_class.from_pretrained(
            source,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the report then, by name, and end here
            **options,
        )
    except Exception as error:  # whatever the architecture's code ends in where config.json says something odd
        raise UserError(f"the weights cannot be opened: {one_line(error)}", file=folder, field="base_model") from error
    report = _Report(info)
    if report.mismatched:
        raise UserError(_other_shapes(report.mismatched, model, folder), file=folder, field="base_model")
    if report.errors:
        raise UserError(f"the weights cannot be opened: {one_line(report.errors[0])}", file=folder, field="base_model")
    return model, report


def _other_shapes(names: Collection[str], model: "PreTrainedModel", folder: Path) -> str:
    first = next(iter(names))
    shapes = weight_shapes(folder)
    saved = next((shape for name, shape in shapes.items() if f".{name}".endswith(f".{first}")), ())
    wanted = tuple(model.state_dict()[first].shape)
    return (
        f"{len(names)} tensors have another shape than config.json gives them, the first {first}: {saved}, not {wanted}"
    )


def _without(prefix: str, folder: Path) -> "dict[str, Tensor]":
    from safetensors.torch import load_file

    return {
        name.removeprefix(prefix): value for file in weight_files(folder) for name, value in load_file(file).items()
    }


def common_prefix(names: Collection[str], missing: Iterable[str]) -> str:
    """What has to be taken off the names for all the missing ones to be among them; empty where nothing does."""
    missing = list(missing)
    counts = Counter(
        name.removesuffix(wanted) for wanted in missing for name in names if name != wanted and name.endswith(wanted)
    )
    found = next((prefix for prefix, _ in counts.most_common() if prefix.endswith(".")), "")
    have = set(names)
    return found if found and all(found + wanted in have for wanted in missing) else ""


def _is_wrappers(prefix: str, own: str) -> bool:
    """Whether it is made of known wrappers' prefixes, and perhaps the architecture's `own` name of its body."""
    rest = prefix
    while wrapper := next((each for each in WRAPPERS if rest.startswith(each)), None):
        rest = rest[len(wrapper) :]
    return rest in ("", f"{own}.")


def _unmatched(report: _Report, prefix: str, names: Collection[str]) -> str:
    left = [name for name in report.left_over if not _is_head(name)]
    parts = [f"{len(report.missing)} tensors of the model are missing ({_first(report.missing)})"]
    if left:
        parts.append(f"{len(left)} are left over ({_first(left)})")
    if prefix:
        parts.append(f"all their names begin with {prefix!r}; save it without that wrapper, or take the prefix off")
    elif any(".lora_" in name or "base_layer" in name for name in names):
        parts.append("it has a PEFT adapter in it; merge that (merge_and_unload) and save it again")
    else:
        parts.append("training would begin with random numbers in their place")
    return "the weights do not fit config.json: " + "; ".join(parts)


def _judge_left_over(model: "PreTrainedModel", report: _Report, folder: Path, tell: Tell) -> None:
    own = {name for name, _ in model.named_children()}
    strangers = []
    for name in report.left_over:
        bare = name.removeprefix(f"{model.base_model_prefix}.")
        if _BUFFERS.search(name) or _is_head(bare):
            continue
        strangers.append(name)
        if bare.partition(".")[0] in own or name.partition(".")[0] in own:
            raise UserError(
                f"the weights do not fit config.json: tensors of the model's own modules have no place in it ({name}), so "
                "that it would be another model than was saved; mend config.json",
                file=folder,
                field="base_model",
            )
    if strangers:
        tell(f"{len(strangers)} tensors of the base model have no place here and were left out: {_first(strangers)}")


def _judge_tied(model: "PreTrainedModel", folder: Path) -> None:
    """Two names of one tensor must be equal where both are saved: the library takes one and says nothing of the other."""
    import torch

    tied = _tied(model)
    saved = {name: value for name, value in _saved(folder, tied) if value.numel()}
    for name, value in saved.items():
        other = next(each for each in saved if tied[each] == tied[name])
        if not torch.equal(value, saved[other]):
            raise UserError(
                f"config.json has {other} and {name} as one tensor (tie_word_embeddings), but they are saved and differ; set it "
                "to false",
                file=folder,
                field="base_model",
            )


def _tied(model: "PreTrainedModel") -> dict[str, str]:
    """Of each tensor that has several names, the first by each of them."""
    by_place: dict[int, list[str]] = {}
    for name, value in model.state_dict().items():
        by_place.setdefault(value.data_ptr(), []).append(name)
    return {name: names[0] for names in by_place.values() if len(names) > 1 for name in names}


def _saved_once(missing: Iterable[str], tied: dict[str, str], names: Collection[str]) -> list[str]:
    """Of the names of one tensor, those that end a saved name: the others need not be saved."""
    return [name for name in missing if name not in tied or any(each.endswith(f".{name}") for each in names)]


def _saved(folder: Path, names: Collection[str]) -> "Iterator[tuple[str, Tensor]]":
    from safetensors import safe_open

    for file in weight_files(folder):
        with safe_open(file, framework="pt") as opened:
            for name in sorted(set(names).intersection(opened.keys())):
                yield name, opened.get_tensor(name)


def _is_head(name: str) -> bool:
    return name.startswith(HEADS)


def _first(names: Collection[str]) -> str:
    shown = list(names)[:_NAMED]
    return ", ".join(shown) + (", …" if len(names) > _NAMED else "")
