// The table of steps, the formulas, the methods side by side, and what a pointer over the drawing shows.
const isOpen = id => $(id) && $(id).open;

function showTables() {
  if (isOpen("steps")) {
    const rows = steps.map((step, k) => {
      const button = make("button", { type: "button" }, String(k + 1));
      button.setAttribute("aria-label", `Go to step ${k + 1}`);
      button.onclick = () => { play(false); go(k); };
      const phase = step.type === "node" ? "forward" : step.type === "end" ? "result" : "backward";
      return make("tr", {}, make("td", {}, button), make("td", {}, phase), make("td", {}, tell(step, found).sentence));
    });
    $("step-rows").replaceChildren(...rows);
    markTable();
  }
  if (isOpen("formulas")) markTable();
}
function markTable() {
  const step = steps[now];
  if (isOpen("steps")) {
    for (const row of $("step-rows").querySelectorAll("[aria-current]")) row.removeAttribute("aria-current");
    $("step-rows").children[now]?.setAttribute("aria-current", "step");
  }
  if (isOpen("formulas")) {
    const n = step.type === "node" ? step.n : step.type === "edge" ? edges[step.k].t : out;
    [...$("formula-rows").children].forEach(row => row.toggleAttribute("aria-current", row.dataset.k === String(n)));
  }
}
function buildFormulas() {
  const rows = shownNodes.filter(k => !nodes[k].kind).map(k => {
    const goTo = (text, ...formula) =>
      make("button", { type: "button", className: "plain", ariaLabel: text }, math("math", { displaystyle: "true" }, ...formula));
    const locals = leaving[k].map(i => {
      const { s, formula } = edges[i], text = `∂${nodes[k].name}/∂${nodes[s].name} = ${inNames(formula, k)}`;
      const partial = goTo(text, partly(nodes[k].name, nodes[s].name, "local"), sign("="), inRole(inSymbols(formula, k), "local"));
      partial.dataset.edge = i;
      return make("div", {}, partial);
    });
    const row = make("tr", {}, make("th", { scope: "row" }, nodes[k].name),
      make("td", {}, goTo(inNames(nodes[k].formula, k), inSymbols(nodes[k].formula, k))), make("td", {}, ...locals), make("td", {}, nodes[k].block || ""));
    row.dataset.k = k;
    return row;
  });
  $("formula-rows").replaceChildren(...rows);
}
$("steps").addEventListener("toggle", showTables);
$("formulas").addEventListener("toggle", () => {
  if (!$("formula-rows").children.length) buildFormulas();
  markTable();
});

// The methods at the present point: differences with the step h, sympy's formula, the reverse pass.
function evaluated(inputs) {
  const kept = data.inputs.map(k => nodes[k].value);
  const values = withoutShowing(inputs);
  data.inputs.forEach((k, i) => { nodes[k].value = kept[i]; });
  return values[out];
}
function withoutShowing(inputs) {
  data.inputs.forEach((k, i) => { nodes[k].value = inputs[i]; });
  return forward();
}
function differences(h) {
  if (OPS) return curves.map(curve => {
    const f = along(curve), x = entryOf(curve, found.values[curve.n]);
    return (f(x + h).y - f(x - h).y) / (2 * h);
  });
  const at = data.inputs.map(k => number(nodes[k].value));
  return at.map((x, i) => {
    const moved = by => at.map((v, j) => (j === i ? v + by : v));
    return (evaluated(moved(h)) - evaluated(moved(-h))) / (2 * h);
  });
}
// Forward mode: the slope of every node along one input, from the inputs on. A closed gate lets nothing through.
function slopeAlong(input, values) {
  const slopes = nodes.map((_, k) => (k === input ? 1 : null));
  nodes.forEach((_, t) => {
    for (const k of leaving[t].filter(k => slopes[edges[k].s] !== null)) {
      const { local, gate } = send(edges[k], values, 1, null);
      if (gate !== false) slopes[t] = (slopes[t] ?? 0) + local * slopes[edges[k].s];
    }
  });
  return slopes[out] ?? 0;
}
function showMethods() {
  if (!live || !data.backward || !isOpen("methods")) return;
  const power = Number($("h").value), h = 10 ** power;
  write($("h-text"), `h = 1e${power}`);
  $("h").setAttribute("aria-valuetext", `h = 1e${power}`);
  const numerical = differences(h);
  const symbolic = SYMBOLIC ? SYMBOLIC(...data.inputs.map(k => number(nodes[k].value))) : null;
  const right = rightAdjoint(found), seed = number(data.seed);
  const rows = curves.map((curve, i) => {
    const reverse = entryOf(curve, right[curve.n] ?? 0);
    const cells = [seed * numerical[i], symbolic ? seed * symbolic[i] : null,
      OPS ? null : seed * slopeAlong(curve.n, found.values), reverse, Math.abs(seed * numerical[i] - reverse)];
    return make("tr", {}, make("th", { scope: "row" }, curveName(curve, true)),
      ...cells.map((c, j) => make("td", {}, c === null ? "—" : fmt(c, j === 4 ? 2 : 10))));
  });
  $("method-rows").replaceChildren(...rows);
}
if ($("methods")) {
  $("methods").addEventListener("toggle", showMethods);
  if ($("h")) $("h").oninput = showMethods;
}

// Over a box or a wire: formula, value, shape, adjoint.
const tip = $("tip");
function about(n) {
  const node = nodes[n], parts = [];
  parts.push(make("strong", {}, node.name + (node.formula ? ` = ${inNames(node.formula, n)}` : "")));
  parts.push(make("div", {}, `value ${fmt(found.values[n], 8)}`));
  parts.push(make("div", {}, `shape ${node.shape || "(): a single number"}`));
  if (found.adjoint[n] !== null) parts.push(make("div", {}, `${wrt(n)} = ${fmt(found.adjoint[n], 8)}`));
  if (node.heat) parts.push(heatMap(node.heat, node.name));
  return parts;
}
stage.addEventListener("pointermove", event => {
  if (OPS && aboutCell(event)) return;
  const g = event.target.closest("g.node:is([data-n], [data-r]), g.wire[data-e]");
  if (!g || event.buttons) { tip.hidden = true; return; }
  if (g.dataset.e !== undefined) {
    const k = numbersIn(g.dataset.e)[0];
    const flow = found.flows.find(f => f.k === k);
    tip.replaceChildren(make("div", {}, flow ? tellEdge({ ...flow, parts: [], missing: 0 }, found).figures : ""),
      make("div", {}, `flows to ${nodes[edges[k].s].name}`));
  } else if (g.dataset.r !== undefined) {
    tip.replaceChildren(...about(Number(g.dataset.r)), make("div", {}, "stands elsewhere; a click goes there"));
  } else if (g.dataset.v !== undefined && g.dataset.b === undefined) {
    tip.replaceChildren(...about(Number(g.dataset.v)));
  } else {
    tip.replaceChildren(make("div", {}, `a block of ${numbersIn(g.dataset.n).length} operations; click opens it`));
  }
  placeTip(event);
});
function placeTip(event) {
  tip.hidden = false;
  const frame = stage.getBoundingClientRect(), size = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX - frame.left + 14, frame.width - size.width - 4)) + "px";
  tip.style.top = Math.max(4, Math.min(event.clientY - frame.top + 14, frame.height - size.height - 4)) + "px";
}
stage.addEventListener("pointerleave", () => { tip.hidden = true; });
