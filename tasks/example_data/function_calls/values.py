"""Function calls: how texts, names, quantities, amounts and lists are written and what arguments they make."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from tasks.example_data.function_calls.function import Draw, Value, object_schema
from tasks.example_data.function_calls.vocabulary_people import PEOPLE_AND_PLACES
from tasks.example_data.function_calls.vocabulary_things import THINGS
from tasks.example_data.template import expand, parse, parse_rules

NUMBER_WORDS: Final = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
CURRENCIES: Final[Mapping[str, str]] = {
    "dollars": "USD",
    "euros": "EUR",
    "pounds": "GBP",
    "yen": "JPY",
    "francs": "CHF",
    "rupees": "INR",
    "zloty": "PLN",
    "pesos": "MXN",
    "kronor": "SEK",
    "lira": "TRY",
}
SYMBOLS: Final[Mapping[str, str]] = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
LANGUAGES: Final[Mapping[str, str]] = {
    "Arabic": "ar",
    "Chinese": "zh",
    "Dutch": "nl",
    "Finnish": "fi",
    "French": "fr",
    "German": "de",
    "Greek": "el",
    "Hindi": "hi",
    "Italian": "it",
    "Japanese": "ja",
    "Korean": "ko",
    "Polish": "pl",
    "Portuguese": "pt",
    "Spanish": "es",
    "Swedish": "sv",
    "Turkish": "tr",
}

TEXT: Final = {"type": "string", "minLength": 1}
COUNT: Final = {"type": "integer", "minimum": 1}
CURRENCY: Final = {"type": "string", "enum": sorted(CURRENCIES.values())}
AMOUNT: Final = {"type": "number", "exclusiveMinimum": 0}
MONEY: Final = object_schema({"value": AMOUNT, "currency": CURRENCY})

_VOCABULARY: Final = parse_rules({**PEOPLE_AND_PLACES, **THINGS})


def list_schema(item: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a list of at least one item."""
    return {"type": "array", "items": dict(item), "minItems": 1}


def copied(template: str) -> Draw:
    """Texts from a template of the vocabulary, copied into the call as they are typed."""
    parsed = parse(template)

    def draw(random: Random) -> Value:
        text = expand(parsed, _VOCABULARY, random)
        return Value(text, text, copied=True)

    return draw


def small(template: str) -> Draw:
    """Texts that have no capitals wherever they stand, such as e-mail addresses."""
    inner = copied(template)
    return lambda random: inner(random).lower()


def quoted(template: str) -> Draw:
    """The same between quotation marks, which are not a part of the argument."""
    inner = copied(template)

    def draw(random: Random) -> Value:
        value = inner(random)
        mark = random.choice(("'", '"', '"')) if "'" not in value.written else '"'
        return Value(f"{mark}{value.written}{mark}", value.argument, copied=True)

    return draw


def chosen(arguments: Mapping[str, Any]) -> Draw:
    """One of several writings, each with its argument."""
    writings = tuple(arguments)

    def draw(random: Random) -> Value:
        written = random.choice(writings)
        return Value(written, arguments[written])

    return draw


def number(low: int, high: int, *, step: int = 1, words: bool = False) -> Draw:
    """Whole numbers in digits; the small ones also in words, where `words` says so."""

    def draw(random: Random) -> Value:
        count = random.randrange(low, high + 1, step)
        if words and count <= len(NUMBER_WORDS) and random.random() < 0.5:
            return Value(NUMBER_WORDS[count - 1], count)
        return Value(str(count), count)

    return draw


def figure(random: Random, *, thousands: bool = True) -> Value:
    """The figure of an amount of money: most have two digits, some cents, some a comma at the thousands."""
    kind = random.random()
    if kind < 0.1:
        written = f"{random.randint(2, 99)}.{random.choice((25, 75, 95, 99))}"
        return Value(written, float(written))
    if kind < 0.2 and thousands:
        first, second = random.randint(1, 9), random.randint(1, 9)
        return Value(f"{first},{second}00", 1000 * first + 100 * second)
    amount = random.randint(2, 19) * 50 if kind < 0.4 else random.randint(2, 99)
    return Value(str(amount), amount)


def money(random: Random) -> Value:
    """An amount with its currency, by word, by code or by symbol."""
    value = figure(random)
    if random.random() < 0.4:
        symbol = random.choice(tuple(SYMBOLS))
        return Value(symbol + value.written, {"value": value.argument, "currency": SYMBOLS[symbol]})
    unit = currency(random)
    return Value(f"{value.written} {unit.written}", {"value": value.argument, "currency": unit.argument})


def currency(random: Random) -> Value:
    """A currency by its word or its code."""
    word = random.choice(tuple(CURRENCIES))
    return Value(CURRENCIES[word] if random.random() < 0.25 else word, CURRENCIES[word])


def several(item: Draw, sizes: Sequence[int]) -> Draw:
    """A list of different items, as many as one of `sizes` says: "a", "a and b", "a, b and c"."""

    def draw(random: Random) -> Value:
        items: dict[str, Value] = {}
        size = random.choice(sizes)
        while len(items) < size:
            value = item(random)
            items.setdefault(value.written, value)
        values = list(items.values())
        return Value(enumeration(list(items)), [value.argument for value in values], copied=values[0].copied)

    return draw


def items(item: str, most: int, sizes: Sequence[int]) -> Draw:
    """A list of things, each with its name and how many of it: "a red lamp and three mugs"."""
    name, count = copied(item), number(2, most, words=True)

    def draw(random: Random) -> Value:
        thing = name(random).written
        if random.random() < 0.4:
            article = "an" if thing[0] in "aeiou" else "a"
            return Value(f"{article} {thing}", {"name": thing, "quantity": 1}, copied=True)
        quantity = count(random)
        argument = {"name": f"{thing}s", "quantity": quantity.argument}
        return Value(f"{quantity.written} {thing}s", argument, copied=True)

    return several(draw, sizes)


def enumeration(parts: Sequence[str]) -> str:
    """Commas between the parts, and "and" before the last one."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
