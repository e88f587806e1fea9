#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Scripts/test-page looks for: drives Chromium over a pipe, and ends with status 1 if something is wrong."""

import base64
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

ADDRESS, FOLDER, DAEMON, PICTURES, SERVED = sys.argv[1:6]
failures = []
NARROW_ENOUGH = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def check(what, is_right, found=""):
    print(("ok      " if is_right else "FAILED  ") + what + ("" if is_right else f": {found!r}"))
    if not is_right:
        failures.append(what)


def refuse(count):
    """First messages of main mode that offer 3DES and modp1024 only."""

    def attribute(kind, value):
        return struct.pack("!HH", 0x8000 | kind, value)

    attributes = b"".join(attribute(*pair) for pair in [(1, 5), (2, 2), (3, 1), (4, 2), (11, 1)])
    transform = struct.pack("!BBHBBH", 0, 0, 8 + len(attributes), 1, 1, 0) + attributes
    proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
    body = struct.pack("!BBHII", 0, 0, 12 + len(proposal), 1, 1) + proposal
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for _ in range(count):
            head = os.urandom(8) + bytes(8) + bytes([1, 0x10, 2, 0]) + bytes(4) + struct.pack("!I", 28 + len(body))
            udp.sendto(head + body, ("127.0.0.1", 500))
    # whoever asks twice within half a second gets the same answer
    time.sleep(0.8)


class Browser:
    """Chromium's debugging protocol over a pipe: messages of JSON that end with a zero byte."""

    def __init__(self):
        self.to_read, to_write = os.pipe(), os.pipe()
        os.set_inheritable(self.to_read[1], True)
        os.set_inheritable(to_write[0], True)

        def place():
            # First out of the way of 3 and 4, then there.
            reader, writer = os.dup(to_write[0]), os.dup(self.to_read[1])
            while reader < 10:
                reader = os.dup(reader)
            while writer < 10:
                writer = os.dup(writer)
            os.dup2(reader, 3)
            os.dup2(writer, 4)

        self.process = subprocess.Popen(
            [
                "/usr/bin/chromium-headless-shell",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
                f"--user-data-dir={FOLDER}/profile",
            ],
            close_fds=False,
            preexec_fn=place,
            stdout=subprocess.DEVNULL,
            stderr=open(f"{FOLDER}/chromium.log", "wb"),
        )
        self.pipe = to_write[1]
        self.buffer = b""
        self.events = []
        self.number = 0
        self.session = None

    def receive(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.to_read[0], 1 << 16)
            if not piece:
                raise SystemExit("Chromium is gone")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.pipe, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while True:
            for place, event in enumerate(self.events):
                if event.get("method") == method:
                    return self.events.pop(place)["params"]
            self.events.append(self.receive())

    def open(self, width, dark=False, script=True, address=ADDRESS):
        """A new window at the page, with everything watched."""
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.events = []
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500)
        scheme = "dark" if dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.call("Page.navigate", url=address)
        self.wait("Page.loadEventFired")

    def ask(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def pass_time(self, milliseconds):
        self.call("Emulation.setVirtualTimePolicy", policy="pauseIfNetworkFetchesPending", budget=milliseconds)
        self.wait("Emulation.virtualTimeBudgetExpired")

    def picture(self, name):
        if PICTURES:
            data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
            with open(f"{PICTURES}/{name}.png", "wb") as file:
                file.write(base64.b64decode(data))

    def complaints(self):
        """What the browser wrote on its console, and what it did not like."""
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"]["text"])
            elif event.get("method") == "Runtime.consoleAPICalled":
                found.append(json.dumps(parameters["args"]))
            elif event.get("method") == "Log.entryAdded":
                found.append(parameters["entry"]["text"])
        return found

    def requests(self):
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]


def count_refused(browser):
    return browser.ask(
        "[...document.querySelectorAll('tr')].find(r => r.textContent.includes('no-proposal-chosen'))"
        "?.querySelector('.number').textContent"
    )


def elsewhere(urls):
    return [url for url in urls if not url.startswith(ADDRESS) and url not in ("data:,", "about:blank")]


refuse(4)
browser = Browser()
try:
    browser.open(1200)
    check("it has a title", browser.ask("document.title") == "gw1.example.net: 0 calls up", browser.ask("document.title"))
    check("its tables have heads", browser.ask("document.querySelectorAll('table thead th[scope=col]').length") >= 7)
    check("it has a curve", browser.ask("document.querySelectorAll('svg[role=img] polyline').length") == 2)
    check("it tells the refusals", count_refused(browser) == "4", count_refused(browser))
    check("its style is applied", browser.ask("getComputedStyle(document.body).marginTop") == "0px")
    check(
        "markup in a name is text",
        browser.ask("document.querySelectorAll('img').length + document.querySelectorAll('script').length") == 1
        and "<img src=x" in browser.ask("document.body.innerText"),
        browser.ask("document.body.innerText"),
    )
    check("it is no wider than the window", browser.ask(NARROW_ENOUGH) is True)
    browser.picture("wide")
    refuse(3)
    browser.pass_time(16_000)
    check("it renews itself", count_refused(browser) == "7", count_refused(browser))
    check("a title is not changed by a name", browser.ask("document.title") == "gw1.example.net: 0 calls up")
    urls = browser.requests()
    check("it asked twice, and nobody else", urls.count(ADDRESS) == 2 and not elsewhere(urls), urls)
    check("the console is empty", browser.complaints() == [], browser.complaints())

    browser.open(360, dark=True)
    check("it fits a telephone", browser.ask(NARROW_ENOUGH) is True)
    check(
        "it is dark where that is wanted",
        browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 29)",
        browser.ask("getComputedStyle(document.body).backgroundColor"),
    )
    check("the console is empty there", browser.complaints() == [], browser.complaints())
    browser.picture("narrow-dark")

    browser.open(800, script=False)
    browser.call("Emulation.setScriptExecutionDisabled", value=False)
    check("it is whole without a script", count_refused(browser) == "7", count_refused(browser))
    check("then it asks to be loaded again", browser.ask("document.querySelectorAll('meta[http-equiv=refresh]').length") == 1)

    if SERVED:
        saved = f"file://{os.path.abspath(SERVED)}"
        browser.open(1200, script=False, address=saved)
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
        rows = browser.ask("[...document.querySelectorAll('tbody tr')].map(r => r.textContent).join(' | ')") or ""
        check("a gateway's page has its calls", "alice" in rows and "bob" in rows, rows)
        check("and counts them", browser.ask("document.title").endswith(": 2 calls up"), browser.ask("document.title"))
        browser.picture("calls")
        browser.open(360, script=False, address=saved)
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
        check("they fit a telephone", browser.ask(NARROW_ENOUGH) is True)

    browser.open(800)
    os.kill(int(DAEMON), signal.SIGTERM)
    time.sleep(1)
    browser.pass_time(16_000)
    shown = browser.ask("getComputedStyle(document.querySelector('.stale')).display")
    check("it says so when the gateway is gone", shown == "block", shown)
    check("and still shows what it said last", count_refused(browser) == "7", count_refused(browser))
finally:
    browser.process.kill()
    browser.process.wait()
sys.exit(1 if failures else 0)
