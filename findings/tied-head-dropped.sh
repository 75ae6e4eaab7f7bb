#!/usr/bin/env bash
# A causal language model whose config.json has tie_word_embeddings, and whose file holds a head that differs from the embeddings,
# is opened with the embeddings in the head's place. The saved head is dropped, and the loading report (output_loading_info) is
# empty: nothing missing, unexpected or mismatched. Logits are those of another model. Exit code 0 while this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 transformers==4.57.6
cd "$folder"
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(0)
sizes = dict(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
trained = LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=False)).eval()
trained.save_pretrained("model")
config = Path("model/config.json")
config.write_text(json.dumps(json.loads(config.read_text()) | {"tie_word_embeddings": True}))

opened, report = LlamaForCausalLM.from_pretrained("model", output_loading_info=True)
saved = load_file("model/model.safetensors")
ids = torch.arange(8)[None]
with torch.no_grad():
    difference = (trained(ids).logits - opened.eval()(ids).logits).abs().max().item()

print("Python", sys.version.split()[0], "torch", torch.__version__, "transformers", transformers.__version__)
print("saved:", sorted(saved)[:2], "…; the head is the embeddings:", torch.equal(saved["lm_head.weight"], saved["model.embed_tokens.weight"]))
print("report:", {name: list(value) for name, value in report.items()})
print("the head that was opened is the saved one:", torch.equal(opened.lm_head.weight, saved["lm_head.weight"]))
print("largest difference of the logits:", round(difference, 3))

silent = not any(report.values())
sys.exit(0 if silent and not torch.equal(opened.lm_head.weight, saved["lm_head.weight"]) and difference > 0.01 else 1)
PYTHON
