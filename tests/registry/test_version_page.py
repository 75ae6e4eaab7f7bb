"""What a person sees in MLflow's own pages about a registered version: read from a real browser's rendered text."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.package import register_bundle
from registry.versions import CHAMPION
from tests.mlflow_server import mlflow_server

NAME = "support-intents"
_RENDER_LIMIT_S = 120.0


class Browser:
    """A headless Chromium on one MLflow server."""

    def __init__(self, driver, url: str, screenshots: Path) -> None:
        self._driver = driver
        self._url = url
        self._screenshots = screenshots

    def read(self, route: str, *, until: str) -> str:
        """The page's text as a person sees it, once `until` is among it; a screenshot is taken whatever comes."""
        from selenium.common.exceptions import TimeoutException
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import WebDriverWait

        def body() -> str:
            return self._driver.find_element(By.TAG_NAME, "body").text

        self._driver.get(f"{self._url}/#{route}")
        try:
            WebDriverWait(self._driver, _RENDER_LIMIT_S).until(lambda _: until in body())
        except TimeoutException:
            pytest.fail(f"{route} never shows {until!r}, but:\n{body()}")
        finally:
            picture = self._screenshots / f"{route.strip('/').replace('/', '-')}.png"
            assert self._driver.save_screenshot(str(picture))
        return body()


@pytest.fixture
def browser(home, tmp_path) -> Iterator[Browser]:
    """MLflow's pages over the home's store, and a browser that opens them."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("no browser here; on Debian: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # Containers have a small /dev/shm, and root may not use Chromium's sandbox. The window is tall: tags are drawn in view.
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "window-size=1600,6000"):
        options.add_argument(f"--{argument}")
    backend = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home / 'mlflow.db'}"
    with mlflow_server(backend, tmp_path) as url:
        opened = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield Browser(opened, url, tmp_path)
        finally:
            opened.quit()


@pytest.mark.slow
def test_the_pages_of_mlflow_tell_the_whole_story_of_a_version(tracker, bundle, evidence, judged, browser, tmp_path):
    report = tmp_path / "support-intents-1a2b3c.html"
    report.write_text("<h1>PASS</h1>")
    verdict = judged(evidence)
    made = register_bundle(tracker, name=NAME, bundle=bundle, evidence=evidence, verdict=verdict, report=report)
    tracker.client.set_model_version_tag(NAME, "1", "review", "approved")
    tracker.client.set_registered_model_alias(NAME, CHAMPION, "1")

    version = browser.read(f"/models/{NAME}/versions/1", until="verdict_digest")
    assert f"{NAME}: PASS" in version
    assert "@ champion" in version
    assert "latency_p99_ms/local-cpu/Server 8 ms 9 ms 25 ms PASS" in version
    tags = version.partition("Tags\n")[2]
    for name, value in made.version.tags.items() | {("review", "approved")}:
        assert f"\n{name}\n{value}\n" in tags, name
    assert (tmp_path / f"models-{NAME}-versions-1.png").stat().st_size > 10_000

    model = browser.read(f"/models/{NAME}", until="Version 1")
    assert "How a version is promoted" in model
    assert "@ champion" in model

    page = f"/experiments/{tracker.experiment_id}/models/{made.model_id}"
    logged = browser.read(page, until="local-cpu/speedup")
    assert "expected_calibration_error" in logged
    assert f"{NAME}: PASS" in logged
    artifacts = browser.read(f"{page}/artifacts", until="model_card.md")
    assert {"report.html", "SHA256SUMS", "serving_model.py", "requirements.txt"} <= set(artifacts.split())
