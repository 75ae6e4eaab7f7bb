"""Servers on this machine are never asked through a proxy, whatever proxies the environment names.

The libraries each read `no_proxy` in a way of their own: urllib and websockets by suffix and only the lower-case one where
both are there, requests with IPv4 networks, and httpx, which is Prefect's, as URL patterns, so that an entry such as `[::1]`
or `::1/128` ends every client with an error. What is written here is read alike by all of them. It is in the environment,
so child processes have it, too.
"""

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Final
from urllib.parse import urlsplit

from tasks.errors import UserError

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_NAMES: Final = ("no_proxy", "NO_PROXY")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")
_SERVERS: Final = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_SEPARATORS: Final = re.compile(r"[\s,;]+")
# Names, suffixes, addresses and IPv4 networks, with a port or without; all that is matched anywhere.
_READABLE: Final = re.compile(r"[A-Za-z0-9._*-]+(?:/\d{1,2}|:\d{1,5})?")
_SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_FORM: Final = "write http://HOST:PORT (or https, socks5, socks5h), or unset it"


def spare_loopback(environment: MutableMapping[str, str] = os.environ) -> None:
    """Adds the names of this machine to `no_proxy` and `NO_PROXY`, where a proxy or an exception is named at all.

    The user's own entries stay, rewritten where one of the libraries would not read them: separators become commas, brackets
    go. Two kinds are left out, since nothing reads the first and httpx fails on both: networks of IPv6, and what is no host.
    """
    if not any(environment.get(name) for name in (*_NAMES, *_cased(_PROXIES))):
        return
    spared = (*LOOPBACK, *(host for host in _named_hosts(environment) if is_loopback(host)))
    own = {name: environment.get(name) for name in _NAMES}
    for name, other in zip(_NAMES, reversed(_NAMES), strict=True):
        entries = list(_entries(own[name] or own[other] or ""))
        # urllib knows the star only alone.
        environment[name] = "*" if "*" in entries else ",".join(dict.fromkeys([*entries, *spared]))


def require_usable_proxies(environment: Mapping[str, str] = os.environ) -> None:
    """Raises UserError for a proxy that httpx takes for none, which ends Prefect's clients for every address."""
    for name in _cased(_PROXIES):
        proxy = environment.get(name, "")
        if not proxy:
            continue
        try:
            parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            usable = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port or 0) >= 0
        except ValueError:
            usable = False
        if not usable or proxy != proxy.strip():
            shown = proxy.rpartition("@")[2]  # before it may be a password
            raise UserError(f"{shown!r} is no proxy that can be asked; {_FORM}", field=name)


def through(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """For messages about a server that does not answer: ` through the proxy HOST:PORT`, or nothing where none is used."""
    parts = urlsplit(url)
    proxy = next(
        (environment[name] for name in _cased((f"{parts.scheme}_proxy", "all_proxy")) if environment.get(name)), None
    )
    if proxy is None or _is_excepted(parts.hostname or "", environment):
        return ""
    return f" through the proxy {proxy.rpartition('@')[2].rpartition('//')[2].rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Whether the host is this machine: by its name, or an address of loopback or of no place in particular."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _cased(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield from (name, name.upper())


def _named_hosts(environment: Mapping[str, str]) -> Iterator[str]:
    for name in _SERVERS:
        try:
            host = urlsplit(environment.get(name, "")).hostname
        except ValueError:
            continue  # whoever reads that address says so
        if host:
            yield host


def _is_excepted(host: str, environment: Mapping[str, str]) -> bool:
    exceptions = _entries(environment.get("no_proxy") or environment.get("NO_PROXY") or "")
    names = [entry if entry.count(":") > 1 else entry.partition(":")[0] for entry in exceptions]
    return "*" in names or any(host == name or host.endswith("." + name.lstrip("*.")) for name in names)


def _entries(exceptions: str) -> Iterator[str]:
    for entry in filter(None, _SEPARATORS.split(exceptions)):
        host = entry.partition("]")[0].removeprefix("[") if entry.startswith("[") else entry.removesuffix("/128")
        try:
            yield str(ipaddress.IPv6Address(host))
            continue
        except ValueError:
            pass
        try:
            plain = host if host.isascii() else host.encode("idna").decode("ascii")
        except UnicodeError:
            continue
        if _READABLE.fullmatch(plain):
            yield plain
