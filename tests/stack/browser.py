"""A headless Chromium, for pages that a person looks at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
# It looks up no host of its own, and runs where there is no sandbox, as in a container.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--disable-component-update",
    "--disable-background-networking",
]


@contextmanager
def page() -> Iterator[Page]:
    """A new page in a browser of its own; skips the test where there is no browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = own if Path(own).exists() else next(filter(None, map(shutil.which, NAMES)), None)
        if path is None:
            pytest.skip("no Chromium is installed: `playwright install chromium`, or the system's")
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        try:
            yield browser.new_page(viewport={"width": 1400, "height": 900})
        finally:
            browser.close()
