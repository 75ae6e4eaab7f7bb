"""What counting left."""

from tasks.records.training import FineTuned


class CountedWords(FineTuned):
    """`rows` that were counted, the `words` they have, and how many of them the quick path knows."""

    rows: int
    words: int
    quick_words: int
