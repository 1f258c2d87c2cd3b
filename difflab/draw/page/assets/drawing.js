// The drawing: which box shows which node, what is written at a step, pan and zoom.
const stage = document.getElementById("stage");
const NAMES = 15, SMALLEST = 11; // the size of names in the drawing, and what nobody has to read less than
const PROJECTED = 360; // points that a narrow projector has side by side: a box, and the card of a step
const READABLE = SMALLEST / NAMES, MOST_READABLE = 40; // boxes; a larger drawing is fitted whole, as a map
let parts = [], boxes = [], wires = [], boxOf = [], wireOf = [], svg = null;
let view = null, whole = null, size = null, present = null;

const childOf = (g, kind) => [...g.children].find(c => c.tagName === "text" && c.classList.contains(kind));
const numbersIn = text => text.split(" ").map(Number);

// Frames are asked for once: later each question would lay the page out again.
function framed(el) {
  const { x, y, width, height } = el.getBBox();
  return { el, x, y, width, height, seen: true };
}
// The empty lines of a box for its numbers, of which the drawing says the roles and the heights.
function makeNumbers(el) {
  const x = el.querySelector("text").getAttribute("x");
  for (const [, kind, y] of el.dataset.t.matchAll(/([a-z]+)(-?\d+)/g)) el.append(shape("text", { class: kind, x, y }));
  el.removeAttribute("data-t");
}
function bind() {
  svg = stage.querySelector("svg");
  svg.classList.remove("far-off"); // what is hidden has no frame
  for (const el of svg.querySelectorAll(".unseen")) el.classList.remove("unseen");
  for (const el of svg.querySelectorAll("[data-t]")) makeNumbers(el);
  boxOf = nodes.map(() => null);
  wireOf = edges.map(() => null);
  parts = [...svg.querySelectorAll("g.node, g.wire")].map(framed);
  const frames = new Map(parts.map(part => [part.el, part]));
  boxes = [...svg.querySelectorAll("g.node[data-n]")].map(el => {
    const box = {
      el, frame: frames.get(el), nodes: numbersIn(el.dataset.n),
      shown: el.dataset.v === undefined ? null : Number(el.dataset.v),
      v: childOf(el, "v"), a: childOf(el, "a"), block: el.dataset.b === undefined ? null : Number(el.dataset.b),
    };
    box.nodes.forEach(n => { boxOf[n] = box; });
    bindStack(box);
    return box;
  });
  wires = [...svg.querySelectorAll("g.wire[data-e]")].map(el => {
    const wire = { el, frame: frames.get(el), edges: numbersIn(el.dataset.e) };
    wire.far = el.dataset.far !== undefined;
    wire.edges.forEach(k => { wireOf[k] = wire; });
    return wire;
  });
  bindFlow();
  bindNodes();
  if (OPS) bindMaps();
  const [, , width, height] = numbersIn(svg.getAttribute("viewBox"));
  const { e, f } = svg.firstElementChild.transform.baseVal[0].matrix;
  whole = { x: 0, y: 0, w: width, h: height, dx: e, dy: f + Number(svg.dataset.room ?? 0) };
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
  const valued = new Set(), parts = nodes.map(() => []), came = nodes.map(() => []), flowed = new Map();
  let seeded = false;
  for (let i = 0; i <= k; i++) {
    const step = steps[i];
    if (step.type === "node") valued.add(step.n);
    else if (step.type === "seed") seeded = true;
    else if (step.type === "edge") {
      flowed.set(step.k, step);
      parts[edges[step.k].s].push(step.down);
      came[edges[step.k].s].push(step.k);
    }
  }
  return { valued, parts, came, flowed, seeded };
}

