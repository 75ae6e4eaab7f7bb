"""What is deployed follows from the recipe, and a difference from what the server holds is named by its fields."""

import importlib
from pathlib import Path

import pytest

from flows.deployments.apply import check_cron
from flows.deployments.benchmarks import benchmark_deployments
from flows.deployments.plan import Applied, DeploymentSpec, change_of, deployments_of, differing_fields
from tasks.errors import UserError
from tasks.families.load_recipe import load_recipe
from tasks.recipe import Fingerprint, Target

QUICKSTART = Path(__file__).parents[2] / "configs" / "quickstart.yaml"


def specs(*overrides: str) -> tuple[DeploymentSpec, ...]:
    return deployments_of(load_recipe(QUICKSTART, overrides), sweep_every_s=600)


def test_the_night_follows_the_recipes_schedule_and_names_its_file_and_overrides() -> None:
    nightly, take_in, look, sweep, *_ = specs(
        "schedule={cron: 15 3 * * 1-5, timezone: Europe/Berlin}", "intake.sweep_minutes=3"
    )
    assert nightly.full_name == "nightly/support-intents"
    assert (nightly.cron, nightly.timezone, nightly.limit) == ("15 3 * * 1-5", "Europe/Berlin", 1)
    assert nightly.parameters["recipe"] == str(QUICKSTART)
    assert nightly.parameters["overrides"][0] == "schedule={cron: 15 3 * * 1-5, timezone: Europe/Berlin}"
    assert (look.full_name, look.interval_s, look.if_running) == ("look/support-intents", 180, "CANCEL_NEW")
    assert (take_in.full_name, take_in.has_schedule, take_in.if_running) == (
        "take-in/support-intents",
        False,
        "ENQUEUE",
    )
    assert take_in.parameters == look.parameters == nightly.parameters
    assert (sweep.full_name, sweep.interval_s) == ("review-sweep/all-models", 600)


def test_every_entry_point_is_the_flow_that_it_is_deployed_as() -> None:
    for spec in specs():
        module, _, name = spec.entrypoint.rpartition(".")
        flow = getattr(importlib.import_module(module), name)
        assert flow.name == spec.flow
        assert set(spec.parameters) <= set(flow.parameters.properties)


def test_each_target_with_a_pool_has_a_deployment_there_that_waits_to_be_called() -> None:
    machine = Fingerprint(cpu="Xeon", instruction_set=(), cores=4)
    targets = [Target(name="local"), Target(name="edge", work_pool="edge-boxes", fingerprint=machine)]
    (edge,) = benchmark_deployments(targets)
    assert (edge.full_name, edge.work_pool, edge.limit) == ("benchmark/edge", "edge-boxes", None)
    assert not edge.has_schedule
    module, _, name = edge.entrypoint.rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    assert flow.name == edge.flow
    assert set(flow.parameters.properties) == {"job", "digest"}


def test_the_retention_only_lists_unless_told_to_delete_and_the_recalibration_runs_by_hand_alone() -> None:
    retention, recalibrate = specs()[4:]
    assert (retention.full_name, retention.cron) == ("retention/all-models", "0 12 * * 0")
    assert retention.parameters == {"delete": False}
    assert recalibrate.full_name == "recalibrate/support-intents"
    assert recalibrate.parameters["model"] == "models:/support-intents@champion"
    assert not recalibrate.has_schedule
    told = deployments_of(load_recipe(QUICKSTART), sweep_every_s=600, delete_old=True)[4]
    assert told.parameters == {"delete": True}
    assert differing_fields(told, retention) == ("parameters", "description")


def test_what_neither_trains_nor_measures_never_waits_behind_what_does() -> None:
    queues = {spec.flow: spec.work_queue for spec in specs()}
    assert queues == {
        "nightly": "default",
        "take-in": "default",
        "recalibrate": "default",
        "look": "light",
        "review-sweep": "light",
        "retention": "light",
    }


def test_the_same_again_is_unchanged_and_a_difference_is_named() -> None:
    wanted = specs()[0]
    assert change_of(wanted, None) == "created"
    assert change_of(wanted, wanted) == "unchanged"
    held = wanted.model_copy(update={"cron": "0 1 * * *", "paused": True})
    assert change_of(wanted, held) == "updated"
    assert differing_fields(wanted, held) == ("cron", "paused")


def test_a_sentence_says_what_changed_and_when_the_next_run_is() -> None:
    applied = Applied(name="nightly/a", change="updated", fields=("cron",), next_run="2026-11-24 02:30 UTC")
    assert applied.sentence == "nightly/a: updated (cron); next run 2026-11-24 02:30 UTC"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("schedule.cron=daily", r"schedule\.cron: must be minute, hour, day, month and weekday"),
        ("schedule.timezone=Berlin", r'schedule\.timezone: must be a time zone like "UTC" or "Europe/Berlin"'),
        ("schedule.chron='1 1 * * *'", r"did you mean schedule\.cron\?"),
    ],
)
def test_a_wrong_schedule_is_one_line(override: str, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        specs(override)


def test_what_prefect_does_not_take_for_cron_names_the_recipes_field() -> None:
    nightly = specs("schedule.cron='99 3 * * *'")[0]
    with pytest.raises(UserError, match=r"recipe\.yaml: schedule\.cron: .*99 3"):
        check_cron(nightly, "recipe.yaml")
