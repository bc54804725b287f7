"""A headless Chromium that tests drive through a pipe (the Chrome DevTools Protocol), so that they need no package for it."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE_SECONDS = 60.0


def find_chromium() -> str:
    """The program; without one the test is skipped, unless REQUIRE_CHROMIUM is set."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    if os.environ.get("REQUIRE_CHROMIUM"):
        pytest.fail("REQUIRE_CHROMIUM is set, and there is no Chromium: apt-get install chromium")
    pytest.skip("there is no Chromium: apt-get install chromium")


class Browser:
    """One page of a running Chromium."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._number = 0
        self._session = ""
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def open_page(self) -> None:
        """An empty page, of which every request, message and dialog is noted from now on."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def show(self, path: Path, width: int = 1280, dark: bool = False) -> None:
        """Opens a file and waits until it is loaded."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.events.clear()
        self.ask("Page.navigate", url=path.as_uri())
        self.wait_for("Page.loadEventFired")

    def value_of(self, expression: str) -> Any:
        """What a JavaScript expression is in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """The whole of what is seen, as PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def named(self, method: str) -> list[dict[str, Any]]:
        """What the page was noted for since it was opened."""
        return [event["params"] for event in self.events if event["method"] == method]

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | ({"sessionId": self._session} if self._session else {})
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def wait_for(self, method: str) -> None:
        """Until it has happened."""
        while not self.named(method):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._back], [], [], _PATIENCE_SECONDS)
            assert ready, "Chromium is silent"
            piece = os.read(self._back, 1 << 16)
            assert piece, "Chromium has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        found = json.loads(message)
        assert isinstance(found, dict)
        return found


@contextmanager
def running_chromium(folder: Path) -> Iterator[Browser]:
    """A Chromium with a profile of its own in the folder, ended afterwards."""
    (theirs, to), (back, ours) = os.pipe(), os.pipe()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"]
    options += ["--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
    at_the_numbers_it_expects = f'exec "$0" "$@" 3<&{theirs} 4>&{ours}'
    process = subprocess.Popen(
        ["bash", "-c", at_the_numbers_it_expects, find_chromium(), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(theirs, ours),
        start_new_session=True,
    )
    os.close(theirs)
    os.close(ours)
    try:
        browser = Browser(to, back)
        browser.open_page()
        yield browser
    finally:
        os.close(to)
        _ended(process)
        os.close(back)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Closing its pipe ends it; if not, it is killed with what it started."""
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
