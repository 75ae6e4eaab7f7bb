"""Rows that a tiny model can learn from, and the texts that tokenizers are made of."""

import json
import random
from functools import cache
from typing import Any, Final

Record = dict[str, Any]

_WORDS: Final = {
    "move_to_checking": "move transfer shift {n} dollars over to checking account",
    "move_to_savings": "put deposit stash {n} dollars aside in the savings pot",
    "card_lost": "i lost my card please block stop it now wallet gone",
    "card_order": "order send me a new replacement card to my home address",
    "weather": "what is the weather forecast rain sun tomorrow in town",
}
_OUTSIDE: Final = "volcano recipe guitar football planet poem soup chess river dinosaur"
_NAMES: Final = ("Ada", "Grace", "Zoë", "Linus")
_THINGS: Final = ("red shoes", "train tickets", "coffee", "blue hats")
OUT_OF_SCOPE: Final = "oos"


def classified(count: int, chance: random.Random) -> list[Record]:
    """Texts of five labels in two slices, one in twenty of them out of scope."""
    rows = []
    for number in range(count):
        if number % 20 == 19:
            text, label, part = " ".join(chance.sample(_OUTSIDE.split(), 4)), OUT_OF_SCOPE, "other"
        else:
            label = list(_WORDS)[number % len(_WORDS)]
            words = [
                word for word in _WORDS[label].format(n=chance.randrange(10, 9999)).split() if chance.random() > 0.25
            ]
            text, part = " ".join(words), "other" if label == "weather" else "bank"
        rows.append({"text": f"{text} ref {chance.randrange(10**6)}", "label": label, "domain": part})
    return rows


def completed(count: int, chance: random.Random, *, as_json: bool = True) -> list[Record]:
    """Requests and the calls that serve them, as JSON or as plain text."""
    rows = []
    for number in range(count):
        name, thing, many = chance.choice(_NAMES), chance.choice(_THINGS), chance.randrange(2, 10**5)
        if number % 2:
            prompt, call, part = f"{many} {thing} for {name}", {"buy": thing, "count": many, "for": name}, "shop"
        else:
            prompt, call, part = (
                f"tell {name} to bring {many} {thing}",
                {"tell": name, "what": f"{many} {thing}"},
                "talk",
            )
        said = json.dumps(call, ensure_ascii=False) if as_json else " ".join(str(value) for value in call.values())
        rows.append({"prompt": prompt, "completion": said, "domain": part})
    return rows


@cache
def vocabulary_texts() -> tuple[str, ...]:
    """Texts that hold the words of all rows."""
    chance = random.Random(0)
    return tuple(
        [row["text"] for row in classified(300, chance)]
        + [f"{row['prompt']} {row['completion']}" for row in completed(300, chance)]
    )
