"""The card says what was proven, and its short form always fits."""

import pytest

from registry.model_card import DESCRIPTION_LENGTH, model_card, model_description
from tasks.families.classification.recipe import Gates
from tasks.records import UnreadableChampion


@pytest.fixture
def card(evidence, judged):
    return model_card("support-intents", evidence, judged(evidence))


def test_the_verdict_comes_first(card):
    assert card.splitlines()[0] == "# support-intents: PASS"


def test_it_names_data_base_model_and_digests(card, evidence):
    assert "sentence-transformers/all-MiniLM-L6-v2" in card
    assert evidence.snapshot.content_digest in card
    assert evidence.bundle_digest in card
    assert "`data/train.jsonl` (6000 rows" in card


def test_it_states_the_certificate_with_its_evidence(card, evidence):
    assert evidence.router.certificates[0].statement in card
    assert "2 harms and 1 gains on 1000 certify rows" in card


def test_it_shows_paths_gates_and_techniques(card):
    assert "| lexical | 0.100 | 0.100 |" in card
    assert "| latency_p99_ms/local-cpu/Server | 8 ms | 9 ms | 25 ms | PASS |" in card
    assert "| dynamic-int8 | kept | 1.80 (1.70 to 1.90)x over fp32 | faster and not inferior |" in card
    assert "| static-int8 | dropped |" in card


def test_it_says_how_to_serve(card):
    assert "miaotui predict models:/support-intents@champion" in card
    assert 'mlflow.pyfunc.load_model("models:/support-intents@champion")' in card


def test_text_from_outside_cannot_break_a_table(card):
    assert "slower \\| than its parent" in card


def test_what_did_not_pass_is_said_at_the_top(evidence, judged):
    verdict = judged(evidence, gates=Gates(latency_p99_ms=0.01))
    lines = model_card("support-intents", evidence, verdict).splitlines()
    assert lines[0] == "# support-intents: FAIL"
    assert any(line.startswith("- FAIL: SingleStream p99 latency") for line in lines[:8])


def test_it_says_what_served_when_it_was_judged(challenging, evidence, judged):
    card = model_card("support-intents", challenging, judged(challenging))
    assert "Champion then: models:/support-intents/7, 95.00%" in card
    assert "On local-cpu: 1.00 (0.97 to 1.03) times as fast as the champion." in card
    gone = UnreadableChampion(name="support-intents", version=7, problem="the bytes are gone")
    spoilt = evidence.model_copy(update={"unreadable_champion": gone})
    assert "Not compared with the champion models:/support-intents/7: the bytes are gone." in model_card(
        "support-intents", spoilt, judged(spoilt)
    )


def test_a_router_that_does_not_route_says_so(evidence, judged):
    router = evidence.router.model_copy(update={"paths": evidence.router.paths[-1:], "certificates": ()})
    alone = evidence.model_copy(update={"router": router})
    assert "None: the router stays on the path full alone." in model_card("x", alone, judged(alone))


def test_a_description_that_fits_is_the_whole_card(evidence, judged):
    verdict = judged(evidence)
    assert model_description("x", evidence, verdict, limit=100_000) == model_card("x", evidence, verdict)


def test_a_description_fits_what_mlflow_holds_and_keeps_what_matters(evidence, judged):
    template = evidence.evaluation.slices[0]
    slices = tuple(template.model_copy(update={"name": f"slice number {number}"}) for number in range(150))
    many = evidence.model_copy(update={"evaluation": evidence.evaluation.model_copy(update={"slices": slices})})
    snapshot = many.snapshot.model_copy(update={"slices": ()})
    many = many.model_copy(update={"snapshot": snapshot})
    description = model_description("support-intents", many, judged(many))
    assert len(description) <= DESCRIPTION_LENGTH < len(model_card("support-intents", many, judged(many)))
    assert description.startswith("# support-intents: PASS")
    assert evidence.router.certificates[0].statement in description
    assert "miaotui predict" in description
    assert "model_card.md" in description


def test_it_shows_what_the_steps_put_on_the_record(evidence, judged):
    remarked = evidence.model_copy(update={"remarks": ("the tensors' prefix `module.` was taken off",)})
    assert "- the tensors' prefix 'module.' was taken off" in model_card("support-intents", remarked, judged(remarked))
    assert "## Remarks" not in model_card("support-intents", evidence, judged(evidence))


def test_an_undecided_technique_is_called_so(evidence, judged):
    first, *others = evidence.compression.techniques
    seen = "undecided: 1.58x (0.83 to 2.07) after 64 blocks"
    open_one = first.model_copy(update={"kept": False, "undecided": True, "reason": seen})
    compression = evidence.compression.model_copy(update={"techniques": (open_one, *others)})
    changed = evidence.model_copy(update={"compression": compression})
    (row,) = [line for line in model_card("tiny", changed, judged(changed)).splitlines() if seen in line]
    assert "| undecided |" in row
