"""The task family text generation: a decoder that completes prompts, from its tokenizer to the comparison with the champion."""
