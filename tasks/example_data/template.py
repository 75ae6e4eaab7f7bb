"""The template language of the data grammars: a recursive context-free grammar with a random choice at every fork.

`[a|b|]` chooses one of its alternatives (the last one here is empty) and may nest; `{name}` expands a random template
of the rule `name`. Everything else stands for itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A place for any template of the rule `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several alternatives, all equally likely."""

    alternatives: tuple["Template", ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: its parts, in order."""

    parts: tuple[Literal | Reference | Choice, ...]

    def references(self) -> Iterator[str]:
        """Names of all rules that occur anywhere in this template."""
        for part in self.parts:
            if isinstance(part, Reference):
                yield part.name
            elif isinstance(part, Choice):
                for alternative in part.alternatives:
                    yield from alternative.references()


Rules = Mapping[str, tuple[Template, ...]]


def parse(text: str) -> Template:
    """Parses one template. Raises ValueError for a bracket or brace without its partner."""
    template, end = _parse_sequence(text, 0, nested=False)
    if end != len(text):
        raise ValueError(f"template {text!r}: ']' without '[' at character {end + 1}")
    return template


def parse_rules(texts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Template, ...]]:
    """Parses the templates of every rule. Raises ValueError for a reference to a rule that is not there."""
    rules = {name: tuple(map(parse, templates)) for name, templates in texts.items()}
    for name, templates in rules.items():
        check_references(templates, rules, user=f"rule {name!r}")
    return rules


def check_references(templates: tuple[Template, ...], rules: Rules, *, user: str) -> None:
    """Raises ValueError, naming `user`, if the templates refer to a rule that is not in `rules`."""
    unknown = sorted({name for template in templates for name in template.references()} - rules.keys())
    if unknown:
        raise ValueError(f"{user} refers to unknown rules: {', '.join(unknown)}")


def expand(template: Template, rules: Rules, random: Random) -> str:
    """One random expansion; blanks are neither doubled nor left at the ends."""
    return " ".join("".join(_pieces(template, rules, random)).split()).replace(" ,", ",").replace(" .", ".")


def fixed(text: str) -> tuple[Template, ...]:
    """A rule that always expands to `text`, whatever characters it has."""
    return (Template((Literal(text),)),)


def _pieces(template: Template, rules: Rules, random: Random) -> Iterator[str]:
    for part in template.parts:
        if isinstance(part, Literal):
            yield part.text
        elif isinstance(part, Choice):
            yield from _pieces(random.choice(part.alternatives), rules, random)
        else:
            yield from _pieces(random.choice(rules[part.name]), rules, random)


def _parse_sequence(text: str, start: int, *, nested: bool) -> tuple[Template, int]:
    """Parses from `start` to the `|` or `]` that ends the alternative, or to the end of the text; returns where."""
    parts: list[Literal | Reference | Choice] = []
    position = start
    while position < len(text):
        character = text[position]
        if character == "]" or (character == "|" and nested):
            break
        if character == "[":
            choice, position = _parse_choice(text, position)
            parts.append(choice)
        elif character == "{":
            end = text.find("}", position)
            if end < 0:
                raise ValueError(f"template {text!r}: '{{' without '}}' at character {position + 1}")
            parts.append(Reference(text[position + 1 : end]))
            position = end + 1
        else:
            end = min(
                (found for found in (text.find(mark, position) for mark in "[]{|") if found >= 0), default=len(text)
            )
            end = max(end, position + 1)
            parts.append(Literal(text[position:end]))
            position = end
    return Template(tuple(parts)), position


def _parse_choice(text: str, start: int) -> tuple[Choice, int]:
    alternatives: list[Template] = []
    position = start
    while position < len(text) and text[position] != "]":
        template, position = _parse_sequence(text, position + 1, nested=True)
        alternatives.append(template)
    if position == len(text):
        raise ValueError(f"template {text!r}: '[' without ']' at character {start + 1}")
    return Choice(tuple(alternatives)), position + 1
