#!/usr/bin/env bash
# from_pretrained(key_mapping=...) takes a wrapper's prefix off the names of an encoder's tensors, but not off those of a causal
# language model: whether the names begin with the architecture's own prefix ("model.") is decided before the mapping is
# applied, so the file is taken for one of the body alone, and the head's name ends in "The state dictionary ... is corrupted".
# Exit code 0 while this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 transformers==4.57.6
cd "$folder"
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

transformers.logging.set_verbosity_error()
sizes = dict(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
found = {}
for kind, config in ((BertModel, BertConfig(**sizes)), (LlamaForCausalLM, LlamaConfig(**sizes))):
    folder = kind.__name__
    kind(config).save_pretrained(folder)
    file = f"{folder}/model.safetensors"
    saved = load_file(file)
    save_file({f"_orig_mod.{name}": value for name, value in saved.items()}, file, metadata={"format": "pt"})
    try:
        model = kind.from_pretrained(folder, key_mapping={r"^_orig_mod\.": ""})
        found[folder] = "opened" if all(torch.equal(model.state_dict()[name], value) for name, value in saved.items()) else "other weights"
    except ValueError as error:
        found[folder] = f"ValueError: {error}"

print("Python", sys.version.split()[0], "torch", torch.__version__, "transformers", transformers.__version__)
for folder, what in found.items():
    print(f"{folder}: {what}")
sys.exit(0 if found["BertModel"] == "opened" and "corrupted" in found["LlamaForCausalLM"] else 1)
PYTHON
