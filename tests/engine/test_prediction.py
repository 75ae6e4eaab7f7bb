"""What an answer says as JSON: to a person who asks, and to the client of a registered model."""

from engine.generation.completion import Completion
from engine.prediction import Prediction

LABEL = Prediction("lost_card", 0.9, "layer-1", abstained=False, out_of_scope_score=0.1, cost_ms=0.8, detail=())
COMPLETION = Completion(
    '{"n": 1}',
    0.75,
    "small",
    abstained=False,
    out_of_scope_score=0.0,
    cost_ms=6.0,
    tokens=7,
    prompt_tokens=12,
    finished=True,
    first_token_ms=2.5,
    total_ms=5.0,
)
REFUSED = Completion(
    None, 0.0, "", abstained=False, out_of_scope_score=0.0, cost_ms=0.0, error="row 4: the prompt is empty"
)


def test_a_classifiers_answer_has_its_label_and_how_far_outside_the_text_is() -> None:
    assert list(LABEL.document().items()) == [
        ("label", "lost_card"),
        ("confidence", 0.9),
        ("path", "layer-1"),
        ("abstained", False),
        ("out_of_scope_score", 0.1),
        ("cost_ms", 0.8),
    ]
    assert list(LABEL.served().items()) == [
        ("label", "lost_card"),
        ("confidence", 0.9),
        ("path", "layer-1"),
        ("abstained", False),
        ("error", None),
    ]


def test_a_generators_answer_has_its_completion_and_nothing_that_only_a_classifier_says() -> None:
    assert list(COMPLETION.document().items()) == [
        ("completion", '{"n": 1}'),
        ("confidence", 0.75),
        ("path", "small"),
        ("cost_ms", 6.0),
        ("tokens", 7),
        ("prompt_tokens", 12),
        ("finished", True),
        ("first_token_ms", 2.5),
        ("total_ms", 5.0),
    ]
    assert list(COMPLETION.served().items()) == [
        ("completion", '{"n": 1}'),
        ("confidence", 0.75),
        ("path", "small"),
        ("tokens", 7),
        ("finished", True),
        ("cost_ms", 6.0),
        ("error", None),
    ]


def test_a_row_that_cannot_be_asked_is_served_its_error() -> None:
    assert REFUSED.served()["completion"] is None
    assert REFUSED.served()["error"] == "row 4: the prompt is empty"
