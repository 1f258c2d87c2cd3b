// The drawing: which box shows which node, what is written at a step, pan and zoom.
const stage = document.getElementById("stage");
let boxes = [], wires = [], boxOf = [], wireOf = [], svg = null;
let view = null, whole = null;

const childOf = (g, kind) => [...g.children].find(c => c.tagName === "text" && c.classList.contains(kind));
const numbersIn = text => text.split(" ").map(Number);

function bind() {
  svg = stage.querySelector("svg");
  boxOf = nodes.map(() => null);
  wireOf = edges.map(() => null);
  boxes = [...svg.querySelectorAll("g.node[data-n]")].map(el => {
    const box = {
      el, nodes: numbersIn(el.dataset.n), shown: el.dataset.v === undefined ? null : Number(el.dataset.v),
      v: childOf(el, "v"), a: childOf(el, "a"), block: el.dataset.b === undefined ? null : Number(el.dataset.b),
    };
    const { x, y, width, height } = el.getBBox(); // now: later each question would lay the page out again
    box.frame = { x, y, width, height };
    box.nodes.forEach(n => { boxOf[n] = box; });
    return box;
  });
  wires = [...svg.querySelectorAll("g.wire[data-e]")].map(el => {
    const wire = { el, edges: numbersIn(el.dataset.e), l: childOf(el, "l"), d: childOf(el, "d") };
    wire.edges.forEach(k => { wireOf[k] = wire; });
    return wire;
  });
  const [, , width, height] = numbersIn(svg.getAttribute("viewBox"));
  const { e, f } = svg.firstElementChild.transform.baseVal[0].matrix;
  whole = { x: 0, y: 0, w: width, h: height, dx: e, dy: f };
  startView();
}

function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
function mark(element, name, on) {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
}

// What is known after step k: values, contributions and local derivatives so far.
function knownAt(steps, k) {
  const valued = new Set(), parts = nodes.map(() => []), flowed = new Map();
  let seeded = false;
  for (let i = 0; i <= k; i++) {
    const step = steps[i];
    if (step.type === "node") valued.add(step.n);
    else if (step.type === "seed") seeded = true;
    else if (step.type === "edge") {
      flowed.set(step.k, step);
      parts[edges[step.k].s].push(step.down);
    }
  }
  return { valued, parts, flowed, seeded };
}

function adjointText(n, known, found) {
  if (n === out) return known.seeded ? "∂ " + fmt(found.seed) : "";
  const parts = known.parts[n];
  if (!parts.length) return "";
  if (!isNumber(parts[0])) return parts.length < arriving[n].length ? `∂ ${parts.length} of ${arriving[n].length}` :
    "∂ " + fmt(found.adjoint[n]);
  const sum = parts.reduce((a, b) => a + b);
  const all = arriving[n].length;
  if (all === 1 || all > 3) return "∂ " + fmt(sum);
  return "∂ " + summed(parts, all - parts.length, fmt);
}
function summed(parts, missing, write) {
  const terms = parts.map((p, i) => (i && p < 0 ? `(${write(p)})` : write(p))).join(" + ");
  if (missing > 0) return terms + " + …";
  return parts.length > 1 ? `${terms} = ${write(parts.reduce((a, b) => a + b))}` : terms;
}

function valueText(n, found) {
  const value = found.values[n];
  const kink = found.kinks.at.includes(n) || found.kinks.crossed.includes(n) ? "◆ " : "";
  const odd = typeof value === "number" && !Number.isFinite(value) ? "⚠ " : "";
  return kink + odd + fmt(value);
}