function adjointText(n, known, found) {
  if (n === out) return known.seeded ? "∂ " + fmt(found.seed) : "";
  const parts = known.parts[n];
  if (!parts.length) return "";
  if (!isNumber(parts[0])) return parts.length < arriving[n].length ? `∂ ${parts.length} of ${arriving[n].length}` :
    "∂ " + fmt(found.adjoint[n]);
  return `∂ ${fmt(parts.reduce((a, b) => a + b))}${parts.length < arriving[n].length ? " + …" : ""}`;
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
  const on = step.type === "node" ? step.n : step.type === "seed" ? out : flow ? flow.s : null;
  present = { found, known, step, flow, on };
  const wire = flow && wireOf[step.k]; // where the source stands far away, the wire itself is followed
  follow(wire && wire.far ? wire.frame : frameOf(on), flow ? frameOf(flow.t) : null);
  paintSeen();
  paintFlow(present);
}
// What is out of sight is painted when it comes into sight.
function paintSeen() {
  boxes.forEach(box => { if (box.frame.seen) paintBox(box, present); });
  wires.forEach(wire => { if (wire.frame.seen) paintWire(wire, present); });
}
function paintBox(box, { found, known, step, flow, on }) {
  const n = box.shown;
  const done = box.nodes.some(i => known.valued.has(i));
  if (n !== null) {
    if (!box.maps) write(box.v, known.valued.has(n) ? valueText(n, found) : "");
    if (!box.maps) write(box.a, adjointText(n, known, found, box.frame.width));
    paintStack(box, present);
  }
  if (OPS) paintMaps(box, present);
  const values = box.nodes.filter(i => known.valued.has(i)).map(i => found.values[i]);
  mark(box.el, "done", done);
  mark(box.el, "on", on !== null && box.nodes.includes(on));
  mark(box.el, "from", flow !== null && box.nodes.includes(flow.t));
  mark(box.el, "bad", values.some(isOdd));
  mark(box.el, "kink", done && box.nodes.some(i => found.kinks.at.includes(i) || found.kinks.crossed.includes(i)));
  mark(box.el, "wrong", step.type === "edge" && step.late && box.nodes.includes(flow.s));
}
function paintWire(wire, { known, step }) {
  const flows = wire.edges.map(i => known.flowed.get(i)).filter(Boolean);
  mark(wire.el, "done", flows.length > 0);
  const line = flows.length ? wire.back : wire.there;
  if (wire.path.getAttribute("d") !== line) wire.path.setAttribute("d", line);
  mark(wire.el, "on", step.type === "edge" && wire.edges.includes(step.k));
}

