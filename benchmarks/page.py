"""Frames a second of the step-through page, in headless Chromium: while it plays, and while a slider is dragged.

    python -m benchmarks.page

The page is one that `difflab step` writes, and that of the playground. Three things are measured: the page playing as
the button plays it, a step in every frame (many times what playing asks for), and the first slider moved in every
frame. A frame is what requestAnimationFrame sees; other programs on the machine make frames late, so the load is said,
and beside it the processor time of the page's main thread for one frame, which no load changes: what takes less than
16.7 ms can have 60 frames a second.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from difflab import draw, parse
from difflab.draw.playground import playground

WANTED = {60: 60, 500: 20}  # nodes: frames a second
SECONDS = 4.0
# Each frame does one step (or moves the first slider a little), and its time is kept.
FRAMES = """async ([what, seconds]) => {
  const count = difflab.steps().length, slider = document.querySelector('#sliders input[type=range]');
  const act = {
    step: i => difflab.go(i % count),
    play: () => {},
    drag: i => { slider.value = Number(slider.max) * Math.sin(i / 40); slider.oninput(); },
  }[what];
  difflab.go(what === 'drag' ? Math.floor(count / 2) : 0);
  if (what === 'play') document.querySelector('#play').click();
  const times = [];
  await new Promise(done => {
    const begin = performance.now();
    let last = begin;
    const frame = () => {
      const now = performance.now();
      times.push(now - last);
      last = now;
      act(times.length);
      if (now - begin < 1000 * seconds) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  if (what === 'play') document.querySelector('#play').click();
  return times.slice(5);
}"""


def chain(count: int) -> str:
    """About `count` operations in a row that use x and y again and again."""
    steps, last = [], "x"
    while len(steps) * 3 < count * 2:
        steps.append(f"a{len(steps)} = {last} * y")
        steps.append(f"b{len(steps)} = tanh(a{len(steps) - 1}) + x")
        last = f"b{len(steps) - 1}"
    return "; ".join(steps)


def shown(browser: Any, where: str, count: int, folder: Path) -> tuple[Any, Any]:
    """A tab with a drawing of so many nodes, and the frame that it stands in."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    if where == "page":
        backward = parse(chain(count)).forward(x=0.5, y=0.3).backward()
        page.goto(draw(backward, folder / f"{count}.html").as_uri())
        return page, page.main_frame
    path = folder / "playground.html"
    path.write_text(playground(), encoding="utf-8")
    page.goto(path.as_uri())
    page.fill("#expression", chain(count))
    page.wait_for_function(
        "n => (document.querySelector('iframe:not(.coming)')?.contentWindow.difflab?.found().values.length ?? 0) >= n",
        arg=count // 2,
    )
    return page, page.query_selector("iframe:not(.coming)").content_frame()


def measured(page: Any, what: str, frame: Any = None) -> tuple[float, float, float]:
    """Frames a second, the slowest of a hundred, and the main thread's processor time for a frame in ms."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    spent = lambda: {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}["TaskDuration"]
    before = spent()
    times = (frame or page).evaluate(FRAMES, [what, SECONDS]) or [1000 * SECONDS]
    work = 1000 * (spent() - before) / len(times)
    session.detach()
    slow = statistics.quantiles(times, n=100)[98]
    return 1000 * len(times) / sum(times), 1000 / slow, work


def main() -> int:
    from playwright.sync_api import sync_playwright

    enough = True
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        for where, (count, wanted) in [*(("page", w) for w in WANTED.items()), ("playground", (60, 60))]:
            page, frame = shown(browser, where, count, Path(folder))
            for what in ("play", "step", "drag"):
                before = os.getloadavg()[0]
                rate, slowest, work = measured(page, what, frame)
                print(
                    f"{where}, {count} nodes, {what}: {rate:.0f} frames a second (wanted {wanted}), 99% over "
                    f"{slowest:.0f}, {work:.1f} ms of processor time a frame; "
                    f"load {before:.1f} on {os.cpu_count()} cores",
                    flush=True,
                )
                enough &= rate >= 0.97 * wanted or work < 1000 / wanted
            page.close()
        browser.close()
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
