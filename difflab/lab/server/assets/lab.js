"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = document.getElementById("at"), expression = document.getElementById("expression");
const example = document.getElementById("example"), told = document.getElementById("told");
const PARTS = ["page", "comparison", "curve"];
let round = Date.now(), waiting = 0; // rounds go on where a page that was loaded again had ended

async function ask(part, mine) {
  const response = await fetch("/answer", {
    method: "POST",
    headers: { "content-type": "application/json", "x-difflab-token": data.token },
    body: JSON.stringify({ part, expression: expression.value, at: at.value, round: mine }),
  });
  return response.json();
}

function stale(part, on) {
  document.getElementById(part).closest("section").classList.toggle("stale", on);
}

function say(text, bad) {
  told.textContent = text;
  told.classList.toggle("bad", bad);
  for (const box of [expression, at]) box.setAttribute("aria-invalid", String(bad));
}

function show(part, found) {
  const place = document.getElementById(part);
  if (part === "page") place.src = found.page;
  else place.innerHTML = found.html;
}

// The parts come one after the other, the fastest first; what was asked before a newer change is dropped.
async function update(parts = PARTS) {
  const mine = ++round;
  parts.forEach((part) => stale(part, true));
  say("computing", false);
  for (const part of parts) {
    let found;
    try { found = await ask(part, mine); } catch { found = { error: "no answer: is difflab lab still running?" }; }
    if (mine !== round) return;
    if (found.error) return say(found.error, true);
    show(part, found);
    stale(part, false);
  }
  say("", false);
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
for (const box of [expression, at]) box.addEventListener("input", () => later(PARTS));
example.addEventListener("change", choose);

// The page's sliders tell their values: the point, the table and the curve follow.
window.addEventListener("message", (event) => {
  if (event.source !== document.getElementById("page").contentWindow || !event.data?.difflab) return;
  const point = Object.entries(event.data.difflab);
  if (!point.every(([name, value]) => /^\w+$/.test(name) && Number.isFinite(value))) return;
  at.value = point.map(([name, value]) => `${name}=${value}`).join(", ");
  later(["comparison", "curve"]);
});
choose();
