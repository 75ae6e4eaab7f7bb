"""Receives MLflow's webhooks over HTTP and passes the genuine, fresh and new ones on as hints.

Answers 204 to a delivery that was acted upon, 400 to what is malformed, 401 to a wrong signature or an old one, 409 to a
repeated one, 413 to one that is too large. Where acting on it fails the answer is 500, after which MLflow sends it again.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from registry.deliveries import SeenDeliveries
from registry.webhooks import RefusedDeliveryError, verified

PATH: Final = "/webhooks/mlflow"
"""Where deliveries are taken; anything else is not found."""
# MLflow's largest event holds a tag's value of 100,000 characters, each at most 6 bytes as JSON, or a version's tags.
MAX_BODY_BYTES: Final = 1 << 20
_BODY_TIMEOUT_S: Final = 10.0
_MOST_AT_ONCE: Final = 64

OnHint = Callable[[str, int | None], None]
Receive = Callable[[], Any]
Send = Callable[[dict[str, Any]], Any]


class WebhookApp:
    """An ASGI application; a delivery's name and version go to `on_hint`, in a thread, at most once."""

    def __init__(
        self, secret: str, seen: SeenDeliveries, on_hint: OnHint, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`secret`: the webhook's. `on_hint(name, version)` reads the registry again; version is None where unnamed."""
        if not secret:
            raise ValueError("a webhook without a secret cannot be told from anybody's request")
        self._secret = secret
        self._seen = seen
        self._on_hint = on_hint
        self._clock = clock

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            raise NotImplementedError(f"{scope['type']} is not served")
        try:
            if scope["path"] != PATH:
                raise RefusedDeliveryError(404, f"deliveries are taken at {PATH}")
            if scope["method"] != "POST":
                raise RefusedDeliveryError(405, "a delivery is a POST")
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            body = await _body(headers, receive)
            if body is None:
                return
            await asyncio.to_thread(self._act, headers, body)
        except RefusedDeliveryError as refusal:
            await _answer(send, refusal.status, str(refusal))
        else:
            await _answer(send, 204)

    def _act(self, headers: dict[str, str], body: bytes) -> None:
        now = self._clock()
        delivery = verified(self._secret, headers, body, now=now)
        self._seen.claim(delivery, now=now)
        try:
            self._on_hint(delivery.name, delivery.version)
        except BaseException:
            self._seen.release(delivery)
            raise


def serve(app: WebhookApp, *, host: str = "127.0.0.1", port: int = 4281) -> None:
    """Serve until the process is told to stop (SIGINT or SIGTERM)."""
    import uvicorn

    uvicorn.run(
        app,
        host=host,
        port=port,
        lifespan="off",
        ws="none",
        log_level="warning",
        server_header=False,
        limit_concurrency=_MOST_AT_ONCE,
    )


async def _body(headers: dict[str, str], receive: Receive) -> bytes | None:
    """The request's body, or None where the sender went away. Raises RefusedDeliveryError: 413 or 408."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > MAX_BODY_BYTES:
        raise RefusedDeliveryError(413, f"a delivery has at most {MAX_BODY_BYTES} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise RefusedDeliveryError(413, f"a delivery has at most {MAX_BODY_BYTES} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise RefusedDeliveryError(408, f"the body did not come within {_BODY_TIMEOUT_S:.0f} s") from error


async def _answer(send: Send, status: int, reason: str = "") -> None:
    text = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    if status in (408, 413):  # the rest of the body is not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers if status != 204 else []})
    await send({"type": "http.response.body", "body": text})
