"""What a data grammar is made of: domains of intents, contrasts between two intents, and topics that are out of scope.

A contrast is what makes the data hard for a bag of words: its templates say the same words for both of its intents and
only their order tells which one is meant ("from savings to checking" / "from checking to savings").
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from tasks.example_data.template import Rules, Template, check_references, expand, fixed, parse, parse_rules


@dataclass(frozen=True, slots=True)
class Intent:
    """A label with templates that it alone uses."""

    label: str
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Templates with the places `{x}` and `{y}`, and two sides that fill them.

    The text means `labels[0]` with `sides[0]` at `{x}`, and `labels[1]` with `sides[1]` at `{x}`.
    """

    labels: tuple[str, str]
    sides: tuple[str, str]
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """Intents that belong together; the contrasts are between intents of the domain."""

    name: str
    intents: tuple[Intent, ...]
    contrasts: tuple[Contrast, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the intents, in order."""
        return tuple(intent.label for intent in self.intents)


@dataclass(frozen=True, slots=True)
class Topic:
    """A subject that the assistant does not serve, and the splits that it occurs in."""

    name: str
    splits: tuple[str, ...]
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SplitSize:
    """Rows of one split, and how many of them are out of scope."""

    rows: int
    out_of_scope: int = 0


@dataclass(frozen=True)
class Grammar:
    """A whole grammar. `frames` put a greeting, a context or thanks around `{request}`; all templates share `rules`.

    `sizes` are the rows of the splits that use `domains`; the split `held_back` has `held_back_rows` rows of its own
    domain and nothing else. Raises ValueError where a template is broken, refers to an unknown rule, or a contrast to
    an unknown label.
    """

    name: str
    rules: Mapping[str, tuple[str, ...]]
    frames: tuple[str, ...]
    domains: tuple[Domain, ...]
    held_back: Domain
    held_back_rows: int
    topics: tuple[Topic, ...]
    sizes: Mapping[str, SplitSize]
    _expander: "Expander" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Parses every template once, so that a mistake shows at import."""
        object.__setattr__(self, "_expander", Expander(self))

    @property
    def expander(self) -> "Expander":
        """Makes texts from the parsed templates."""
        return self._expander

    @property
    def labels(self) -> tuple[str, ...]:
        """All in-scope labels of the domains, without the held-back ones."""
        return tuple(label for domain in self.domains for label in domain.labels)

    def contrasts(self) -> Iterator[Contrast]:
        """All contrasts, the held-back domain's included."""
        for domain in (*self.domains, self.held_back):
            yield from domain.contrasts


class Expander:
    """Expands a grammar's templates to plain texts, in full spelling and without noise."""

    def __init__(self, grammar: Grammar) -> None:
        """Parses and checks all templates of `grammar`."""
        self._rules = parse_rules(grammar.rules)
        self._frames = self._parsed(grammar.frames, user="a frame", places=("request",))
        self._plain: dict[str, tuple[Template, ...]] = {}
        self._contrasts: dict[Contrast, tuple[tuple[Template, ...], Template, Template]] = {}
        for domain in (*grammar.domains, grammar.held_back):
            for intent in domain.intents:
                self._plain[intent.label] = self._parsed(intent.templates, user=f"intent {intent.label!r}")
            for contrast in domain.contrasts:
                user = f"contrast {' / '.join(contrast.labels)}"
                if unknown := sorted(set(contrast.labels) - set(domain.labels)):
                    raise ValueError(
                        f"{user} is between labels that domain {domain.name!r} lacks: {', '.join(unknown)}"
                    )
                first, second = self._parsed(contrast.sides, user=user)
                templates = self._parsed(contrast.templates, user=user, places=("x", "y"))
                self._contrasts[contrast] = (templates, first, second)
        self._topics = {topic: self._parsed(topic.templates, user=f"topic {topic.name!r}") for topic in grammar.topics}

    def plain(self, label: str, random: Random) -> str:
        """A text from the templates that only `label` uses."""
        return self._framed(expand(random.choice(self._plain[label]), self._rules, random), random)

    def contrasting(self, contrast: Contrast, label: str, random: Random) -> str:
        """A text of `contrast` that means `label`.

        With a `random` in the same state, the text for the other label has the same words.
        """
        templates, *sides = self._contrasts[contrast]
        first, second = (expand(side, self._rules, random) for side in sides)
        x, y = (first, second) if label == contrast.labels[0] else (second, first)
        rules: Rules = {**self._rules, "x": fixed(x), "y": fixed(y)}
        return self._framed(expand(random.choice(templates), rules, random), random)

    def out_of_scope(self, topic: Topic, random: Random) -> str:
        """A text about `topic`."""
        return self._framed(expand(random.choice(self._topics[topic]), self._rules, random), random)

    def _framed(self, request: str, random: Random) -> str:
        return expand(random.choice(self._frames), {**self._rules, "request": fixed(request)}, random)

    def _parsed(self, templates: tuple[str, ...], *, user: str, places: tuple[str, ...] = ()) -> tuple[Template, ...]:
        parsed = tuple(map(parse, templates))
        check_references(parsed, {**self._rules, **dict.fromkeys(places, ())}, user=user)
        return parsed
