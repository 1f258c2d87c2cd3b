// Words, tables and inputs around the drawing. Text only ever enters as text.
function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(given)) {
    if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const wrt = n => `∂${data.outputName}/∂${nodes[n].name}`;

// The sentence of a step.
function tell(step, found) {
  if (step.type === "node") return tellNode(step.n, found);
  if (step.type === "seed") return tellSeed(found);
  if (step.type === "end") return tellEnd(found);
  return tellEdge(step, found);
}
// Of an array the entries at kinks, and those that are no finite numbers.
const several = (n, at) => at.slice(0, 3).map(k => placeText(n, k)).join(", ") + (at.length > 3 ? ", …" : "");
function kinkPlaces(n, found) {
  const at = found.kinks.entries?.[n];
  return at && !isNumber(found.values[n]) ? ` at ${several(n, at)}` : "";
}
function oddPlaces(n, found) {
  const a = found.values[n], at = isOdd(a) ? a.data.flatMap((v, k) => (isOdd(v) ? [k] : [])) : [];
  return at.length ? ` ⚠ ${at.map(k => a.data[k]).some(Number.isNaN) ? "Not a number" : "Infinite"} at ${several(n, at)}.` : "";
}
function tellNode(n, found) {
  const node = nodes[n], value = fmt(found.values[n]);
  const where = kinkPlaces(n, found);
  const kink = found.kinks.at.includes(n) ? ` ◆ It stands at a kink${where}: no derivative here, a convention is returned.` :
    found.kinks.crossed.includes(n) ? ` ◆ The last change crossed a kink${where}.` : "";
  const odd = isNumber(found.values[n]) ? (Number.isNaN(found.values[n]) ? " ⚠ Not a number." : "") : oddPlaces(n, found);
  if (node.kind === "input")
    return { sentence: `The input ${node.name} = ${value} is given.${odd}` };
  const names = inNames(node.formula, n);
  const figures = node.operands.every(k => isNumber(found.values[k])) ? inNumbers(node.formula, n, found.values) : "";
  return {
    sentence: `${node.name} = ${names} = ${figures && figures !== value ? figures + " = " : ""}${value}.` +
      `${n === out && node.name !== data.outputName ? ` This is ${data.outputName}, the output.` : ""}${kink}${odd}`,
    warning: Boolean(kink || odd),
  };
}
function tellSeed(found) {
  const several = data.outputs.length > 1 ? `, the first of ${data.outputs.length}` : "";
  const sum = isNumber(found.seed) ? "" : " The output is no single number: the gradient is that of its sum, weighted by this.";
  return {
    sentence: `The backward pass begins at the output ${isOutput(out)}${several}: ${wrt(out)} = ${fmt(found.seed)}.${sum}`,
  };
}
const isOutput = n => (nodes[n].name === data.outputName ? nodes[n].name : `${data.outputName} = ${nodes[n].name}`);
function tellEdge(step, found) {
  const e = edges[step.k], source = nodes[e.s].name, target = nodes[e.t].name;
  const product = step.closed
    ? `The gate of ${target} is closed: ${fmt(step.down)} flows to ${source}, whatever the local derivative is`
    : step.local === null
    ? `${target} sends ${fmt(step.up)} (upstream) through ${inNames(e.formula, e.t)}: ${fmt(step.down)} (downstream) goes back to ${source}`
    : `${target} sends ${fmt(step.up)} (upstream) × ${localWords(step, inNames(e.formula, e.t))} = ${fmt(step.down)} (downstream) back to ${source}`;
  const missing = arriving[e.s].length - step.parts.length;
  let sentence = product + ".";
  if (arriving[e.s].length > 1) sentence += missing ? ` ${missing} more to come there.` : ` ${meetingWords(step)}`;
  let warning = false;
  if (step.missing > 0 && e.t !== out) {
    warning = true;
    sentence += ` ✗ Too early: ${target} sends on while ${step.missing} of its contributions ${step.missing > 1 ? "are" : "is"} still to come.`;
  }
  if (step.late && leaving[e.s].length) {
    warning = true;
    sentence += ` ✗ Lost: ${source} had sent on already, so this never travels further.`;
  }
  return {
    sentence, warning, words: step.closed ? null : wordsOf(step, sentence, inNames(e.formula, e.t)),
    figures: step.closed || step.local === null ? `${fmt(step.down)}` : `${fmt(step.up)} × ${fmt(step.local)} = ${fmt(step.down)}`,
  };
}
// A local derivative with its formula, where that says more than the number.
const localWords = (step, formula) => `${fmt(step.local)} (local${formula === fmt(step.local) ? "" : ", " + formula})`;
// The sentence in pieces, each number with its role.
function wordsOf(step, sentence, formula) {
  const pieces = [];
  const roles = [["up", `${fmt(step.up)} (upstream)`], ["local", step.local === null ? formula : localWords(step, formula)],
    ["down", `${fmt(step.down)} (downstream)`]];
  for (const [role, text] of roles) {
    const at = sentence.indexOf(text);
    pieces.push([sentence.slice(0, at), ""], [text, role]);
    sentence = sentence.slice(at + text.length);
  }
  const [rest, sum] = sentence.split(" are added: ");
  return [...pieces, ...(sum ? [[rest + " are added: ", ""], [sum, "down"]] : [[rest, ""]])];
}
const htmlSpans = pieces => pieces.map(([text, role]) => make("span", { className: role }, text));
function tellEnd(found) {
  const gradient = data.inputs.map(k => `${wrt(k)} = ${fmt(found.adjoint[k] ?? 0)}`).join(", ");
  if (!eager) return { sentence: `The gradient is complete: ${gradient}.` };
  const right = rightAdjoint(found);
  const wrong = data.inputs.filter(k => !same(right[k], found.adjoint[k]));
  const told = wrong.map(k => `${wrt(k)} came out as ${fmt(found.adjoint[k] ?? 0)} instead of ${fmt(right[k])}`);
  return {
    sentence: told.length ? `✗ This order went wrong: ${told.join(", ")}.` :
      "This order happened to give the right gradient: nothing here that sends on was reached twice.",
    warning: told.length > 0,
  };
}

// A small heat map of a page without sliders: gold is positive, teal negative, the middle zero.
function heatMap(heat, label) {
  const ns = "http://www.w3.org/2000/svg", rows = heat.rows, middle = (data.levels.length - 1) / 2;
  const picture = document.createElementNS(ns, "svg");
  picture.setAttribute("viewBox", `0 0 ${rows[0].length} ${rows.length}`);
  picture.setAttribute("class", "heat");
  picture.setAttribute("width", 15 * rows[0].length);
  picture.setAttribute("height", 15 * rows.length);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", `${label}: heat map, darkest colour ${heat.most}`);
  rows.forEach((row, y) => [...row].forEach((c, x) => {
    const cell = document.createElementNS(ns, "rect"), at = data.levels.indexOf(c) / middle - 1;
    for (const [key, value] of Object.entries({ x, y, width: 1, height: 1 })) cell.setAttribute(key, value);
    cell.style.fill = c === " " ? "#000" : `color-mix(in srgb, var(--${at < 0 ? "negative" : "positive"}) ${Math.round(100 * Math.abs(at))}%, var(--zero))`;
    picture.append(cell);
  }));
  const note = `${label}${heat.whole ? "" : " (a sample of the entries)"}, darkest = ${heat.most}`;
  return make("figure", {}, picture, make("figcaption", {}, note));
}
function showHeat(step) {
  if (OPS) return showMaps(step);
  const shown = [];
  const add = (heat, label) => { if (heat) shown.push(heatMap(heat, label)); };
  clearInterval(slide.timer);
  if (step.type === "node" && nodes[step.n].window) shown.push(...windowMaps(step.n));
  else if (step.type === "node") add(nodes[step.n].heat, `${nodes[step.n].name}, shape ${nodes[step.n].shape}`);
  if (step.type === "edge") {
    const s = edges[step.k].s;
    add(nodes[s].heat, nodes[s].name);
    add(nodes[s].adjointHeat, wrt(s));
  }
  $("heat").replaceChildren(...shown);
}

// Inputs: a slider and a number box for each, and what the gradient says.
const gradientOf = [];
const niceRange = v => {
  const want = Math.min(Math.max(5, 2 * Math.abs(v)), 1e307), power = 10 ** Math.floor(Math.log10(want));
  return [1, 2, 5, 10].map(f => f * power).find(m => m >= want);
};
function buildInputs() {
  if (!live || !data.inputs.length) return;
  const first = data.inputs.map(k => number(nodes[k].value));
  data.inputs.forEach((k, i) => {
    if (nodes[k].map) return buildArray(k);
    const name = nodes[k].name, most = niceRange(Number.isFinite(first[i]) ? first[i] : 1);
    const slider = make("input", { type: "range", min: -most, max: most, step: "any", value: first[i] });
    const box = make("input", { type: "number", step: "any", value: first[i] });
    slider.setAttribute("aria-label", `${name}, slider`);
    box.setAttribute("aria-label", `${name}, number`);
    const changed = (value, other) => {
      const bad = !Number.isFinite(value);
      box.setAttribute("aria-invalid", String(bad));
      if (bad) return write($("marks"), `✗ ${name} is not changed: a finite number such as 0.5 or 1e-3 belongs here`);
      nodes[k].value = value;
      other.value = value;
      slider.disabled = false;
      update();
    };
    // A thousand places, so that round numbers (and kinks at them) can be met exactly.
    slider.oninput = () => changed(Number((Math.round(slider.value / most * 500) * most / 500).toPrecision(12)), box);
    box.oninput = () => changed(box.value === "" ? NaN : Number(box.value), slider);
    box.onblur = () => {
      if (box.getAttribute("aria-invalid") !== "true") return;
      box.value = nodes[k].value;
      box.setAttribute("aria-invalid", "false");
      showInputs();
    };
    slider.disabled = !Number.isFinite(first[i]); // until the box gives a number
    slider.onkeydown = event => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      slider.value = Number(nodes[k].value) + by * most / 100;
      slider.oninput();
    };
    gradientOf[k] = make("output", {});
    $("sliders").append(make("div", { className: "entry" }, make("span", { className: "name" }, name), slider, box,
      gradientOf[k]));
    nodes[k].show = () => {
      for (const control of [slider, box]) control.value = nodes[k].value;
      slider.disabled = !Number.isFinite(number(nodes[k].value));
      box.setAttribute("aria-invalid", "false");
    };
  });
  $("reset").onclick = () => {
    data.inputs.forEach((k, i) => { nodes[k].value = first[i]; nodes[k].show(); });
    lastGaps = null;
    update();
  };
}
function showInputs() {
  if (!live || !data.inputs.length) return;
  const right = data.backward ? rightAdjoint(found) : null; // whatever order is shown
  if (OPS) paintPictures();
  data.inputs.forEach(k => write(gradientOf[k], right ? `${wrt(k)} = ${fmt(right[k] ?? 0, 5)}` : ""));
  const marks = [];
  for (const n of found.kinks.at) marks.push(`◆ ${nodes[n].name} stands at a kink${kinkPlaces(n, found)}`);
  for (const n of found.kinks.crossed) marks.push(`◆ a kink of ${nodes[n].name} was crossed${kinkPlaces(n, found)}`);
  shownNodes.forEach(n => {
    const v = found.values[n];
    if (isNumber(v) && isOdd(v)) marks.push(`⚠ ${nodes[n].name} is ${fmt(v)}`);
    else if (OPS && isOdd(v)) marks.push(`⚠ ${nodes[n].name}:${oddPlaces(n, found).slice(2)}`);
  });
  write($("marks"), marks.slice(0, 6).join("; ") + (marks.length > 6 ? "; …" : ""));
}
