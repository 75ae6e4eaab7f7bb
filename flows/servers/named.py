"""The Prefect server that the environment names: asked once before Prefect is, which says what is wrong with a long traceback.

Asked by the library that Prefect asks with, so that proxies and certificates count here as they count there.
"""

import base64
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tasks.errors import UserError
from tasks.machine.loopback import require_usable_proxies, spare_loopback, through
from tasks.machine.waiting import waiting_for

if TYPE_CHECKING:
    import httpx

_FIELD: Final = "PREFECT_API_URL"
_TIMEOUT_S: Final = 30.0
_AUTHENTICATION: Final = ("PREFECT_API_AUTH_STRING", "PREFECT_API_KEY")
# Where Prefect's own settings may come from beside variables; what they hold is not known here.
_PROFILES: Final = ("PREFECT_PROFILE", "PREFECT_PROFILES_PATH")


def require_prefect_server(environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError where the environment names a Prefect server that cannot be used; none named is fine."""
    if environment is os.environ:
        spare_loopback()
    require_usable_proxies(environment)
    url = environment.get(_FIELD)
    if not url:
        return
    shown = _shown(url)
    with waiting_for(f"the Prefect server at {shown} to answer"):
        status = _asked(url, shown, environment).status_code
    if status == 404:
        raise UserError(f"{shown} answers, but not as Prefect's API does; its address ends with /api", field=_FIELD)
    if status in (401, 403) and not any(environment.get(name) for name in _PROFILES):
        given = next((name for name in _AUTHENTICATION if environment.get(name)), None)
        way_out = f"it does not accept {given}" if given else f"set {_AUTHENTICATION[0]} (user:password)"
        raise UserError(f"the Prefect server at {shown} does not let this user in; {way_out}")


def _asked(url: str, shown: str, environment: Mapping[str, str]) -> "httpx.Response":
    import httpx

    verify: bool | str = environment.get("PREFECT_API_SSL_CERT_FILE") or True
    if environment.get("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "").lower() in ("1", "true"):
        verify = False
    try:
        return httpx.get(
            f"{url.rstrip('/')}/admin/version", headers=_headers(environment), timeout=_TIMEOUT_S, verify=verify
        )
    except httpx.ConnectError as error:
        if "certificate verify failed" in str(error):
            message = f"the certificate of the Prefect server at {shown} is not trusted"
            raise UserError(f"{message}; name its authority's file in PREFECT_API_SSL_CERT_FILE") from error
        raise _silent(url, shown) from error
    except (httpx.HTTPError, OSError) as error:
        raise _silent(url, shown) from error
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UserError(f"is no address ({error}); write http://HOST:PORT/api", field=_FIELD) from error


def _silent(url: str, shown: str) -> UserError:
    return UserError(
        f"the Prefect server at {shown} does not answer{through(url)}; start it, or unset {_FIELD} to run without"
    )


def _headers(environment: Mapping[str, str]) -> dict[str, str]:
    basic, key = (environment.get(name) for name in _AUTHENTICATION)
    if basic:
        return {"Authorization": f"Basic {base64.b64encode(basic.encode()).decode()}"}
    return {"Authorization": f"Bearer {key}"} if key else {}


def _shown(url: str) -> str:
    """The address without user and password. Raises UserError where it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UserError(f"is no address ({error}); write http://HOST:PORT/api", field=_FIELD) from error
    if parts.scheme not in ("http", "https") or not host or any(character.isspace() for character in url):
        shown = url.rpartition("@")[2]
        raise UserError(f"must be an http(s) address that ends with /api, not {shown!r}", field=_FIELD)
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
