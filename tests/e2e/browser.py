"""A real browser, headless, by its DevTools protocol: opens a page, looks at it, types, takes a picture.

Owns the process and the protocol. What is to be seen is for the tests to say.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections import deque
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Request, TextMessage

PROGRAM = shutil.which("chromium")
PATIENCE = 90.0
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
    "--window-size=1500,900",
)  # fmt: skip


class Browser:
    """One tab. Use it as a context manager."""

    def __init__(self) -> None:
        self.profile = Path(tempfile.mkdtemp(prefix="outgate-browser-"))
        self.numbers = count(1)

    def __enter__(self) -> Browser:
        assert PROGRAM is not None
        argv = [PROGRAM, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.tab = Tab(self._tab())
        return self

    def __exit__(self, *_: object) -> None:
        self.tab.close()
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """The value of an expression of JavaScript."""
        said = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")

    def sees(self, script: str) -> Any:
        """The value, as soon as it is true. What is not there yet may be spoken of."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := self.evaluate(f"(() => {{ try {{ return {script} }} catch {{ return false }} }})()"):
                return found
            time.sleep(0.05)
        raise TimeoutError(f"{script} is not so; the page says:\n{self.evaluate('document.body.innerText')}")

    def type(self, text: str) -> None:
        """Into whatever has the focus, with Enter behind it."""
        self.call("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13)

    def picture(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def call(self, method: str, **parameters: Any) -> Any:
        number = next(self.numbers)
        self.tab.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.tab.receive())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _tab(self) -> str:
        """Where its one tab is spoken to."""
        file, deadline = self.profile / "DevToolsActivePort", time.monotonic() + PATIENCE
        while not (file.exists() and file.read_text().count("\n")):
            assert time.monotonic() < deadline, "the browser did not start"
            time.sleep(0.05)
        port = int(file.read_text().splitlines()[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as listed:
            return str(next(each for each in json.load(listed) if each["type"] == "page")["webSocketDebuggerUrl"])


class Tab:
    """A WebSocket to one, on this machine."""

    def __init__(self, address: str) -> None:
        place = urlsplit(address)
        self.socket = socket.create_connection((place.hostname, place.port), PATIENCE)
        self.side = WSConnection(ConnectionType.CLIENT)
        self.socket.sendall(self.side.send(Request(host=place.netloc, target=place.path)))
        self.begun, self.open = "", False
        self.whole: deque[str] = deque()
        while not self.open:
            self._read()

    def send(self, text: str) -> None:
        self.socket.sendall(self.side.send(TextMessage(text)))

    def receive(self) -> str:
        """The next message that is whole."""
        while not self.whole:
            self._read()
        return self.whole.popleft()

    def _read(self) -> None:
        data = self.socket.recv(1 << 16)
        assert data, "the browser has gone"
        self.side.receive_data(data)
        for event in self.side.events():
            self.open |= isinstance(event, AcceptConnection)
            if isinstance(event, TextMessage):
                self.begun += event.data
                if event.message_finished:
                    self.whole.append(self.begun)
                    self.begun = ""

    def close(self) -> None:
        self.socket.close()
