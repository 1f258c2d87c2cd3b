// What belongs together lights up together: a node, its line of the program, its formula, its wire.
let lit = [], stepOfNode = [], stepOfEdge = [], pressed = null;

function indexSteps() {
  stepOfNode = nodes.map(() => null);
  stepOfEdge = edges.map(() => null);
  steps.forEach((step, k) => {
    if (step.type === "node") stepOfNode[step.n] = k;
    if (step.type === "edge") stepOfEdge[step.k] = k;
  });
}
// What an element stands for, as a step; null for what stands for none.
function stepBehind(target) {
  const g = target.closest?.("[data-step], [data-edge], tr[data-k], #equation, .entry, #stage g.node:is([data-n], [data-r]), #stage g.wire[data-e]");
  if (!g) return null;
  const { step, edge, k, e, v, r, n, b } = g.dataset;
  if (step !== undefined) return Number(step);
  if (edge !== undefined) return stepOfEdge[edge];
  if (k !== undefined) return stepOfNode[k];
  if (e !== undefined) return stepOfEdge[numbersIn(e).findLast(i => i === steps[now].k) ?? numbersIn(e)[0]];
  if (g.id === "equation") return now;
  const stepOf = node => (target.closest(".map.adjoint") ? arrivalOf(node) : stepOfNode[node] ?? null);
  if (g.classList.contains("entry")) return stepOf(data.inputs[[...$("sliders").children].indexOf(g)]);
  if (r !== undefined) return stepOfNode[r];
  return b !== undefined && v === undefined ? null : stepOf(Number(v ?? numbersIn(n)[0]));
}
// The step at which the adjoint of a node is whole.
function arrivalOf(n) {
  const k = steps.findLastIndex(step => (n === out ? step.type === "seed" : step.type === "edge" && edges[step.k].s === n));
  return k < 0 ? null : k;
}
function partsOf(k) {
  const step = steps[k], found = [lines[k]];
  const rows = isOpen("formulas") ? $("formula-rows") : null;
  if (step.type === "node") found.push(boxOf[step.n]?.el, rows?.querySelector(`[data-k="${step.n}"]`));
  if (step.type === "seed") found.push(boxOf[out]?.el);
  if (step.type === "edge") {
    const { s, t } = edges[step.k];
    found.push(wireOf[step.k]?.el, boxOf[s]?.el, boxOf[t]?.el, rows?.querySelector(`[data-edge="${step.k}"]`));
  }
  if (k === now) found.push($("equation"));
  return found.filter(Boolean);
}
function light(k) {
  const next = k === null ? [] : partsOf(k);
  for (const part of lit) if (!next.includes(part)) part.classList.remove("lit");
  for (const part of next) part.classList.add("lit");
  lit = next;
}
// What the pointer is on, else what has the focus.
let pointed = null, focused = null;
function lightUp(where) {
  ({ pointed = pointed, focused = focused } = where);
  light(pointed ?? focused);
}
document.addEventListener("pointerover", event => lightUp({ pointed: stepBehind(event.target) }));
document.documentElement.addEventListener("pointerleave", () => lightUp({ pointed: null }));
document.addEventListener("focusin", event => lightUp({ focused: stepBehind(event.target) }));
document.addEventListener("focusout", () => lightUp({ focused: null }));

function goFrom(target) {
  const k = stepBehind(target);
  if (k === null) return;
  play(false);
  go(k);
  light(pointed ?? focused);
}
$("formula-rows").addEventListener("click", event => goFrom(event.target));
stage.addEventListener("pointerdown", event => { pressed = [event.clientX, event.clientY]; });
stage.addEventListener("click", event => {
  const moved = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4;
  // Boxes of blocks open, stubs lead elsewhere, and entries of maps are followed in the pass that is shown.
  if (!moved && !event.target.closest("[data-b], [data-r], .map")) goFrom(event.target);
});

// The keyboard reaches one node of the drawing; up and down lead to the others, Enter to the node's step.
function bindNodes() {
  for (const box of boxes) {
    if (box.block !== null || box.shown === null) continue;
    const node = nodes[box.shown];
    box.el.setAttribute("role", "button");
    box.el.setAttribute("aria-label", node.name + (node.formula ? ` = ${inNames(node.formula, box.shown)}` : ""));
    box.el.setAttribute("tabindex", "-1");
  }
}
function markNode(n) {
  stage.querySelector("g.node[tabindex='0']:not([data-b])")?.setAttribute("tabindex", "-1");
  const el = n !== null && boxOf[n]?.block === null ? boxOf[n].el : boxes.find(b => b.block === null && b.shown !== null)?.el;
  el?.setAttribute("tabindex", "0");
}
stage.addEventListener("keydown", event => {
  const g = event.target.closest("g.node[data-n]:not([data-b])"), by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!g) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    event.stopPropagation();
    goFrom(g);
  } else if (by) {
    event.preventDefault();
    const order = boxes.filter(b => b.shown !== null).sort((a, b) => a.shown - b.shown);
    const next = order[order.findIndex(b => b.el === g) + by];
    if (!next) return;
    follow(next.frame);
    next.el.focus({ preventScroll: true });
  }
});
