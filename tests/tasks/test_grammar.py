"""The quickstart's data: reproducible bytes, disjoint splits, and hard enough that a bag of words is not enough."""

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from engine.digests import folder_files
from tasks.data.duplicates import count_leaking_rows, without_duplicates
from tasks.data.rows import Row
from tasks.errors import UserError
from tasks.example_data import GRAMMARS, HELD_BACK, OUT_OF_SCOPE, write_grammar
from tasks.example_data.distinct import DistinctTexts, normalised
from tasks.example_data.generate import generate
from tasks.example_data.grammar import Contrast, Domain, Grammar, Intent, SplitSize
from tasks.example_data.surface import Habits, typed
from tasks.example_data.template import expand, fixed, parse, parse_rules
from tasks.families.classification.recipe import Gates
from tasks.statistics.paired_test import paired_p_value

NAME = "support-assistant"
SPLITS = ("train", "validation", "test", HELD_BACK)
Rows = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of seed 0."""
    folder = tmp_path_factory.mktemp("grammar")
    write_grammar(NAME, 0, folder)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    return {
        split: [json.loads(line) for line in (folder / f"{split}.jsonl").open(encoding="utf-8")] for split in SPLITS
    }


def bag(text: str) -> tuple[str, ...]:
    return tuple(sorted(normalised(text).split()))


# ---------------------------------------------------------------- the files


def test_bytes_do_not_depend_on_the_process(folder: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib, tasks.example_data as g; g.write_grammar(sys.argv[1], 0, pathlib.Path(sys.argv[2]))"
    environment = {**os.environ, "PYTHONHASHSEED": "20251" if os.environ.get("PYTHONHASHSEED") != "20251" else "1"}
    subprocess.run([sys.executable, "-c", code, NAME, str(tmp_path)], env=environment, check=True, timeout=120)
    assert folder_files(tmp_path) == folder_files(folder)


def test_another_seed_gives_other_rows() -> None:
    small = replace(GRAMMARS[NAME], sizes={"train": SplitSize(200, 20)}, held_back_rows=30)
    first, again, other = (generate(small, seed)["train"] for seed in (0, 0, 1))
    assert first == again
    assert not {row.text for row in first} & {row.text for row in other}


def test_every_file_is_there_and_nothing_else(folder: Path) -> None:
    assert set(folder_files(folder)) == {f"{split}.jsonl" for split in SPLITS}


def test_rows_have_text_label_and_domain(rows: Rows) -> None:
    for row in (row for split in rows.values() for row in split):
        assert set(row) == {"text", "label", "domain"}
        assert row["text"].strip() == row["text"]
        assert not set(row["text"]) & set("[]{}|"), "a template shows through"


def test_unknown_grammar_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'support-asistant'.*support-assistant"):
        write_grammar("support-asistant", 0, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        write_grammar(NAME, 0, tmp_path / "file")


# ---------------------------------------------------------------- what is in them


def test_counts_are_those_of_the_grammar(rows: Rows) -> None:
    grammar = GRAMMARS[NAME]
    for split, size in grammar.sizes.items():
        labels = Counter(row["label"] for row in rows[split])
        assert (labels.total(), labels[OUT_OF_SCOPE]) == (size.rows, size.out_of_scope)
    assert len(rows[HELD_BACK]) == grammar.held_back_rows
    assert 5_500 <= sum(len(rows[split]) for split in grammar.sizes) <= 6_500


def test_every_label_is_in_every_split_and_in_one_domain(rows: Rows) -> None:
    grammar = GRAMMARS[NAME]
    assert len(grammar.labels) >= 24
    assert len(grammar.domains) == 4
    for split in grammar.sizes:
        assert {row["label"] for row in rows[split]} == {*grammar.labels, OUT_OF_SCOPE}
        assert {row["domain"] for row in rows[split]} == {*(domain.name for domain in grammar.domains), OUT_OF_SCOPE}
    domains = defaultdict(set)
    for row in (row for split in rows.values() for row in split):
        domains[row["label"]].add(row["domain"])
    assert all(len(names) == 1 for names in domains.values())


def test_every_slice_that_is_judged_is_large_enough_to_be_told_from_a_lost_one(rows: Rows) -> None:
    """Two bundles that differ in 2 % of a slice's rows either way are shown to lose no more than a champion may lose."""
    slices = Counter(row["domain"] for row in rows["test"])
    limit = Gates().champion_slice_loss
    assert limit is not None
    for name, count in slices.items():
        either = math.ceil(0.02 * count)
        assert paired_p_value(count, either, either, limit, 0.05) <= 0.05, name


