"""RESULTS.md and its plot, from one run of all workloads."""

from __future__ import annotations

import datetime
from pathlib import Path

from .workload import Result, readable

HERE = Path(__file__).parent
INTRODUCTION = """# Results

Medians of interleaved rounds in one process on one machine; the ratios are medians of the rounds' own ratios, so a
machine that slows down slows all. All candidates that compute the same thing were checked to agree before they were
timed. `python -m benchmarks` writes this file; `python -m benchmarks gmm mlp` runs some of the workloads.

"""


def write(results: list[Result], machine: str) -> None:
    lines = [INTRODUCTION + f"{datetime.date.today().isoformat()}; {machine}\n"]
    lines += [
        "| workload | difflab | peers, as multiples of difflab's time (above 1: difflab is faster) |",
        "|---|---|---|",
    ]
    for r in results:
        peers = [n for n in r.seconds if n != "difflab" and n not in r.floors]
        told = ", ".join(f"{n} {r.ratios[n]:.2f}" for n in sorted(peers, key=lambda n: r.seconds[n]))
        lines.append(f"| {r.name} | {readable(r.seconds['difflab'])} | {told} |")
    lines += ["", "![Ratios to difflab's time](RESULTS.svg)", "", "## Against the floor", ""]
    lines += [
        "What the same run takes with everything else left out.",
        "",
        "| workload | floor | difflab / floor |",
        "|---|---|---|",
    ]
    for r in results:
        for n in r.floors:
            if n in r.seconds:
                lines.append(f"| {r.name} | {n}: {readable(r.seconds[n])} | {1 / r.ratios[n]:.2f} |")
    lines += ["", "## The cheap gradient", "", "Value and gradient together, in units of the value alone.", ""]
    lines += ["| workload | in time | in flops |", "|---|---|---|"]
    lines += [f"| {r.name} | {r.cheap[0]:.1f} | {r.cheap[1]:.1f} |" for r in results if r.cheap]
    skipped = {(n, why) for r in results for n, why in r.skipped.items()}
    if skipped:
        lines += ["", "## Left out", "", *[f"- {n}: {why}" for n, why in sorted(skipped)]]
    (HERE / "RESULTS.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    plot(results)


def plot(results: list[Result]) -> None:
    """One row a workload, one mark a peer, on a logarithmic axis; 1 is difflab."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "difflab"
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(n for r in results for n in r.seconds if n != "difflab" and n not in r.floors))
    figure, axes = plt.subplots(figsize=(9, 0.45 * len(results) + 1.6), layout="constrained")
    marks = "os^Dv<>Pph*Xd"
    for k, name in enumerate(names):
        points = [(r.ratios[name], len(results) - i) for i, r in enumerate(results) if name in r.ratios]
        axes.plot(*zip(*points), linestyle="", marker=marks[k % len(marks)], label=name, color=f"C{k}")
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set(xscale="log", xlabel="time as a multiple of difflab's")
    axes.set_yticks([len(results) - i for i in range(len(results))], [r.name[:60] for r in results])
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    figure.savefig(HERE / "RESULTS.svg", metadata={"Date": None})
