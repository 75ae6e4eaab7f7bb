"""Says at once when `PREFECT_API_URL` names a server that is not there; Prefect itself says it with a long traceback."""

import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from tasks.errors import UserError

_ANSWER_TIMEOUT_S: Final = 10.0


def require_prefect_server(environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError where the environment names a Prefect server that does not answer; none named is fine."""
    url = environment.get("PREFECT_API_URL")
    if not url:
        return
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"must be an http(s) address that ends with /api, not {shown}", file="PREFECT_API_URL")
    request = urllib.request.Request(f"{url.rstrip('/')}/health")  # noqa: S310 - the scheme was checked
    try:
        urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S).close()  # noqa: S310 - the scheme was checked
    except urllib.error.HTTPError:
        return  # whatever it says, something answers
    except OSError as error:
        message = f"the Prefect server at {shown} does not answer; start it, or unset PREFECT_API_URL to run without"
        raise UserError(message) from error
