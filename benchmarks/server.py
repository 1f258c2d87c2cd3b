"""python -m benchmarks.server: how long `difflab lab` takes to answer one by one, 50 at once, and behind heavy ones.

Starts the server on a free port of this machine, asks it, and ends it by Ctrl-C. Times are of the clock.
"""

from __future__ import annotations

import http.client
import json
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

HEAVY = ("sum(sin(outer(linspace(0,x,3000),linspace(0,1,3000))))", "x=1")  # ten seconds and more
PARTS = ("page", "comparison", "curve")
PATIENCE = 300.0


class Lab:
    """A server in a process of its own, and questions to it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "difflab", "lab", "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        address = urlsplit(self.process.stdout.readline().strip())
        self.port, self.token = int(address.port or 0), parse_qs(address.query)["token"][0]

    def ask(self, part: str, expression: str, at: str, page: str) -> tuple[float, int]:
        """Seconds until the answer, and its status."""
        body = json.dumps({"part": part, "expression": expression, "at": at, "page": page, "round": 1})
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"content-type": "application/json", "x-difflab-token": self.token}
            connection.request("POST", "/answer", body, headers)
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        return time.perf_counter() - begun, answer.status

    def light(self, part: str, k: int) -> tuple[float, int]:
        return self.ask(part, "x*y + sin(x)", f"x={k}.5, y=2", f"light-{k}")

    def end(self) -> float:
        """Ctrl-C: seconds until the server has ended."""
        begun = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        return time.perf_counter() - begun


def percentile(times: list[float], part: float) -> float:
    return sorted(times)[min(int(part * len(times)), len(times) - 1)]


def told(what: str, *times: float) -> None:
    print(f"{what:58}" + "".join(f"{1000 * t:10,.0f} ms" for t in times), flush=True)


def at_once(lab: Lab, part: str, count: int) -> None:
    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(lambda k: lab.light(part, k), range(count)))
    times = [t for t, _ in found]
    good = sum(status == 200 for _, status in found)
    told(
        f"{count} at once, {part}, {good} answered: p50, p95, all",
        percentile(times, 0.5),
        percentile(times, 0.95),
        max(times),
    )


def behind(lab: Lab, count: int, rest: float = 0.3) -> None:
    """A light question while `count` pages compute something heavy; `rest` seconds later than they."""
    with ThreadPoolExecutor(count) as pool:
        heavy: list[Future[tuple[float, int]]] = [
            pool.submit(lab.ask, "curve", *HEAVY, f"heavy-{count}-{k}") for k in range(count)
        ]
        time.sleep(rest)
        times = [lab.light("comparison", k)[0] for k in range(5)]
        told(f"5 light ones behind {count} heavy: first, median", times[0], statistics.median(times))
        found = [f.result() for f in heavy]
    told(f"  the heavy ones ({', '.join(str(s) for _, s in found)}): first, last", min(found)[0], max(found)[0])


def main() -> None:
    begun = time.perf_counter()
    lab = Lab()
    told("start, until the address is told", time.perf_counter() - begun)
    told("the first three questions (page, comparison, curve)", *(lab.light(part, 0)[0] for part in PARTS))
    for part in PARTS:
        times = [lab.light(part, k)[0] for k in range(15)]
        told(f"one by one, {part}: median, slowest", statistics.median(times), max(times))
    at_once(lab, "comparison", 50)
    at_once(lab, "page", 50)
    behind(lab, 4)
    told("Ctrl-C, until the process has ended", lab.end())


if __name__ == "__main__":
    main()