// Pan and zoom: `view` is the corner of the drawing that is seen at the stage's corner, and the scale. The drawing as a
// whole is moved; another viewBox would make the browser lay out every text again.
function startView() {
  stage.style.height = "";
  forgetPlaces();
  const { width, height } = stage.getBoundingClientRect();
  // What fits in readable size is shown whole; of more a part, in full size, that follows the steps.
  const [least, part, most] = projecting() ? [1.3, Math.min(1.8, width / PROJECTED, togetherScale(width, height)), 6] : [READABLE, width < NARROW ? READABLE : 1, 2];
  const fitting = Math.min(width / whole.w, height / whole.h, most), scale = fitting < least ? part : fitting;
  if (height) stage.style.height = Math.min(height, Math.max(170, whole.h * scale + 24)) + "px";
  svg.style.width = whole.w + "px";
  svg.style.height = whole.h + "px";
  measure();
  view = { x: size.w / scale >= whole.w ? (whole.w - size.w / scale) / 2 : 0, y: (whole.h - size.h / scale) / 2, scale };
  look();
}
// The largest scale, from 1 on, at which sender and receiver of every step are in sight together, where they can be.
function togetherScale(width, height) {
  const scales = wires.flatMap(wire => wire.edges.map(k => {
    const frames = [frameOf(edges[k].s), frameOf(edges[k].t)].filter(Boolean);
    const spread = (from, by) => Math.max(...frames.map(f => f[from] + f[by])) - Math.min(...frames.map(f => f[from])) + 24;
    return Math.min(width / spread("x", "width"), height / spread("y", "height"));
  }));
  return Math.max(1, Math.min(...scales.filter(scale => scale >= 1)));
}
function measure() {
  size = { w: stage.clientWidth, h: stage.clientHeight };
}
function look() {
  const keep = 60 / view.scale; // of the drawing stays in sight, wherever it is dragged
  view.x = Math.min(Math.max(view.x, keep - size.w / view.scale), whole.w - keep);
  view.y = Math.min(Math.max(view.y, keep - size.h / view.scale), whole.h - keep);
  svg.style.transform = `scale(${view.scale}) translate(${-view.x}px, ${-view.y}px)`;
  stage.style.touchAction = whole.h * view.scale > size.h + 4 ? "none" : "pan-y"; // a finger scrolls the page where all is in sight
  mark(svg, "far-off", view.scale < 0.25);
  mark(svg, "far", view.scale < 0.84);
  view.least = Math.min(SMALLEST / view.scale, NAMES); // the size of notes, which are smaller than names
  const least = view.least.toFixed(2) + "px";
  if (svg.style.getPropertyValue("--least") !== least) svg.style.setProperty("--least", least);
  hideUnseen();
}
// Around a point of the stage, its middle if left out.
function zoom(factor, px = size.w / 2, py = size.h / 2) {
  const scale = Math.min(Math.max(view.scale / factor, Math.min(size.w / whole.w, 1) / 4), 12);
  view = { x: view.x + px / view.scale - px / scale, y: view.y + py / view.scale - py / scale, scale };
  look();
}
function centre(x, y) {
  view.x = x - size.w / view.scale / 2;
  view.y = y - size.h / view.scale / 2;
  look();
}
// The whole drawing, in a stage as high as the window has room for; where that is too small to read, its width.
function fit() {
  const high = Math.max(innerHeight - 130, 220), fitting = h => Math.min(size.w / whole.w, h / whole.h, 1.5);
  const few = boxes.length <= MOST_READABLE;
  if (few && fitting(size.h) < READABLE) stage.style.height = Math.min(high, whole.h * Math.max(fitting(high), READABLE)) + "px";
  measure();
  view.scale = few ? Math.max(fitting(size.h), READABLE) : fitting(size.h);
  centre(whole.w / 2, whole.h / 2);
  if (present) follow(frameOf(present.on), present.flow && frameOf(present.flow.t));
  forgetPlaces();
  if (present) paintFlow(present);
}
function placeOf(event) {
  const frame = stage.getBoundingClientRect();
  return [event.clientX - frame.left, event.clientY - frame.top];
}
new ResizeObserver(() => {
  const before = size.w;
  measure();
  if (before === size.w) return hideUnseen();
  if (before) startView(); // a window turned or resized: fitted again
  else bind(); // a frame that had no size when the script ran: nothing could be measured
  if (present) go(now);
}).observe(stage);
// What is out of sight, by more than half a stage, is taken out: a browser lays out and paints it all the same.
function hideUnseen() {
  const w = size.w / view.scale, h = size.h / view.scale;
  const x = view.x - whole.dx - w / 2, y = view.y - whole.dy - h / 2;
  let more = false;
  for (const part of parts) {
    const seen = part.x < x + 2 * w && part.x + part.width > x && part.y < y + 2 * h && part.y + part.height > y;
    if (seen === part.seen) continue;
    part.seen = seen;
    more ||= seen;
    part.el.classList.toggle("unseen", !seen);
  }
  hideCut();
  if (more && present) paintSeen();
}
const frameOf = n => (n === null || !boxOf[n] ? null : boxOf[n].frame);
// Brings the frames of a step into view, if they are not.
function follow(...shown) {
  const frames = shown.filter(Boolean);
  if (!frames.length) return;
  const move = (low, high, start, size, all) => {
    if (low >= start && high <= start + size) return start;
    const wanted = high - low > size ? low : (low + high - size) / 2;
    return all > size ? Math.min(Math.max(wanted, 0), all - size) : wanted; // no empty paper beside the drawing
  };
  const range = (from, size, by) => [Math.min(...frames.map(f => f[from])) + by - 8,
    Math.max(...frames.map(f => f[from] + f[size])) + by + 8];
  const x = move(...range("x", "width", whole.dx), view.x, size.w / view.scale, whole.w);
  const y = move(...range("y", "height", whole.dy), view.y, size.h / view.scale, whole.h);
  if (x === view.x && y === view.y) return;
  view.x = x;
  view.y = y;
  look();
}

// A box that repeats a value by name leads to where it stands.
stage.addEventListener("click", event => {
  const stub = event.target.closest("[data-r]");
  const frame = stub && frameOf(Number(stub.dataset.r));
  if (!frame) return;
  centre(frame.x + frame.width / 2 + whole.dx, frame.y + frame.height / 2 + whole.dy);
});

const fingers = new Map();
stage.addEventListener("pointerdown", event => {
  if (event.button !== 0) return;
  fingers.set(event.pointerId, event);
});
stage.addEventListener("pointermove", event => {
  const last = fingers.get(event.pointerId);
  if (!last) return;
  if (fingers.size === 2) {
    const [x, y] = placeOf(event);
    const other = [...fingers.values()].find(f => f.pointerId !== event.pointerId);
    const distance = f => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY);
    if (distance(event) > 0) zoom(distance(last) / distance(event), x, y);
  } else {
    view.x -= (event.clientX - last.clientX) / view.scale;
    view.y -= (event.clientY - last.clientY) / view.scale;
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