def test_labels_are_balanced(rows: Rows) -> None:
    for split in rows.values():
        counts = Counter(row["label"] for row in split if row["label"] != OUT_OF_SCOPE)
        assert max(counts.values()) - min(counts.values()) <= 1


def test_held_back_domain_shares_no_label_with_the_others(rows: Rows) -> None:
    held_back = {row["label"] for row in rows[HELD_BACK]}
    assert len(held_back) >= 5
    assert not held_back & {*GRAMMARS[NAME].labels, OUT_OF_SCOPE}
    assert {row["domain"] for row in rows[HELD_BACK]} == {GRAMMARS[NAME].held_back.name}


def test_no_text_occurs_twice(rows: Rows) -> None:
    texts = Counter(normalised(row["text"]) for split in rows.values() for row in split)
    assert [text for text, count in texts.items() if count > 1] == []


def test_no_row_would_leave_the_snapshot_as_a_duplicate_or_a_leak(rows: Rows) -> None:
    """By the snapshot's own measure, and with the held-back rows in the place of a split of their own."""
    splits = [[Row(row["text"], row["label"], row["domain"]) for row in rows[split]] for split in reversed(SPLITS)]
    assert all(len(without_duplicates(split)) == len(split) for split in splits)
    held_back, gate, certify, train = splits
    assert (
        count_leaking_rows({"gate": gate, "certify": certify, "tune": held_back, "train": train}, similarity=0.9) == 0
    )


def test_held_out_splits_have_out_of_scope_topics_that_train_lacks() -> None:
    topics = {split: {topic.name for topic in GRAMMARS[NAME].topics if split in topic.splits} for split in SPLITS[:3]}
    for split in ("validation", "test"):
        assert topics[split] - topics["train"]
        assert topics[split] & topics["train"]
    assert topics["test"] - topics["validation"]


def test_texts_fit_the_model(rows: Rows) -> None:
    lengths = [len(row["text"].split()) for split in rows.values() for row in split]
    assert 12 <= sum(lengths) / len(lengths) <= 18
    assert max(lengths) <= 35


# ---------------------------------------------------------------- how hard it is


def test_a_contrast_says_the_same_words_for_both_labels() -> None:
    """For every contrast, by construction and not by chance, before anybody mistypes."""
    grammar = GRAMMARS[NAME]
    for contrast in grammar.contrasts():
        for seed in range(50):
            first, second = (grammar.expander.contrasting(contrast, label, Random(seed)) for label in contrast.labels)
            assert first != second
            assert bag(first) == bag(second)


def test_train_shows_many_order_dependent_requests_with_both_labels(rows: Rows) -> None:
    labels = defaultdict(set)
    for row in rows["train"]:
        labels[bag(row["text"])].add(row["label"])
    contrasting = {label for contrast in GRAMMARS[NAME].contrasts() for label in contrast.labels}
    of_contrasts = [row for row in rows["train"] if row["label"] in contrasting]
    twins = [row for row in of_contrasts if len(labels[bag(row["text"])]) > 1]
    assert {row["label"] for row in twins} == contrasting & set(GRAMMARS[NAME].labels)
    assert len(twins) / len(of_contrasts) >= 0.2


