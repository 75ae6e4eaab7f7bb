"""Whatever proxies the environment names, this machine is asked directly, by each of the libraries that read them."""

import os
import urllib.request

import httpx
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.machine.loopback import LOOPBACK, is_loopback, require_usable_proxies, spare_loopback, through

PROXY = "http://proxy.corp.example:3128"
OURS = ",".join(LOOPBACK)


def spared(**environment: str) -> dict[str, str]:
    spare_loopback(environment)
    return environment


def test_an_environment_without_proxies_is_left_alone() -> None:
    assert spared(PATH="/bin") == {"PATH": "/bin"}


def test_a_persons_own_exceptions_stay_in_both_cases() -> None:
    assert spared(HTTP_PROXY=PROXY)["no_proxy"] == OURS
    both = spared(HTTP_PROXY=PROXY, NO_PROXY=".corp.example")
    assert both["no_proxy"] == both["NO_PROXY"] == f".corp.example,{OURS}"
    differing = spared(http_proxy=PROXY, NO_PROXY="upper.example", no_proxy="lower.example")
    assert (differing["NO_PROXY"], differing["no_proxy"]) == (f"upper.example,{OURS}", f"lower.example,{OURS}")
    assert spared(http_proxy=PROXY, no_proxy="", NO_PROXY="a.example")["no_proxy"] == f"a.example,{OURS}"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a.example b.example", f"a.example,b.example,{OURS}"),
        ("a.example; b.example,,", f"a.example,b.example,{OURS}"),
        ("[::1], 127.0.0.1", "::1,127.0.0.1,localhost"),
        ("::1/128,10.0.0.0/8", "::1,10.0.0.0/8,localhost,127.0.0.1"),
        ("[fe80::1]:80", f"fe80::1,{OURS}"),
        ("fe80::/10,x:y", OURS),
        ("bücher.example", f"xn--bcher-kva.example,{OURS}"),
        ("a.example,*", "*"),
    ],
)
def test_odd_forms_are_rewritten_so_that_every_library_reads_them(written: str, read: str) -> None:
    environment = spared(no_proxy=written)
    assert environment["no_proxy"] == environment["NO_PROXY"] == read
    assert spared(**environment) == environment


def test_a_named_server_on_this_machine_is_spared_and_a_remote_one_is_not() -> None:
    environment = spared(
        HTTP_PROXY=PROXY, PREFECT_API_URL="http://127.0.0.5:4200/api", MLFLOW_TRACKING_URI="http://mlflow.example:5000"
    )
    assert environment["no_proxy"] == f"{OURS},127.0.0.5"
    assert is_loopback("MLFLOW.localhost.")
    assert not is_loopback("localhost.example")


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.one_of(st.sampled_from("[]:/.*,; @%-1f"), st.characters()), max_size=20))
def test_no_exceptions_whatever_they_are_end_a_client(written: str) -> None:
    if "\0" in written or any(0xD800 <= ord(character) < 0xE000 for character in written):
        return  # no environment holds these
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("http_proxy", PROXY)
        patch.setenv("no_proxy", written)
        spare_loopback()
        httpx.Client(verify=False).close()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_each_library_asks_this_machine_directly_and_others_through_the_proxy(
    name: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(known, raising=False)
        monkeypatch.delenv(known.upper(), raising=False)
    monkeypatch.setenv(name, PROXY)
    spare_loopback()
    here, there = f"http://{host}:4200/api", "http://prefect.example:4200/api"
    with requests.Session() as session, httpx.Client(verify=False) as client:
        assert not session.merge_environment_settings(here, {}, False, True, None)["proxies"].get("http")
        assert client._transport_for_url(httpx.URL(here)) is client._transport
        assert client._transport_for_url(httpx.URL(there)) is not client._transport
    if host != "[::1]":  # urllib would want the brackets that httpx fails on; our own calls know which host is here
        assert urllib.request.proxy_bypass(f"{host}:4200")
    assert not urllib.request.proxy_bypass("prefect.example:4200")
    assert os.environ["NO_PROXY"] == OURS


@pytest.mark.parametrize(
    "proxy", ["http://h:1", "h:1", "h", "https://h", "socks5://u:p@h:1080", "socks5h://[::1]:1080"]
)
def test_proxies_that_clients_take_are_fine(proxy: str) -> None:
    require_usable_proxies({"HTTP_PROXY": proxy})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTP_PROXY", proxy)
        httpx.Client(verify=False).close()


@pytest.mark.parametrize("proxy", ["socks://u:hush@h:1080", "socks4://h:1", "http://h:port", "ftp://h", "http://[::1"])
def test_a_proxy_that_ends_every_client_is_one_line_without_its_password(proxy: str) -> None:
    with pytest.raises(UserError, match=r"^all_proxy: .* is no proxy that can be asked; write http://HOST") as raised:
        require_usable_proxies({"all_proxy": proxy})
    assert "hush" not in str(raised.value)


def test_a_message_names_the_proxy_only_where_one_is_asked() -> None:
    environment = {"HTTP_PROXY": "http://me:hush@proxy.example:3128/", "no_proxy": ".inside.example,other.example"}
    assert through("http://far.example/api", environment) == " through the proxy proxy.example:3128"
    assert through("http://a.inside.example:4200", environment) == ""
    assert through("http://other.example", environment) == ""
    assert through("https://far.example", environment) == ""
