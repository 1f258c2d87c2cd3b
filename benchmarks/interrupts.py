"""How long Ctrl-C takes: `python -m benchmarks.interrupts [JOB ...] [--after S,S]`.

Every long job of the shell is started, and sent SIGINT and SIGTERM after a while. Told are the seconds until the
process has ended, its status, how many processes of its own still run, and what is in the folder it wrote to. A job
that left a process or a file, or needed more than a second, is marked, and the exit status is then 1. Training keeps
its folder: a run goes on from there.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .slowly import descendants

RING = "*".join(f"sin(x{k}*x{(k + 1) % 30})" for k in range(30))
WEB = ";".join(["a0 = x"] + [f"a{k + 1} = a{k}*sin(a{max(0, k - 7)}) + a{k // 2}" for k in range(900)]) + ";a900"
OUTER = "sum(sin(outer(linspace(0,x,{0}),linspace(0,1,{0}))))"
GRID = ["mdp", "gridworld", "--gamma", "0.9999", "--slip", "0.2"]
JOBS = {  # {} is a folder of the job's own
    "sympy": ["compare", RING, "--at", ",".join(f"x{k}=1.{k + 1}" for k in range(30)),
              "--method", "symbolic:simplified", "--seconds", "60"],
    "certificate": ["compare", OUTER.format(400), "--at", "x=1", "--method", "certified", "--seconds", "100"],
    "comparison": ["compare", "sum(outer(linspace(0,x,20000),linspace(0,1,20000)))", "--at", "x=1"],
    "layout": ["draw", WEB, "--at", "x=1", "--force", "-o", "{}/a.svg"],
    "training": ["train", "cnn", "--epochs", "200", "--out", "{}/run"],
    "value iteration": [*GRID, "--shape", "400x400", "--method", "value_iteration"],
    "policy iteration": [*GRID, "--shape", "600x600", "--method", "policy_iteration"],
    "gallery": ["gallery", "{}/g"],
    "tour": ["tour", "{}/t"],
    "accuracy": ["accuracy", "--points", "100000", "--rows", "tanh,exp,sin", "--no-peers"],
    "swell": ["swell", "mlp", "--depth", "12"],
    "step sizes": ["step-size", OUTER.format(3000), "--at", "x=1"],
    "descent": ["descent", "rosenbrock", "--steps", "100000", "-o", "{}/d.png"],
    "standard input": ["compare", "-", "--at", "x=1"],
}  # fmt: skip
KEPT = {"training": ["run"]}
LONGEST, HANGS = 1.0, 60.0  # seconds


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stopped(name: str, after: float, number: signal.Signals) -> bool | None:
    """Starts a job and stops it; prints what happened, and returns whether all was well (None: it had ended)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "difflab", *(word.replace("{}", folder) for word in JOBS[name])]
        job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + after
        while time.monotonic() < end and job.poll() is None:
            time.sleep(0.02)
        started, early = descendants(job.pid)[1:], job.poll() is not None
        began = time.monotonic()
        job.send_signal(number)
        try:
            job.wait(HANGS)
        except subprocess.TimeoutExpired:
            job.kill()
        took = time.monotonic() - began
        time.sleep(0.1)
        left, files = [pid for pid in started if running(pid)], os.listdir(folder)
        wrong = [f"{len(left)} processes left"] * bool(left) + ["slow"] * (took > LONGEST)
        wrong += [f"files left: {', '.join(files)}"] * (files not in ([], KEPT.get(name)))
        wrong += [f"status {job.returncode}"] * (job.returncode != 128 + number)
    told = "had ended before" if early else "; ".join(wrong) or "as it should"
    print(f"{name:16} after {after:4g} s  {number.name:7} {took:5.2f} s, {len(started)} processes: {told}", flush=True)
    return None if early else not wrong


def main() -> int:
    parser = argparse.ArgumentParser("python -m benchmarks.interrupts", description=__doc__)
    parser.add_argument("jobs", nargs="*", help=f"all, or some of {', '.join(JOBS)}")
    parser.add_argument("--after", default="1,3", help="seconds after which a job is stopped")
    given = parser.parse_args()
    if unknown := set(given.jobs) - set(JOBS):
        parser.error(f"there is no job {min(unknown)}; they are {', '.join(JOBS)}")
    cases = [
        (name, float(after), number)
        for name in given.jobs or JOBS
        for after in given.after.split(",")
        for number in (signal.SIGINT, signal.SIGTERM)
    ]
    results = [r for r in (stopped(*case) for case in cases) if r is not None]
    print(f"{sum(results)} of {len(results)} as they should be")
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
