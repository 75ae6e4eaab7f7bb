"""Carries out what people decide in MLflow's UI: a polling sweep, and MLflow's webhooks as hints to sweep at once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prefect import flow

from flows.home import Home
from registry.registrar import Registrar
from registry.review import Swept, sweep
from tasks.errors import UserError

if TYPE_CHECKING:
    from flows.webhook_server import WebhookApp

SECRET: Final = "MIAOTUI_WEBHOOK_SECRET"  # noqa: S105 - the variable's name


@flow(name="review-sweep", validate_parameters=False, persist_result=False)
def review_sweep(name: str | None = None) -> list[str]:
    """Sweeps one model, or all that are on the ledger; what was done, in sentences.

    Works however often and by however many it is run. Raises UserError for a model that is not on the ledger.
    """
    swept = sweep_models(Registrar.of_home(Home.open().folder), name)
    return [sentence for each in swept for sentence in each.sentences]


def sweep_models(registrar: Registrar, name: str | None = None) -> list[Swept]:
    """The sweep of one model or of all, without Prefect."""
    known = registrar.ledger.models()
    if name is not None and name not in known:
        raise UserError(f"the ledger has nothing about {name}; models on it: {', '.join(known) or 'none'}")
    return [sweep(registrar, model) for model in ([name] if name else known)]


def webhook_app(home: Path) -> "WebhookApp":
    """An application that sweeps a model whenever a genuine webhook names it.

    The webhook's secret comes from MIAOTUI_WEBHOOK_SECRET. Raises UserError without it.
    """
    from flows.webhook_server import WebhookApp
    from registry.deliveries import SeenDeliveries

    secret = os.environ.get(SECRET, "")
    if not secret:
        raise UserError("is not set; give it the secret of MLflow's webhook", field=SECRET)
    registrar = Registrar.of_home(home)

    def act(name: str, _version: int | None) -> None:
        if name in registrar.ledger.models():
            sweep(registrar, name)

    return WebhookApp(secret, SeenDeliveries(home / "webhooks.db"), act)
