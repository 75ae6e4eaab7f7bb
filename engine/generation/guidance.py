"""Answers that keep to a JSON schema, whatever the model would rather say.

The likeliest token is taken if the text may go on with it, else the next likeliest that does: one check for each token where
the model keeps to the schema by itself. What text may come next is llguidance's to say, byte by byte, so that it does not
matter how a tokenizer cuts or decorates its tokens.
"""

from functools import lru_cache
from typing import Any, Final

from engine import strict_json
from engine.errors import InputError
from engine.generation.prompts import PromptTokenizer
from engine.generation.state import LogProbabilities
from engine.generation.token_bytes import is_begun

_WHITESPACE: Final = r"[ \n\t]{0,8}"  # so that no model can go on with blanks for ever


class SchemaGuide:
    """A Constraint: one answer's way through a schema."""

    def __init__(self, schema: str, tokenizer: PromptTokenizer, end_ids: frozenset[int]) -> None:
        """`schema`: as `checked_schema` gives it."""
        self._matcher = _matcher(schema).deep_copy()
        self._tokenizer = tokenizer
        self._end_ids = end_ids
        self._tokens: list[int] = []
        self._held = b""
        self._silent = False

    def choose(self, log_probabilities: LogProbabilities, likeliest: int) -> int | None:
        """See Constraint; None where no token says what would have to come."""
        if self._takes(likeliest):
            return likeliest
        if self._matcher.is_stopped() and self._matcher.is_accepting():
            return max(self._end_ids, key=log_probabilities.__getitem__)
        for token in (-log_probabilities).argsort(kind="stable").tolist():
            if self._takes(token):
                return int(token)
        return None

    def _takes(self, token: int) -> bool:
        """Whether the answer may go on with the token; if so, it does."""
        if token in self._end_ids:
            return not self._held and bool(self._matcher.is_accepting())
        if token in self._tokenizer.special_ids or self._matcher.is_stopped():
            return False
        said = self._tokenizer.token_bytes.behind(self._tokens, self._held, token)
        if said is None:
            return False
        new, held = list(said[0]), said[1]
        if not new and not self._held and self._silent:  # or a model could say nothing for ever
            return False
        # Half a character may come where the whole one might, even if what follows can make a mark of it.
        wanted = new + list(held) if is_begun(held) else new
        if self._matcher.validate_tokens(wanted) < len(wanted):
            return False
        self._matcher.consume_tokens(new)
        if held and self._matcher.is_stopped():  # with nothing to come that could take it away
            self._matcher.rollback(len(new))
            return False
        self._tokens.append(token)
        self._held, self._silent = held, not new
        return True


def checked_schema(schema: object) -> str:
    """A schema, as JSON text or as what that parses to, as JSON text. InputError where it is no schema that can be kept to."""
    try:
        parsed = strict_json.loads(schema) if isinstance(schema, str) else schema
        if not isinstance(parsed, dict):
            raise InputError(f"schema: a JSON schema is an object, not {type(parsed).__name__}")
        text = strict_json.dumps(parsed)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"schema: not JSON ({error})") from None
    if wrong := _matcher(text).get_error():
        raise InputError(f"schema: cannot be kept to ({wrong.strip().splitlines()[0]})")
    return text


@lru_cache(maxsize=64)
def _matcher(schema: str) -> Any:
    try:
        import llguidance
    except ImportError:
        raise InputError("schema: needs the package llguidance; install miaotui[guidance]") from None
    grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, defaults={"whitespace_pattern": _WHITESPACE})
    return llguidance.LLMatcher(llguidance.LLTokenizer("byte"), grammar)
