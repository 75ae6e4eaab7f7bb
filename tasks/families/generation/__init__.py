"""The task family text generation: a decoder that completes prompts, from its tokenizer to the comparison with the champion.

May import the shared rooms and the engine, no other family. Begin with `plan.py`, then `recipe.py`.
"""