@pytest.mark.parametrize(("longest", "low", "high"), [(1, 0.75, 0.86), (2, 0.84, 0.93)])
def test_a_lexical_model_is_useful_but_not_enough(rows: Rows, longest: int, low: float, high: float) -> None:
    vectorizer = CountVectorizer(ngram_range=(1, longest), min_df=2)
    train, test = rows["train"], [row for row in rows["test"] if row["label"] != OUT_OF_SCOPE]
    model = LogisticRegression(C=10, max_iter=300, tol=1e-3)
    model.fit(vectorizer.fit_transform(row["text"] for row in train), [row["label"] for row in train])
    accuracy = model.score(vectorizer.transform(row["text"] for row in test), [row["label"] for row in test])
    assert low <= accuracy <= high


# ---------------------------------------------------------------- the parts


def test_templates_choose_nest_and_refer() -> None:
    rules = parse_rules({"who": ("[my [big|little]|your] sister",)})
    texts = {expand(parse("[ask|] {who} ,  please"), rules, Random(seed)) for seed in range(100)}
    who = ("my big sister, please", "my little sister, please", "your sister, please")
    assert texts == {*who, *(f"ask {text}" for text in who)}


@pytest.mark.parametrize("broken", ["[a|b", "a]", "{name", "[a [b|c]"])
def test_broken_template_is_an_error(broken: str) -> None:
    with pytest.raises(ValueError, match="template"):
        parse(broken)


@given(st.text(alphabet="ab[]{}|", min_size=1))
def test_fixed_text_is_never_read_as_a_template(text: str) -> None:
    assert expand(parse("{x}"), {"x": fixed(text)}, Random(0)) == text


def grammar_with(intent: str = "hi", frame: str = "{request}", labels: tuple[str, str] = ("a", "b")) -> Grammar:
    domain = Domain(
        "d", (Intent("a", (intent,)), Intent("b", ("bye",))), (Contrast(labels, ("one", "two"), ("{x} {y}",)),)
    )
    held_back = Domain("h", (Intent("c", ("later",)),))
    return Grammar("tiny", {}, (frame,), (domain,), held_back, 1, (), {"train": SplitSize(2)})


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ({"intent": "{nobody}"}, "intent 'a' refers to unknown rules: nobody"),
        ({"frame": "{requst}"}, "frame refers to unknown rules: requst"),
        ({"labels": ("a", "z")}, "domain 'd' lacks: z"),
    ],
)
def test_mistakes_in_a_grammar_show_when_it_is_made(mistake: dict[str, str], message: str) -> None:
    grammar_with()
    with pytest.raises(ValueError, match=message):
        grammar_with(**mistake)  # type: ignore[arg-type]


@given(st.integers(min_value=0))
def test_typing_keeps_numbers_and_the_words_that_decide(seed: int) -> None:
    text = "please move $1,250.00 from savings to checking before you change it, do not cancel order 4711 instead"
    result = typed(text, Random(seed), Habits(typos=1.0, contraction=0.0, shorthand=0.0)).lower()
    assert re.search(r"(?<!\w)1,250\.00(?!\w)", result)
    assert re.search(r"\b4711\b", result)
    found = re.findall(r"\b(?:from|to|before|not|instead)\b", result)
    assert found == ["from", "to", "before", "not", "instead"]


def test_distinct_texts_take_no_near_twin_of_the_same_label() -> None:
    distinct = DistinctTexts(0.6)
    assert distinct.add("Please move $50 from savings to checking", "in")
    assert not distinct.add("please mvoe $75 from savings to checking!", "in")
    assert distinct.add("please move $50 from checking to savings", "out")
    assert distinct.add("how much is in my account", "in")
    assert not distinct.add("How much is in my account?", "balance"), "the same text under another label"


@given(st.lists(st.text(alphabet="ab 1", max_size=12), max_size=12), st.sampled_from([0.5, 0.7, 0.9]))
def test_distinct_texts_agree_with_the_definition(texts: list[str], similarity: float) -> None:
    def grams(text: str) -> set[str]:
        same = normalised(text)
        return {same[place : place + 3] for place in range(max(1, len(same) - 2))}

    distinct = DistinctTexts(similarity)
    kept: list[set[str]] = []
    for text in texts:
        new = grams(text)
        is_new = all(len(new & other) < similarity * len(new | other) for other in kept)
        assert distinct.add(text, "label") == is_new
        if is_new:
            kept.append(new)
