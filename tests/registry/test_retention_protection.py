"""Nothing goes that serves, may serve again, is running or belongs to another, whenever that comes to be."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.owners import HOME_TAG
from registry.retention import Item, Protected, RetentionPolicy, plan_retention, standing_digests
from registry.store import MlflowStore
from tests.registry.nights import NAME, delete, digest, doomed, night, plan_of, state, weights, why_kept


@pytest.fixture
def store(home) -> MlflowStore:
    return MlflowStore.of_home(home)


@pytest.fixture
def nights(home, store) -> list[str]:
    """The ids of four nights' runs; night n registered version n of a bundle whose digest is n."""
    return [night(home, number) for number in (1, 2, 3, 4)]


class TestProtection:
    @pytest.mark.parametrize("alias", ["champion", "challenger", "of-somebody"])
    def test_a_version_with_an_alias(self, store, nights, alias):
        store.open().set_registered_model_alias(NAME, alias, "1")
        plan = plan_of(store)
        assert why_kept(plan, f"{NAME}/1") == f"it is the {alias}"
        assert nights[0] not in doomed(plan, "run")
        assert digest(1) in standing_digests(store, Protected())

    @pytest.mark.parametrize(
        ("named", "said"),
        [
            (lambda _runs: Protected(versions=frozenset({(NAME, 1)})), "it is protected"),
            (lambda runs: Protected(runs=frozenset({runs[0]})), "its run is protected"),
            (lambda _runs: Protected(bundle_digests=frozenset({digest(1)})), "its bundle is protected"),
        ],
        ids=["a version", "its run", "its bundle"],
    )
    def test_what_the_caller_names(self, store, nights, named, said):
        protected = named(nights)
        plan = plan_of(store, protected)
        assert why_kept(plan, f"{NAME}/1") == said
        assert nights[0] not in doomed(plan, "run")
        assert len(doomed(plan, "logged model")) == 2
        delete(store, plan, lambda: protected)
        assert (NAME, 1) in state(store)[0]
        assert len(state(store)[3]) == 2

    def test_the_newest_versions_and_runs(self, store, nights):
        assert doomed(plan_of(store, versions=3), "version") == {f"{NAME}/1"}
        plan = plan_of(store, runs=3)
        assert doomed(plan, "run") == {nights[0]}
        assert why_kept(plan, nights[1]) == "it is among the newest 3 of its experiment"
        assert len(doomed(plan, "logged model")) == 3, "a run may stay for its numbers when its model goes"

    def test_what_is_younger_than_the_policy_says(self, store, nights):
        assert plan_of(store, days=365).doomed == ()
        assert why_kept(plan_of(store, days=365), f"{NAME}/1") == "it is younger than 365 days"

    def test_what_is_younger_than_a_day_under_any_policy(self, store, nights):
        now = datetime.now(UTC) + timedelta(hours=23)
        plan = plan_retention(store, RetentionPolicy(days=1, versions=1, runs=1), Protected(), now)
        assert plan.doomed == ()
        with pytest.raises(ValueError, match="greater than or equal to 1"):
            RetentionPolicy(days=0.5)

    def test_a_run_that_goes_on_also_when_only_a_step_of_it_does(self, store, nights):
        client = store.open()
        client.update_run(nights[1], status="RUNNING")
        experiment = client.get_run(nights[0]).info.experiment_id
        (step,) = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{nights[0]}'")
        client.update_run(step.info.run_id, status="RUNNING")
        plan = plan_of(store)
        assert {why_kept(plan, run_id) for run_id in nights[:2]} == {"it is running"}
        assert doomed(plan, "run") == {nights[2]}

    @pytest.mark.slow
    def test_a_copy_under_another_name_keeps_the_files_that_it_serves_from(self, store, nights):
        client = store.open()
        client.copy_model_version(f"models:/{NAME}/1", f"{NAME}-prod")
        client.set_registered_model_alias(f"{NAME}-prod", "champion", "1")
        plan = plan_of(store)
        delete(store, plan)
        assert (NAME, 1) not in state(store)[0]
        assert nights[0] in state(store)[2]
        assert weights(store) == [1000, 4000]

    @pytest.mark.slow
    def test_what_another_home_or_another_project_made(self, store, nights):
        client = store.open()
        client.set_tag(nights[0], HOME_TAG, "another home")
        client.delete_tag(nights[1], HOME_TAG)
        plan = plan_of(store)
        assert doomed(plan, "run") == {nights[2]}
        assert doomed(plan, "version") == {f"{NAME}/3"}
        assert not [entry for entry in plan.kept if entry.id in (*nights[:2], f"{NAME}/1", f"{NAME}/2")]

    def test_a_home_without_a_store_has_nothing_to_lose(self, tmp_path, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store = MlflowStore.of_home(tmp_path / "home")
        assert plan_of(store).doomed == ()
        assert not (tmp_path / "home").exists()


@pytest.mark.slow
class TestCachedBundles:
    def test_copies_go_but_of_bundles_that_may_serve(self, store, nights):
        client = store.open()
        client.set_registered_model_alias(NAME, "champion", "2")
        for number in (2, 3):
            (store.home / "models" / digest(number)).mkdir(parents=True)
            (store.home / "models" / digest(number) / "weights.bin").write_bytes(bytes(10))
        (store.home / "models" / "tmp-of-a-download").mkdir()
        plan = plan_of(store)
        assert [(item.id, item.bytes) for item in plan.doomed if item.kind == "cached bundle"] == [(digest(3), 10)]
        assert doomed(plan, "leftover") == {"models/tmp-of-a-download"}
        delete(store, plan)
        assert [path.name for path in (store.home / "models").iterdir()] == [digest(2)]

    def test_a_copy_of_what_becomes_champion_meanwhile_is_spared(self, store, nights):
        (store.home / "models" / digest(4)).mkdir(parents=True)
        plan = plan_of(store)
        store.open().set_registered_model_alias(NAME, "champion", "4")
        (spared,) = delete(store, plan).spared
        assert (spared.kind, spared.reason) == ("cached bundle", "it serves, or may serve again")


@pytest.mark.slow
class TestProtectedMeanwhile:
    def test_a_version_that_gets_an_alias_after_the_plan_keeps_it(self, store, nights):
        plan = plan_of(store)
        store.open().set_registered_model_alias(NAME, "champion", "2")
        outcome = delete(store, plan)
        assert {(entry.kind, entry.reason) for entry in outcome.spared} == {
            ("version", "it is the champion"),
            ("logged model", f"{NAME}/2 rests on it"),
            ("run", f"{NAME}/2 rests on it"),
        }
        assert store.open().get_model_version_by_alias(NAME, "champion").version == 2
        assert weights(store) == [2000, 4000]

    def test_protection_is_asked_before_every_deletion(self, store, nights):
        seen: list[Item] = []
        outcome = delete(
            store,
            plan_of(store),
            lambda: Protected(versions=frozenset({(NAME, 1)} if seen else ())),
            on_decided=lambda entry: seen.append(entry),
        )
        first, *others = [entry for entry in seen if entry.kind == "version"]
        assert first in outcome.deleted
        assert [entry.id for entry in others if entry in outcome.spared] == [f"{NAME}/1"]

    def test_a_run_that_is_taken_up_again_after_the_plan_stays(self, store, nights):
        plan = plan_of(store)
        store.open().update_run(nights[0], status="RUNNING")
        outcome = delete(store, plan)
        assert nights[0] in {entry.id for entry in outcome.spared}
        assert nights[0] in state(store)[2]

    def test_a_copy_made_after_the_plan_keeps_its_files(self, store, nights):
        plan = plan_of(store)
        store.open().copy_model_version(f"models:/{NAME}/3", f"{NAME}-prod")
        delete(store, plan)
        assert weights(store) == [3000, 4000]
