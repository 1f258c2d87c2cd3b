"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = document.getElementById("at"), expression = document.getElementById("expression");
const example = document.getElementById("example"), told = document.getElementById("told");
const PARTS = ["page", "comparison", "curve"];
const me = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
const OF_ONE_PART = ["limit", "busy", "crash", "error"];
let round = 0, waiting = 0, renamed = false, asking = new AbortController();

// Whatever comes back, the answer is an object with what is shown or with an error and its kind.
async function ask(part, mine, signal) {
  try {
    const response = await fetch("/answer", {
      method: "POST",
      headers: { "content-type": "application/json", "x-difflab-token": data.token },
      body: JSON.stringify({ part, expression: expression.value, at: at.value, page: me, round: mine }),
      signal,
    });
    return await response.json();
  } catch {
    return { kind: "lost", error: "no answer: is difflab lab still running? Press Enter to ask again" };
  }
}

const section = (part) => document.getElementById(part).closest("section");

// The last good drawing stays, and why it is not the one asked for stands above it.
function mark(part, stale, why = "") {
  section(part).classList.toggle("stale", stale);
  section(part).querySelector(".why").textContent = why;
}

function say(text, bad = false, wrong = false) {
  told.textContent = text;
  told.classList.toggle("bad", bad);
  for (const box of [expression, at]) box.setAttribute("aria-invalid", String(wrong));
}

function show(part, found) {
  const place = document.getElementById(part);
  if (part === "page") place.src = found.page;
  else place.innerHTML = found.html;
  mark(part, false);
}

// The parts come one after the other, the fastest first; a newer change drops what was asked before, here and there.
// What is wrong with the expression is wrong for all parts; a limit that one of them meets is its own.
async function update(parts = PARTS) {
  asking.abort();
  asking = new AbortController();
  const mine = ++round;
  let whole = true;
  parts.forEach((part) => mark(part, true));
  say("computing");
  for (const part of parts) {
    const found = await ask(part, mine, asking.signal);
    if (mine !== round) return;
    if (found.at !== undefined && renamed) { // the expression has changed: the point follows its names
      renamed = false;
      at.value = found.at;
      return update();
    }
    if (!found.error) show(part, found);
    else if (OF_ONE_PART.includes(found.kind)) mark(part, true, found.error), whole = false;
    else return say(found.error, true, ["input", "request"].includes(found.kind));
  }
  say(whole ? "" : "Not every part could be computed, and each says why. Press Enter to ask again.");
}

function later(parts) {
  clearTimeout(waiting);
  waiting = setTimeout(() => update(parts), 350);
}

function choose() {
  [, expression.value, at.value] = data.examples[Number(example.value)];
  update();
}

document.getElementById("form").addEventListener("submit", (event) => { event.preventDefault(); update(); });
for (const box of [expression, at]) {
  box.addEventListener("input", () => { renamed = box === expression; later(PARTS); });
}
example.addEventListener("change", choose);
document.getElementById("page").addEventListener("load", (event) => { // it is to be as high as what is in it
  event.target.contentWindow.postMessage({ difflabFits: true }, "*");
});

// The page's sliders tell their values: the point, the table and the curve follow.
window.addEventListener("message", (event) => {
  const frame = document.getElementById("page");
  if (event.source !== frame.contentWindow) return;
  if (event.data?.difflabHeight > 0) frame.style.height = `${Math.min(event.data.difflabHeight, 4000)}px`;
  if (!event.data?.difflab) return;
  if (section("page").classList.contains("stale")) return; // it is of another expression
  const point = Object.entries(event.data.difflab);
  if (!point.every(([name, value]) => /^\w+$/.test(name) && Number.isFinite(value))) return;
  at.value = point.map(([name, value]) => `${name}=${value}`).join(", ");
  later(["comparison", "curve"]);
});
choose();
