"""MLflow's webhooks: who sent a delivery, whether it is fresh, and which model version it points to.

A webhook is a hint that something changed. Whoever gets one reads the registry again: deliveries are lost, repeated and
out of order, and their content is never taken for the state. Signatures are those of MLflow's `mlflow.webhooks.delivery`
(after Standard Webhooks): `v1,` and the base64 of HMAC-SHA256 over `DELIVERY_ID.TIMESTAMP.BODY`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, Field, ValidationError

from tasks.artifact import Record
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.webhook import Webhook

MAX_AGE_S: Final = 300
"""A delivery signed longer ago is refused, so ids need not be remembered for ever."""
CLOCK_SKEW_S: Final = 5
"""How far the sender's clock may be ahead of ours."""
EVENTS: Final = (
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)
"""All that can change a version's standing."""

_DELIVERY_ID: Final = "x-mlflow-delivery-id"
_TIMESTAMP: Final = "x-mlflow-timestamp"
_SIGNATURE: Final = "x-mlflow-signature"
# Without dots, so that a signature over `ID.TIMESTAMP.BODY` cannot be read as that of another split.
_ID_FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TIMESTAMP_FORM: Final = re.compile(r"[0-9]{1,12}")


class RefusedDeliveryError(Exception):
    """A delivery that is not acted upon; `status` is the HTTP status that says why."""

    def __init__(self, status: int, reason: str) -> None:
        """`reason`: one sentence without anything secret."""
        self.status = status
        super().__init__(reason)


class Delivery(Record):
    """A genuine, fresh delivery. `sent_at`: Unix time in seconds; `version` is None where the event names none."""

    delivery_id: str
    sent_at: int
    event: str
    name: str
    version: int | None


class _Data(BaseModel):
    name: str = Field(min_length=1, max_length=256)
    version: int | None = Field(default=None, ge=1)


class _Payload(BaseModel):
    entity: str
    action: str
    data: _Data


def verified(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> Delivery:
    """The delivery, if its signature is of this secret and no older than MAX_AGE_S at `now` (Unix time, seconds).

    Raises RefusedDeliveryError: 401 for a wrong or missing signature or a time outside of the window, 400 for what is
    no delivery of MLflow's. Whether it came before is for the caller to know (`registry.deliveries`).
    """
    lower = {name.lower(): value for name, value in headers.items()}
    delivery_id, timestamp = lower.get(_DELIVERY_ID, ""), lower.get(_TIMESTAMP, "")
    if not _ID_FORM.fullmatch(delivery_id) or not _TIMESTAMP_FORM.fullmatch(timestamp):
        raise RefusedDeliveryError(400, "the delivery's id or timestamp is missing or malformed")
    expected = signature(secret, delivery_id, timestamp, body).encode()
    # Compared as bytes: a header may hold anything, and compare_digest takes no text beyond ASCII.
    if not hmac.compare_digest(expected, lower.get(_SIGNATURE, "").encode("utf-8", "surrogatepass")):
        raise RefusedDeliveryError(401, "the signature is not of this webhook's secret")
    sent_at = int(timestamp)
    if not now - MAX_AGE_S <= sent_at <= now + CLOCK_SKEW_S:
        raise RefusedDeliveryError(401, f"the delivery was signed {now - sent_at:.0f} s ago; {MAX_AGE_S} s are allowed")
    try:
        payload = _Payload.model_validate_json(body)
    except ValidationError as error:
        raise RefusedDeliveryError(400, "the body is no event about a registered model") from error
    event = f"{payload.entity}.{payload.action}"
    return Delivery(
        delivery_id=delivery_id, sent_at=sent_at, event=event, name=payload.data.name, version=payload.data.version
    )


def signature(secret: str, delivery_id: str, timestamp: str, body: bytes) -> str:
    """What MLflow sends as `X-MLflow-Signature`."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


def ensure_webhook(client: "MlflowClient", url: str, secret: str, name: str) -> "Webhook":
    """Subscribe `url` to EVENTS under `name`, once however often it is called; an older subscription is renewed.

    Only an MLflow server sends webhooks. It sends the first up to a minute later (MLFLOW_WEBHOOK_CACHE_TTL). Raises
    UserError where it refuses the address.
    """
    from mlflow.exceptions import MlflowException

    known = [webhook for webhook in _webhooks(client) if webhook.name == name]
    try:
        if known:
            # The secret cannot be read back, so it is written again; two processes at once may have made two.
            kept = client.update_webhook(
                known[0].webhook_id, url=url, secret=secret, events=list(EVENTS), status="ACTIVE"
            )
        else:
            kept = client.create_webhook(name, url, list(EVENTS), secret=secret)
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
        raise UserError(
            f"the MLflow server refuses the webhook {url} ({error.message}); give it a public https address, or start the "
            "server with MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https and MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true"
        ) from error
    for duplicate in known[1:]:
        client.delete_webhook(duplicate.webhook_id)
    return kept


def _webhooks(client: "MlflowClient") -> "list[Webhook]":
    found: list[Webhook] = []
    token = None
    while True:
        page = client.list_webhooks(page_token=token)
        found += page
        token = page.token
        if not token:
            return found
