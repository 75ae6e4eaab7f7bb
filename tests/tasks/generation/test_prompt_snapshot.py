"""Snapshots of prompts and completions: parted within slices, checked row by row, with no row in two splits."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from engine.digests import file_digest
from tasks.artifact import Artifact, Workspace
from tasks.data.rows import SPLITS, read_rows
from tasks.data.snapshot import extend_snapshot, take_snapshot
from tasks.data.sources import Role, Source, resolve_sources
from tasks.errors import UserError
from tasks.recipe.data import PromptDataConfig
from tasks.records import SnapshotResult

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def asked(seed: str, count: int, domain: str) -> list[dict[str, object]]:
    """Prompts of which no two are nearly the same, with completions of their own."""
    random = Random(seed)
    words = ["".join(random.choices(LETTERS, k=30)) for _ in range(count)]
    return [{"prompt": word, "completion": json.dumps({"say": word}), "domain": domain} for word in words]


def write(file: Path, rows: list[dict[str, object]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def snapshot(folder: Path, rows: list[dict[str, object]], **fields: object) -> Artifact[SnapshotResult]:
    write(folder / "train.jsonl", rows)
    config = PromptDataConfig.model_validate({"train": "train.jsonl", "slice_column": "domain"} | fields)
    sources = resolve_sources(config, recipe_file=folder / "recipe.yaml", home=folder / "home")
    out = folder / "out"
    out.mkdir()
    return Artifact.of("snapshot", out, take_snapshot(config, sources=sources, seed=1, workspace=Workspace(out, out)))


def test_splits_have_the_wanted_shares_of_every_slice(tmp_path: Path) -> None:
    made = snapshot(tmp_path, asked("a", 200, "bank") + asked("b", 100, "shop"))
    result = made.result
    assert (result.labels, result.out_of_scope_label, result.slices) == ((), None, ("bank", "shop"))
    assert sum(result.rows.values()) == 300
    by_slice = {split: Counter(row.slice for row in read_rows(made, split)) for split in SPLITS}
    assert by_slice["certify"] == {"bank": 50, "shop": 25}
    assert by_slice["gate"]["bank"] in (29, 30, 31)


def test_completions_keep_their_white_space_and_are_no_names(tmp_path: Path) -> None:
    rows = asked("a", 80, "bank")
    rows[0]["completion"] = " two\nlines " + "x" * 400
    made = snapshot(tmp_path, rows)
    texts = {row.text: row.label for split in SPLITS for row in read_rows(made, split)}
    assert texts[str(rows[0]["prompt"])] == rows[0]["completion"]


def test_rows_that_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    rows = asked("a", 100, "bank")
    rows[1]["completion"] = 7
    rows[2]["prompt"] = ""
    result = snapshot(tmp_path, rows, max_quarantined_share=0.1).result
    assert result.quarantine_reasons == {"completion is not a string, but a number": 1, "prompt is empty": 1}


def test_a_prompt_with_two_completions_is_left_out(tmp_path: Path) -> None:
    rows = asked("a", 100, "bank")
    rows[1]["prompt"] = rows[0]["prompt"]
    result = snapshot(tmp_path, rows).result
    assert (result.contradicting, sum(result.rows.values())) == (2, 98)


@pytest.mark.parametrize(
    ("one", "other"),
    [('{"a":1,"b":2}', '{"b": 2.0, "a": 1}'), ("it is so", "it is so\n"), ("Zo\u00eb", "Zoe\u0308")],
)
def test_completions_that_are_equal_as_answers_do_not_contradict(tmp_path: Path, one: str, other: str) -> None:
    rows = asked("a", 100, "bank")
    rows[0]["completion"], rows[1] = one, rows[0] | {"completion": other}
    taken = snapshot(tmp_path, rows, correct="json")
    assert (taken.result.contradicting, taken.result.duplicates, sum(taken.result.rows.values())) == (0, 1, 99)
    kept = [row for split in SPLITS for row in read_rows(taken, split) if row.text == rows[0]["prompt"]]
    assert [row.label for row in kept] == [min(one, other)]


def test_layout_counts_where_completions_are_compared_exactly(tmp_path: Path) -> None:
    rows = asked("a", 100, "bank")
    rows[0]["completion"], rows[1] = '{"a":1}', rows[0] | {"completion": '{"a": 1}'}
    assert snapshot(tmp_path, rows, correct="exact").result.contradicting == 2


def test_near_twins_leak_where_their_completions_differ_in_form_alone(tmp_path: Path) -> None:
    rows = asked("a", 200, "bank")
    twins = [
        {"prompt": f"{row['prompt']}x", "completion": json.dumps(json.loads(str(row["completion"])), indent=1)}
        for row in rows[:60]
    ]
    taken = snapshot(tmp_path, [*rows, *({**twin, "domain": "bank"} for twin in twins)], correct="json").result
    assert taken.leaking_near > 10


def test_prompts_with_several_completions_each_are_refused_with_the_way_out(tmp_path: Path) -> None:
    rows = asked("a", 100, "bank")
    several = [row | {"completion": f"another {number}"} for number, row in enumerate(rows[:3])]
    with pytest.raises(UserError) as caught:
        snapshot(tmp_path, [*rows, *several])
    message = str(caught.value)
    assert "train.jsonl line 1: 6 of 103 train rows (5.8%) have a prompt that comes with several completions" in message
    assert "'another 0' in train.jsonl line 101" in message
    assert "keep one completion for each prompt, or raise data.max_quarantined_share" in message
    (tmp_path / "again").mkdir()
    assert snapshot(tmp_path / "again", [*rows, *several], max_quarantined_share=0.1).result.contradicting == 6


def test_too_many_bad_completions_are_refused(tmp_path: Path) -> None:
    rows = [row | {"completion": None} for row in asked("a", 100, "bank")]
    with pytest.raises(UserError, match="column 'completion' is missing or null"):
        snapshot(tmp_path, rows)


def test_landed_completions_join_the_splits(tmp_path: Path) -> None:
    before = snapshot(tmp_path, asked("a", 100, "bank"))
    landed = write(tmp_path / "landed.jsonl", asked("c", 60, "insurance"))
    out = tmp_path / "extended"
    out.mkdir()
    after = extend_snapshot(
        before,
        PromptDataConfig(train=("train.jsonl",), slice_column="domain"),
        sources=(Source("landed", "landed.jsonl", landed, file_digest(landed), "jsonl"),),
        seed=1,
        workspace=Workspace(out, out),
    )
    assert after.landed is not None
    assert after.landed.thin == {}
    assert after.landed.added["train"] == 0
    assert after.rows["certify"] > before.result.rows["certify"]
    assert "insurance" in after.slices


def with_special_tokens(folder: Path, **rows: list[dict[str, object]]) -> SnapshotResult:
    config = PromptDataConfig(train=("train.jsonl",), slice_column="domain")
    roles: dict[str, Role] = {"train": "train", "validation": "validation", "test": "test", "landed": "landed"}
    sources = []
    for name, given in rows.items():
        file = write(folder / f"{name}.jsonl", given)
        sources.append(Source(roles[name], f"{name}.jsonl", file, file_digest(file), "jsonl"))
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return take_snapshot(
        config, sources=tuple(sources), seed=1, workspace=Workspace(out, out), special_tokens=("<|end|>", "</s>")
    )


def test_rows_that_spell_out_special_tokens_are_quarantined_with_their_place(tmp_path: Path) -> None:
    rows = asked("a", 200, "bank")
    rows[4]["prompt"] = "strike <s>this</s> out"
    rows[7]["completion"] = "over <|end|> and out"
    result = with_special_tokens(tmp_path, train=rows)
    assert result.quarantine_reasons == {
        "prompt spells out the special token </s>": 1,
        "completion spells out the special token <|end|>": 1,
    }
    assert sum(result.rows.values()) == 198
    assert result.sources[0].quarantined == 2
    lines = [json.loads(line) for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()]
    assert [(line["source"], line["row"], line["excerpt"][:6]) for line in lines] == [
        ("train.jsonl", 5, "strike"),
        ("train.jsonl", 8, "over <"),
    ]


@pytest.mark.parametrize("role", ["validation", "test"])
def test_rows_to_judge_by_do_not_go_without_a_word(role: str, tmp_path: Path) -> None:
    rows = asked("b", 100, "bank")
    rows[2]["prompt"] = "stop </s> here"
    with pytest.raises(
        UserError,
        match=rf"{role}\.jsonl line 3: the prompt spells out the special token </s>, .* take it out of 'stop </s>",
    ):
        with_special_tokens(tmp_path, train=asked("a", 200, "bank"), **{role: rows})


def test_landed_rows_that_spell_them_out_do_not_end_every_later_run(tmp_path: Path) -> None:
    landed = [row | {"completion": "done</s>"} for row in asked("c", 30, "bank")]
    result = with_special_tokens(tmp_path, train=asked("a", 200, "bank"), landed=landed + asked("d", 30, "bank"))
    assert result.quarantine_reasons == {"completion spells out the special token </s>": 30}
    assert result.landed is not None
    assert result.landed.rows == 30


def test_a_landed_completion_in_another_layout_repeats_what_is_there(tmp_path: Path) -> None:
    own = asked("a", 100, "bank")
    before = snapshot(tmp_path, own, correct="json")
    again = [row | {"completion": json.dumps(json.loads(str(row["completion"])), indent=1)} for row in own[:20]]
    landed = write(tmp_path / "landed.jsonl", again)
    out = tmp_path / "extended"
    out.mkdir()
    after = extend_snapshot(
        before,
        PromptDataConfig(train=("train.jsonl",), slice_column="domain", correct="json"),
        sources=(Source("landed", "landed.jsonl", landed, file_digest(landed), "jsonl"),),
        seed=1,
        workspace=Workspace(out, out),
    )
    assert after.landed is not None
    assert (after.landed.repeated, after.landed.contradicting) == (20, 0)