function paint(found, steps, k) {
  const known = knownAt(steps, k), step = steps[k];
  const flow = step.type === "edge" ? edges[step.k] : null;
  const onNode = step.type === "node" ? step.n : step.type === "seed" ? out : flow ? flow.s : null;
  for (const box of boxes) {
    const n = box.shown;
    const done = box.nodes.some(i => known.valued.has(i));
    if (n !== null) {
      write(box.v, known.valued.has(n) ? valueText(n, found) : "");
      write(box.a, adjointText(n, known, found));
    }
    const values = box.nodes.filter(i => known.valued.has(i)).map(i => found.values[i]);
    mark(box.el, "done", done);
    mark(box.el, "on", onNode !== null && box.nodes.includes(onNode));
    mark(box.el, "from", flow !== null && box.nodes.includes(flow.t));
    mark(box.el, "bad", values.some(v => typeof v === "number" && !Number.isFinite(v)));
    mark(box.el, "kink", done && box.nodes.some(i => found.kinks.at.includes(i) || found.kinks.crossed.includes(i)));
    mark(box.el, "wrong", step.type === "edge" && step.late && box.nodes.includes(flow.s));
  }
  for (const wire of wires) {
    const flows = wire.edges.map(i => known.flowed.get(i)).filter(Boolean);
    write(wire.l, flows.length === 1 && flows[0].local !== null ? "× " + fmt(flows[0].local) : "");
    const downs = flows.map(f => f.down);
    write(wire.d, !downs.length ? "" : "∂ " + (downs.every(isNumber) ? fmt(downs.reduce((a, b) => a + b)) :
      downs.length === 1 ? fmt(downs[0]) : `${downs.length} flows`));
    mark(wire.el, "done", flows.length > 0);
    mark(wire.el, "on", step.type === "edge" && wire.edges.includes(step.k));
  }
  follow(onNode, flow ? flow.t : null);
}

// Pan and zoom: the part of the drawing that is seen.
function startView() {
  stage.style.height = "";
  const { width, height } = stage.getBoundingClientRect();
  const least = 0.95; // below this text is hard to read: a part is shown, and the steps are followed
  const scale = Math.max(Math.min(width / whole.w, height / whole.h, 1.5), least);
  stage.style.height = Math.min(height, Math.max(170, whole.h * scale + 24)) + "px";
  const w = width / scale, h = stage.clientHeight / scale;
  view = { x: w >= whole.w ? (whole.w - w) / 2 : 0, y: (whole.h - h) / 2, w, h };
  look();
}
function look() {
  svg.setAttribute("viewBox", [view.x, view.y, view.w, view.h].map(v => v.toFixed(1)).join(" "));
}
function zoom(factor, cx = view.x + view.w / 2, cy = view.y + view.h / 2) {
  const w = Math.min(Math.max(view.w * factor, 60), whole.w * 4);
  const f = w / view.w;
  view = { x: cx - (cx - view.x) * f, y: cy - (cy - view.y) * f, w, h: view.h * f };
  look();
}
function fit() {
  view = { ...whole };
  look();
}
function placeOf(event) {
  const box = svg.getBoundingClientRect();
  const scale = Math.max(view.w / box.width, view.h / box.height);
  return [view.x + view.w / 2 + (event.clientX - box.left - box.width / 2) * scale,
    view.y + view.h / 2 + (event.clientY - box.top - box.height / 2) * scale, scale];
}
// Brings the boxes of a step into view, if they are not.
function follow(...shown) {
  const frames = shown.filter(n => n !== null && boxOf[n]).map(n => boxOf[n].frame);
  if (!frames.length) return;
  const move = (low, high, start, size) => {
    if (low >= start && high <= start + size) return start;
    return high - low > size ? low : (low + high - size) / 2;
  };
  const range = (from, size, by) => [Math.min(...frames.map(f => f[from])) + by - 8,
    Math.max(...frames.map(f => f[from] + f[size])) + by + 8];
  const x = move(...range("x", "width", whole.dx), view.x, view.w);
  const y = move(...range("y", "height", whole.dy), view.y, view.h);
  if (x === view.x && y === view.y) return;
  view.x = x;
  view.y = y;
  look();
}

const fingers = new Map();
stage.addEventListener("pointerdown", event => {
  if (event.button !== 0) return;
  fingers.set(event.pointerId, event);
});
stage.addEventListener("pointermove", event => {
  const last = fingers.get(event.pointerId);
  if (!last) return;
  const [x, y, scale] = placeOf(event);
  if (fingers.size === 2) {
    const other = [...fingers.values()].find(f => f.pointerId !== event.pointerId);
    const distance = f => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY);
    if (distance(event) > 0) zoom(distance(last) / distance(event), x, y);
  } else {
    view.x -= (event.clientX - last.clientX) * scale;
    view.y -= (event.clientY - last.clientY) * scale;
    look();
  }
  fingers.set(event.pointerId, event);
});
for (const name of ["pointerup", "pointercancel", "pointerleave"])
  stage.addEventListener(name, event => fingers.delete(event.pointerId));
stage.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey) return; // the wheel alone scrolls the page
  event.preventDefault();
  const [x, y] = placeOf(event);
  zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, x, y);
}, { passive: false });
