"""The receiver of MLflow's webhooks: what it answers, and that a real MLflow server's delivery gets through, once."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from flows.webhook_server import MAX_BODY_BYTES, PATH, WebhookApp
from registry.deliveries import SeenDeliveries
from registry.webhooks import MAX_AGE_S, signature
from tests.mlflow_server import mlflow_server

SECRET = "a secret of the webhook"
NOW = 1_764_000_000.0
BODY = json.dumps(
    {"entity": "model_version_tag", "action": "set", "data": {"name": "m", "version": "3", "key": "review"}}
).encode()


class Hints(list[tuple[str, int | None]]):
    """What was passed on; `broken` makes acting on it fail."""

    broken = False

    def __call__(self, name: str, version: int | None) -> None:
        if self.broken:
            raise RuntimeError("the registry does not answer")
        self.append((name, version))


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
def client(tmp_path: Path, hints: Hints) -> TestClient:
    app = WebhookApp(SECRET, SeenDeliveries(tmp_path / "seen.db"), hints, clock=lambda: NOW)
    return TestClient(app, raise_server_exceptions=False)  # type: ignore[arg-type]


def headers(
    body: bytes = BODY, *, delivery_id: str = "one", secret: str = SECRET, sent_at: float = NOW
) -> dict[str, str]:
    timestamp = str(int(sent_at))
    return {
        "X-MLflow-Delivery-Id": delivery_id,
        "X-MLflow-Timestamp": timestamp,
        "X-MLflow-Signature": signature(secret, delivery_id, timestamp, body),
    }


def test_a_genuine_delivery_becomes_a_hint(client: TestClient, hints: Hints) -> None:
    answer = client.post(PATH, content=BODY, headers=headers())
    assert (answer.status_code, answer.content) == (204, b"")
    assert hints == [("m", 3)]


@pytest.mark.parametrize(
    ("body", "changed", "status"),
    [
        (BODY, {"secret": "another"}, 401),
        (BODY, {"sent_at": NOW - MAX_AGE_S - 1}, 401),
        (BODY, {"sent_at": NOW + 60}, 401),
        (b"{", {}, 400),
        (BODY, {"delivery_id": "a.b"}, 400),
        (b" " * (MAX_BODY_BYTES + 1), {}, 413),
    ],
    ids=["another secret", "too old", "in the future", "no JSON", "no id", "too large"],
)
def test_what_is_refused_says_why_and_is_no_hint(
    client: TestClient, hints: Hints, body: bytes, changed: dict[str, Any], status: int
) -> None:
    answer = client.post(PATH, content=body, headers=headers(body, **changed))
    assert answer.status_code == status
    assert answer.text
    assert SECRET not in answer.text
    assert hints == []


def test_a_body_of_unannounced_length_is_read_no_further_than_the_limit(client: TestClient, hints: Hints) -> None:
    read = []

    def chunks() -> Iterator[bytes]:
        for number in range(100):
            read.append(number)
            yield b" " * (MAX_BODY_BYTES // 4)

    assert client.post(PATH, content=chunks(), headers=headers()).status_code == 413
    assert hints == []


@pytest.mark.parametrize(("method", "path", "status"), [("GET", PATH, 405), ("POST", "/", 404)])
def test_anything_else_is_not_served(client: TestClient, method: str, path: str, status: int) -> None:
    assert client.request(method, path, headers=headers(b"")).status_code == status


def test_a_repeated_delivery_is_a_conflict_also_after_a_restart(
    client: TestClient, hints: Hints, tmp_path: Path
) -> None:
    assert client.post(PATH, content=BODY, headers=headers()).status_code == 204
    assert client.post(PATH, content=BODY, headers=headers()).status_code == 409
    restarted = WebhookApp(SECRET, SeenDeliveries(tmp_path / "seen.db"), hints, clock=lambda: NOW + 10)
    assert TestClient(restarted).post(PATH, content=BODY, headers=headers()).status_code == 409  # type: ignore[arg-type]
    assert client.post(PATH, content=BODY, headers=headers(delivery_id="two")).status_code == 204
    assert hints == [("m", 3), ("m", 3)]


def test_a_delivery_that_could_not_be_acted_upon_is_taken_when_it_comes_again(client: TestClient, hints: Hints) -> None:
    hints.broken = True
    assert client.post(PATH, content=BODY, headers=headers()).status_code == 500
    hints.broken = False
    assert client.post(PATH, content=BODY, headers=headers()).status_code == 204
    assert hints == [("m", 3)]


def test_a_receiver_without_a_secret_does_not_start(tmp_path: Path, hints: Hints) -> None:
    with pytest.raises(ValueError, match="without a secret"):
        WebhookApp("", SeenDeliveries(tmp_path / "seen.db"), hints)


@pytest.mark.slow
@pytest.mark.network
def test_an_approval_in_a_real_mlflow_server_arrives_and_its_recording_is_refused(tmp_path: Path, hints: Hints) -> None:
    import httpx
    from cryptography.fernet import Fernet
    from mlflow import MlflowClient

    seen = tmp_path / "seen.db"
    recorded: list[tuple[dict[str, str], bytes]] = []
    environment = {
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "MLFLOW_WEBHOOK_CACHE_TTL": "0",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    }
    app = WebhookApp(SECRET, SeenDeliveries(seen), hints)
    with (
        served(Recorder(app, recorded)) as receiver,
        mlflow_server(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path, environment=environment) as url,
    ):
        client = MlflowClient(tracking_uri=url, registry_uri=url)
        events: list[Any] = ["model_version.created", "model_version_tag.set"]
        client.create_webhook("promotion", receiver + PATH, events, secret=SECRET)
        client.create_registered_model("support-intents")
        model = client.create_logged_model(client.create_experiment("support-intents"), name="bundle")
        client.create_model_version("support-intents", source=f"models:/{model.model_id}", model_id=model.model_id)
        client.set_model_version_tag("support-intents", "1", "review", "approved")
        wait_for(lambda: len(hints) >= 2)
        assert hints == [("support-intents", 1), ("support-intents", 1)]
        ((sent, body),) = [entry for entry in recorded if b"review" in entry[1]]
        assert json.loads(body)["data"]["value"] == "approved"

        assert httpx.post(receiver + PATH, content=body, headers=sent).status_code == 409
        forged = body.replace(b"approved", b"rejected")
        assert httpx.post(receiver + PATH, content=forged, headers=sent).status_code == 401
    with served(WebhookApp(SECRET, SeenDeliveries(seen), hints)) as restarted:
        assert httpx.post(restarted + PATH, content=body, headers=sent).status_code == 409
    later = WebhookApp(SECRET, SeenDeliveries(tmp_path / "other.db"), hints, clock=lambda: time.time() + MAX_AGE_S + 1)
    with served(later) as receiver:
        assert httpx.post(receiver + PATH, content=body, headers=sent).status_code == 401
    assert len(hints) == 2


class Recorder:
    """Keeps the bytes of every request on their way to the app."""

    def __init__(self, app: Any, recorded: list[tuple[dict[str, str], bytes]]) -> None:
        self.app = app
        self.recorded = recorded

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        assert not message["more_body"]
        names = {name.decode(): value.decode() for name, value in scope["headers"] if name.startswith(b"x-mlflow")}
        self.recorded.append((names, message["body"]))

        async def again() -> Any:
            return message

        await self.app(scope, again, send)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The app on a free port of loopback, in a thread."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            wait_for(lambda: server.started)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def wait_for(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
