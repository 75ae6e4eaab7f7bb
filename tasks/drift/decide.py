"""From the drift report to a decision: nothing, recalibrate the router only, or retrain; each rule says its numbers.

A new label or domain with enough rows needs no test. All tests share one significance level by Holm's correction, and what
many rows make significant must be large enough to matter, too.
"""

from tasks.drift.records import AnswerShift, Decision, DriftReport, Finding, JudgedTest, NewName, Outcome
from tasks.recipe.drift import DriftPolicy
from tasks.statistics.holm import holm_adjusted

Tests = dict[str, JudgedTest]


def decide(report: DriftReport, policy: DriftPolicy) -> Decision:
    """The strongest outcome that a rule calls for; retraining makes a new router, so that it includes recalibration."""
    tests = _judged(report, policy)
    findings = [_new_name(entry, policy) for entry in report.new_names]
    if report.fresh < policy.min_rows:
        findings.append(_too_few(report, policy))
    if report.answers is not None:
        findings += _accuracy(report.answers, tests, policy)
        if report.embedding is not None:
            findings.append(_inputs(report, tests))
        findings += _abstentions(report.answers, tests, policy)
    if report.labels is not None:
        test = tests["label mix"]
        findings.append(
            Finding(
                rule="label mix",
                calls_for="recalibrate",
                holds=test.significant and report.labels.distance > policy.min_label_distance,
                sentence=f"the mix of labels moved by {report.labels.distance:.1%} (total variation; more than "
                f"{policy.min_label_distance:.1%} matters), {_significance(test, policy)}",
            )
        )
    called = {finding.calls_for for finding in findings if finding.holds}
    return Decision(outcome=_strongest(called), findings=tuple(findings), tests=tuple(tests.values()), policy=policy)


def _strongest(called: set[Outcome]) -> Outcome:
    if "retrain" in called:
        return "retrain"
    return "recalibrate" if "recalibrate" in called else "nothing"


def _judged(report: DriftReport, policy: DriftPolicy) -> Tests:
    p_values: dict[str, float | None] = {}
    if report.labels is not None:
        p_values["label mix"] = report.labels.p_value
    if report.vocabulary is not None:
        p_values["vocabulary"] = report.vocabulary.p_value
    if report.embedding is not None:
        p_values["embedding"] = report.embedding.p_value
    if report.answers is not None:
        p_values["out of scope"] = report.answers.out_of_scope_p_value
        p_values["accuracy drop"] = report.answers.drop_p_value
        p_values["accuracy drop beyond limit"] = report.answers.beyond_p_value
    done = {name: value for name, value in p_values.items() if value is not None}
    return {
        name: JudgedTest(
            name=name,
            p_value=done[name],
            adjusted_p_value=adjusted,
            significant=adjusted <= policy.significance,
        )
        for name, adjusted in holm_adjusted(done).items()
    }


def _new_name(entry: NewName, policy: DriftPolicy) -> Finding:
    missing = policy.min_rows_per_label - entry.rows
    has = f"the {entry.kind} {entry.name!r} is new and has {entry.rows} rows"
    return Finding(
        rule=f"new {entry.kind}",
        calls_for="retrain",
        holds=missing <= 0,
        sentence=f"{has}, at least the {policy.min_rows_per_label} that it needs"
        if missing <= 0
        else f"{has}; it waits for {missing} more (min_rows_per_label is {policy.min_rows_per_label})",
    )


def _too_few(report: DriftReport, policy: DriftPolicy) -> Finding:
    return Finding(
        rule="rows",
        calls_for="nothing",
        holds=True,
        sentence=f"{report.fresh} of {report.rows} new rows are fresh and nothing can be tested; "
        f"{policy.min_rows - report.fresh} more are needed (min_rows is {policy.min_rows})",
    )


def _accuracy(answers: AnswerShift, tests: Tests, policy: DriftPolicy) -> list[Finding]:
    if answers.accuracy is None or answers.drop_low is None:
        return []
    test = tests["accuracy drop beyond limit"]
    return [
        Finding(
            rule="accuracy",
            calls_for="retrain",
            holds=test.significant,
            sentence=f"the champion's accuracy was {answers.gate_accuracy.value:.1%} on {answers.gate_accuracy.n} gate "
            f"rows and is {answers.accuracy.value:.1%} on {answers.accuracy.n} fresh rows (lower bound of the drop at "
            f"{policy.confidence:.0%} confidence: {answers.drop_low:.1%}); that the drop exceeds "
            f"{policy.max_accuracy_drop:.1%} is {_significance(test, policy)}",
        )
    ]


def _inputs(report: DriftReport, tests: Tests) -> Finding:
    moved, dropped = tests["embedding"], tests.get("accuracy drop")
    fell = dropped is not None and dropped.significant
    accuracy = f"accuracy {'fell' if fell else 'did not fall significantly'}" + (
        f" (adjusted p = {dropped.adjusted_p_value:.2g})" if dropped is not None else " as far as could be tested"
    )
    mmd2 = report.embedding.mmd2 if report.embedding is not None else 0.0
    return Finding(
        rule="inputs and accuracy",
        calls_for="retrain",
        holds=moved.significant and fell,
        sentence=f"the inputs {'moved' if moved.significant else 'did not move significantly'} (MMD² = {mmd2:.2g}, "
        f"adjusted p = {moved.adjusted_p_value:.2g}) and {accuracy}; both are needed",
    )


def _abstentions(answers: AnswerShift, tests: Tests, policy: DriftPolicy) -> list[Finding]:
    now, then = answers.out_of_scope, answers.gate_out_of_scope
    if now is None:
        return []
    test = tests["out of scope"]
    return [
        Finding(
            rule="out of scope",
            calls_for="recalibrate",
            holds=test.significant and abs(now.value - then.value) > policy.min_out_of_scope_change,
            sentence=f"the champion abstains on {now.value:.1%} of {now.n} fresh rows and on {then.value:.1%} of {then.n} "
            f"gate rows (a change of more than {policy.min_out_of_scope_change:.1%} matters), "
            f"{_significance(test, policy)}",
        )
    ]


def _significance(test: JudgedTest, policy: DriftPolicy) -> str:
    word = "significant" if test.significant else "not significant"
    sign = "<=" if test.significant else ">"
    return f"{word} (adjusted p = {test.adjusted_p_value:.2g} {sign} {policy.significance:g})"
