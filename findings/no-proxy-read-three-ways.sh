#!/usr/bin/env bash
# One NO_PROXY, three readings. A network such as 127.0.0.0/8 keeps requests from the proxy; urllib and httpx, in the same process,
# still send 127.0.0.1 through it. A network of IPv6, which no client here reads, keeps httpx from opening a client for any address
# at all (InvalidURL), since it makes a URL pattern of every entry. Exit code 0 while this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q requests==2.34.2 httpx==0.28.1
cd "$folder"
unset NO_PROXY no_proxy HTTPS_PROXY https_proxy ALL_PROXY all_proxy HTTP_PROXY http_proxy
export HTTP_PROXY=http://proxy.example:3128
NO_PROXY=127.0.0.0/8 "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
import urllib.request

import httpx
import requests

url = "http://127.0.0.1:4200/api"
with requests.Session() as session, httpx.Client() as client:
    direct = {
        "requests": not session.merge_environment_settings(url, {}, False, True, None)["proxies"].get("http"),
        "urllib": bool(urllib.request.proxy_bypass("127.0.0.1:4200")),
        "httpx": client._transport_for_url(httpx.URL(url)) is client._transport,
    }
print("Python", sys.version.split()[0], "requests", requests.__version__, "httpx", httpx.__version__)
print("NO_PROXY=127.0.0.0/8, 127.0.0.1 asked directly:", direct)

os.environ["NO_PROXY"] = "fd00::/8"
try:
    httpx.Client().close()
    ended = None
except httpx.InvalidURL as error:
    ended = str(error)
with requests.Session() as session:
    session.merge_environment_settings("http://host.example", {}, False, True, None)
print("NO_PROXY=fd00::/8, httpx.Client():", ended)

sys.exit(0 if direct == {"requests": True, "urllib": False, "httpx": False} and ended else 1)
PYTHON
