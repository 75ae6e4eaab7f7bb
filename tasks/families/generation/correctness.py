"""When an answer of a text-generation model is right: the gold completion's text, or a JSON value that equals it.

Exact and deterministic, so that an exact binomial certificate can be stated on it.
"""

from tasks.data.completions import Correctness, normal_form

__all__ = ["Correctness", "is_correct", "normal_form"]


def is_correct(kind: Correctness, gold: str, answer: str) -> bool:
    """Whether `answer` says the same as `gold`, as `normal_form` has it: an answer that is no JSON, where gold is, is wrong."""
    return normal_form(kind, answer) == normal_form(kind, gold)
