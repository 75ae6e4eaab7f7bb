"""Tokenizers that split characters, each with the prompts it serves."""

import pytest
from tokenizers import Tokenizer

from engine.generation.prompts import PromptTokenizer
from tests.byte_tokenizers import KINDS, SPLITTING, prompts_of


@pytest.fixture(scope="module", params=SPLITTING)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return KINDS[request.param]()


@pytest.fixture(scope="module")
def prompts(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> PromptTokenizer:
    return prompts_of(tokenizer, tmp_path_factory.mktemp("tokenizer"))
