"""The YAML of the pages: every block is a recipe, a part of one, or a target, and is taken as it stands."""

from collections.abc import Mapping
from typing import Any

import pytest

from tasks.families.family import families
from tasks.recipe.target import Target
from tasks.recipe.yaml_text import parse_yaml
from tests.docs.pages import Block, blocks

TARGET_ONLY = {"execution_provider", "threads", "cpus", "work_pool", "fingerprint", "operating_point"}
LEAST: Mapping[str, Mapping[str, Any]] = {
    "text-classification": {"data": {"train": "rows.jsonl"}, "base_model": "model", "gates": {"accuracy": 0.9}},
    "text-generation": {"data": {"train": "rows.jsonl"}, "init": {}, "gates": {"accuracy": 0.9}},
}


@pytest.mark.parametrize("block", list(blocks("yaml")), ids=str)
def test_a_block_is_one_that_the_models_take(block: Block) -> None:
    fields = parse_yaml(block.code, source=str(block))
    assert isinstance(fields, dict)
    if TARGET_ONLY & fields.keys():
        Target.model_validate(fields)
        return
    task = fields.get("task") or ("text-generation" if "generation" in fields else "text-classification")
    whole = {"name": "example", "task": task, "targets": ["local-cpu"], **LEAST[task], **fields}
    families()[task].recipe.model_validate(whole)
