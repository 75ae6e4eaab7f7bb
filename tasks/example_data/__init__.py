"""Data that the project writes itself: requests with their labels or calls, from grammars, with no download.

The grammar `support-assistant` speaks for the customers of a company that is bank, shop, telephone network and travel
agency at once: 28 intents in four domains, paraphrased by recursive templates and typed as people type, with greetings,
digressions, names, amounts, dates, shorthand and misspellings, and beside them requests that are out of scope. Almost
every third request has a counterpart that says the same words in another order and means another intent: from savings
to checking or from checking to savings, cancel the order and do not change the address or the reverse, the driver or
the customer who cancelled, block the card before disputing the charge or after. A bag of words has to guess there; a
model that reads the order does not. A fifth domain, insurance, is held back to land later. Every file depends on the
seed alone, byte for byte, and no text resembles one of another split.

The grammar `function-calls` is for text generation: requests and the JSON function calls that serve them.
"""

from tasks.example_data.generate import HELD_BACK, OUT_OF_SCOPE
from tasks.example_data.grammar import Grammar
from tasks.example_data.write import GRAMMARS, write_grammar

__all__ = ["GRAMMARS", "HELD_BACK", "OUT_OF_SCOPE", "Grammar", "write_grammar"]
