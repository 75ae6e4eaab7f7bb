"""The `config.json` of a base model, read and looked through: what a model is built of has to be numbers that one can be of."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.errors import UserError, one_line

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_COUNTS: Final = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "max_position_embeddings",
)
_SCALES: Final = ("initializer_range", "layer_norm_eps", "rms_norm_eps")
_SHARES: Final = ("dropout", "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob")
_DERIVED: Final = ("num_key_value_heads", "head_dim")
"""May be left out, and follow from the others then."""


def read_config(folder: Path) -> "PretrainedConfig":
    """The configuration of a model's folder; UserError where the installed transformers cannot read it.

    A padding id that is no token (old Llamas have -1) is as good as none.
    """
    from transformers import AutoConfig

    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # a file that may say anything, read by the code of any architecture
        raise _refused(one_line(error), folder) from error
    padding, tokens = getattr(config, "pad_token_id", None), getattr(config, "vocab_size", None)
    if isinstance(padding, int) and isinstance(tokens, int) and not 0 <= padding < tokens:
        config.pad_token_id = None
    return config


def require_numbers(config: "PretrainedConfig", folder: Path) -> None:
    """Raises UserError, naming the field, for a size that is no whole number of at least 1, or a scale that is no number.

    Some of them are looked at by an architecture's code only while it is trained.
    """
    for name in _COUNTS:
        value = getattr(config, name, 1)
        if value is None and name in _DERIVED:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise _refused(f"{name} must be a whole number of at least 1, not {value!r}", folder)
    for name in (*_SCALES, *_SHARES):
        value, most = getattr(config, name, 0.0), 1.0 if name in _SHARES else sys.float_info.max
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise _refused(
                f"{name} must be a number of at least 0{' and at most 1' * (most == 1)}, not {value!r}", folder
            )


def _refused(problem: str, folder: Path) -> UserError:
    return UserError(f"config.json cannot be used: {one_line(problem)}", file=folder, field="base_model")
