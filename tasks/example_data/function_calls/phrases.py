"""Function calls: how people lead up to a request and away from it."""

from typing import Final

PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "do": (
        "",
        "",
        "",
        "please",
        "[can|could|would] you [please|]",
        "i [need|want|would like] you to",
        "[now|next|quickly|just|kindly]",
        "[help me|i want to|i need to|i would like to|let us|let me]",
    ),
    "tell": (
        "",
        "",
        "please",
        "[can|could|would] you [please|]",
        "i [need|want|would like] you to",
        "[now|next|quickly|just|kindly]",
    ),
    "hello": ("[hi|hello|hey|good morning|good evening|ok|so|right]", "[sorry|excuse me|quick one|one more thing]"),
    "closing": (
        "[please|thanks|thank you|many thanks|cheers|thanks a lot]",
        "[it is urgent|no rush|as soon as you can]",
    ),
    "aside": (
        "i am [on the train|at work|in a hurry|cooking|driving|half asleep|still in bed|walking home]",
        "[it is getting late|i nearly forgot|my phone is almost dead|the kids are loud today|what a day|i am back]",
        "[the last one went well|that worked well|you were a great help|my hands are full|i have no pen here]",
    ),
    "distraction": (
        "my [boss|neighbour|cousin|friend|teacher] {first} [just called|is here|says hello|has left|told me about you]",
        "i [waited|have been busy] for [two|three|five|20|30] [minutes|hours|days]",
        "i [came back from {town} yesterday|was in {town} last week|am writing from {town}]",
        "[yesterday|last week|last month] [it went wrong|you forgot it|i paid too much|nobody answered]",
    ),
}

SHORT_FRAMES: Final = (*["{request}"] * 7, "{hello}, {request}", "{request}, {closing}", "{request} {closing}")
LONG_FRAMES: Final = (
    *["{request}"] * 4,
    "{hello}, {request}",
    "{request}, {closing}",
    "{hello}, {aside}. {request}",
    "{aside}. {request}",
    "{distraction}. {request}",
    "{request}. {closing}",
    "{request}. {aside}",
)
