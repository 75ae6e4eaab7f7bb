"""Whether an MLflow server answers, asked once before MLflow's client is let at it.

MLflow's client retries for minutes on what is not there; what is wrong is said here in a line. Asked by the library that
MLflow asks with, so that proxies and certificates count here as they count there.
"""

import os
from typing import Final
from urllib.parse import urlsplit

from tasks.errors import UserError
from tasks.machine.loopback import through
from tasks.machine.waiting import waiting_for

_TIMEOUT_S: Final = 30.0
_INSECURE: Final = "MLFLOW_TRACKING_INSECURE_TLS"
_CERTIFICATE: Final = "MLFLOW_TRACKING_SERVER_CERT_PATH"


def require_answer(uri: str, field: str) -> None:
    """Raises UserError where nobody answers at an http(s) address. `field`: the variable that gave it."""
    import requests
    from requests.exceptions import InvalidSchema, InvalidURL, RequestException, SSLError

    shown = shown_server(uri, field)
    verify = os.environ.get(_INSECURE, "").lower() not in ("true", "1")
    try:
        with waiting_for(f"the MLflow server at {shown} to answer"):
            requests.get(
                f"{uri.rstrip('/')}/health",
                timeout=_TIMEOUT_S,
                verify=(os.environ.get(_CERTIFICATE) or True) if verify else False,
            )  # whatever it says, something answers
    except SSLError as error:
        reason = str(error).rpartition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "no TLS there"
        message = f"the certificate of the MLflow server at {shown} is not trusted ({reason[:100]})"
        raise UserError(f"{message}; name its authority's file in {_CERTIFICATE}") from error
    except (InvalidURL, InvalidSchema) as error:
        raise UserError(f"cannot be asked at {shown}: {error}", field=field) from error
    except (RequestException, OSError) as error:
        message = f"the MLflow server at {shown} does not answer{through(uri)}; start it or unset {field}"
        raise UserError(message) from error


def shown_server(uri: str, field: str) -> str:
    """The address without user and password. Raises UserError where it is none."""
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"is no address ({error}); write http://HOST:PORT", field=field) from error
    if not host or any(character.isspace() for character in uri):
        raise UserError("is no address; write http://HOST:PORT", field=field)
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "") + parts.path.rstrip("/")
