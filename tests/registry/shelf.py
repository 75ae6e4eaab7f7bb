"""Registered versions made in milliseconds: tags without bytes, for tests of who may serve and not of what is served."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from registry.blessing import Blessing
from registry.promotion import Promotion, promote_version
from registry.registrar import Registrar
from registry.settlement import note_registration, settle
from registry.versions import CHALLENGER, CHAMPION, RegisteredVersion, find_alias, find_version
from tasks.errors import UserError
from tasks.recipe.schema import PromotionConfig

MODEL = "support-intents"
AUTO, REVIEW = PromotionConfig(), PromotionConfig(mode="review")


def blessing(version: RegisteredVersion) -> Blessing:
    return Blessing(
        version=version.uri,
        model_digest=version.tags["model_digest"],
        bundle_digest=version.tags["bundle_digest"],
        manifest_sha256="m",
        answers=1,
        requirements=(),
        python="3",
        seconds=0.0,
        blessed_at=datetime(2026, 1, 1, tzinfo=UTC),
        sentence="blessed without looking",
    )


class Shelf:
    """One registered model, with a clock that can be set and versions that cannot be blessed."""

    def __init__(self, home: Path, model: str = MODEL, actor: str = "tester") -> None:
        self.model = model
        self.ahead = timedelta()
        self.unloadable: set[int] = set()
        registrar = Registrar.of_home(home, actor=actor)
        self.registrar = Registrar(registrar.store, registrar.ledger, actor, self._bless, self._now)

    @property
    def client(self):
        return self.registrar.client

    @property
    def state(self):
        return self.registrar.state(self.model)

    @property
    def kinds(self) -> list[str]:
        return [entry.kind.value for entry in self.registrar.ledger.entries(self.model)]

    @property
    def last(self):
        return self.registrar.ledger.head(self.model)

    def put(self, verdict: str = "PASS", *, against: int | None = None, **config) -> RegisteredVersion:
        """A new version, on the ledger."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.get_registered_model(self.model)
        except MlflowException:
            self.client.create_registered_model(self.model)
        number = 1 + len(self.client.search_model_versions(f"name = '{self.model}'"))
        tags = {
            key: f"{key} {number}" for key in ("verdict_digest", "bundle_digest", "evidence_digest", "model_digest")
        }
        created = self.client.create_model_version(
            self.model, source=f"/nowhere/{number}", tags={"verdict": verdict, **tags}
        )
        version = self.get(int(created.version))
        note_registration(self.registrar, version, config=PromotionConfig(**config), judged_against=against)
        return version

    def get(self, number: int) -> RegisteredVersion:
        found = find_version(self.client, self.model, number)
        assert found is not None
        return found

    def alias(self, alias: str) -> int | None:
        found = find_alias(self.client, self.model, alias)
        return found.version if found else None

    @property
    def champion(self) -> int | None:
        """The alias; on the way it is compared with the ledger."""
        assert self.alias(CHAMPION) == self.state.champion
        return self.alias(CHAMPION)

    @property
    def challenger(self) -> int | None:
        assert self.alias(CHALLENGER) == self.state.challenger
        return self.alias(CHALLENGER)

    def set_review(self, number: int, answer: str) -> None:
        """What a person does in MLflow's UI."""
        self.client.set_model_version_tag(self.model, str(number), "review", answer)

    def _bless(self, _store: object, version: RegisteredVersion) -> Blessing:
        if version.version in self.unloadable:
            raise UserError(f"{version.uri} cannot be loaded")
        return blessing(version)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def promote(shelf: Shelf, version: RegisteredVersion) -> Promotion:
    return promote_version(shelf.registrar, MODEL, version.version, reason="because")


def settled(
    shelf: Shelf, version: RegisteredVersion, config: PromotionConfig = AUTO, against: int | None = None
) -> Promotion:
    return settle(shelf.registrar, version, config=config, judged_against=against)
