// Arrays in sight: heat maps in boxes and beside the inputs, whose cells are chosen, edited and dragged.
const pictures = []; // the maps beside the inputs, which stay
let chosen = null; // {n, i, back}: an entry of a value, or of an adjoint, that is followed

const entryName = (n, i, back = false) => (back ? wrt(n) : nodes[n].name) + placeText(n, i);
function placeText(n, i) {
  const shape = arr(found.values[n]).shape;
  const at = [];
  for (let k = shape.length - 1; k >= 0; k--) {
    at.unshift(i % shape[k]);
    i = Math.floor(i / shape[k]);
  }
  return shape.length ? `[${at.join(", ")}]` : "";
}

// A map: a cell for each entry, with its number where there is room; strokes mark the negative ones.
function newMap(n, back, scale = 1) {
  const [columns, rows, w, h, size] = nodes[n].map, wide = w * scale, high = h * scale;
  const group = shape("g", { class: "map" + (back ? " adjoint" : ""), tabindex: 0, role: "application" });
  const map = { n, back, group, columns, width: columns * wide, height: rows * high, wide, high, cells: [], texts: [], numbers: w > h };
  for (let i = 0; i < size; i++) {
    const x = (i % columns) * wide, y = Math.floor(i / columns) * high;
    const cell = shape("rect", { class: "cell", x, y, width: wide, height: high });
    cell.dataset.i = i;
    map.cells.push(cell);
    group.append(cell);
    if (!map.numbers) continue;
    map.texts.push(shape("text", { class: "entry-number", x: x + wide / 2, y: y + high / 2 + 4.5 }));
    group.append(map.texts[i]);
  }
  group.append(shape("rect", { class: "ring", x: -3, y: -3, width: map.width + 6, height: map.height + 6, rx: 3 }));
  for (const name of LINES) {
    map[name] = shape("path", { class: `line ${name}` });
    group.append(map[name]);
  }
  group.addEventListener("pointerdown", event => press(map, event));
  group.addEventListener("keydown", event => keyOn(map, event));
  group.addEventListener("focus", () => {
    if (isChosen(map)) return;
    choose(n, 0, back);
    if (group.closest("#stage")) follow(frameOf(n)); // reached by Tab
  });
  return map;
}
// What is drawn over the cells: strokes of negative entries, marks, frames of entries that are linked.
const LINES = ["signs", "warning", "before", "after", "chosen"];
const isChosen = map => chosen && chosen.n === map.n && chosen.back === map.back;

// Gold above zero, teal below, for an entry that is so large a part of the largest.
const tint = part => `color-mix(in srgb, var(--${part < 0 ? "negative" : "positive"}) ${Math.round(100 * Math.abs(part))}%, var(--zero))`;
function paintMap(map, a, kinks, related) {
  const { n, back, cells, texts } = map;
  const finite = a ? a.data.map(Number).filter(Number.isFinite).map(Math.abs) : [], most = Math.max(0, ...finite);
  const lines = Object.fromEntries(LINES.map(name => [name, ""])), { wide, high } = map;
  cells.forEach((cell, i) => {
    const v = a ? Number(a.data[i]) : 0, none = a !== null && !Number.isFinite(v);
    const part = none || !most ? 0 : v / most, kink = kinks && kinks.includes(i);
    cell.style.fill = a ? tint(part) : "transparent";
    mark(cell, "odd", none);
    mark(cell, "kink", Boolean(kink));
    const role = isChosen(map) && chosen.i === i ? "chosen" : related?.before[i] ? "before" : related?.after[i] ? "after" : chosen ? "aside" : "";
    for (const name of ["chosen", "before", "after", "aside"]) mark(cell, name, name === role);
    if (map.numbers) write(texts[i], a ? (kink ? "◆" : none ? "⚠" : "") + fmt(a.data[i], 2) : "");
    const x = (i % map.columns) * wide, y = Math.floor(i / map.columns) * high;
    const frame = by => `M${x + by} ${y + by}h${wide - 2 * by}v${high - 2 * by}h${2 * by - wide}z`;
    if (role in lines) lines[role] += frame(1.5);
    if (none || kink) lines.warning += frame(0.8);
    if (map.numbers) return;
    if (v < 0 && !none) lines.signs += `M${x + wide * 0.3} ${y + high / 2}h${wide * 0.4}`;
    if (none) lines.warning += `M${x + 3} ${y + 3}l${wide - 6} ${high - 6}m0 ${6 - high}l${6 - wide} ${high - 6}`;
    if (kink) lines.warning += `M${x + wide / 2} ${y + 3}l${wide / 2 - 3} ${high / 2 - 3}l${3 - wide / 2} ${high / 2 - 3}l${3 - wide / 2} ${3 - high / 2}z`;
  });
  for (const name of LINES) map[name].setAttribute("d", lines[name]);
  mark(map.group, "empty", !a); // what has not come yet is no grid of zeros
  const at = isChosen(map) ? chosen.i : 0, editable = nodes[n].kind === "input" && !back;
  map.group.setAttribute("aria-label", `${entryName(n, at, back)} = ${a ? fmt(a.data[at], 6) : "not known yet"}. ` +
    `Heat map of ${back ? wrt(n) : nodes[n].name}, shape ${nodes[n].shape}. Arrows choose an entry${editable ? ", Page Up and Page Down change it, Enter types it" : ""}.`);
}

// The maps in the boxes of a drawing, made once for each.
function bindMaps() {
  for (const box of boxes) {
    const n = box.shown;
    box.maps = box.el.maps ?? null;
    if (n === null || !nodes[n].map || box.maps) continue;
    const rect = box.el.querySelector("rect"), [x, y, w, h] = ["x", "y", "width", "height"].map(k => Number(rect.getAttribute(k)));
    const both = data.backward && (arriving[n].length > 0 || n === out);
    box.maps = [newMap(n, false), ...(both ? [newMap(n, true)] : [])];
    const top = y + h - box.maps[0].height - 9, room = (w - 8) / box.maps.length;
    box.maps.forEach((map, k) => { // each in the middle of its part of the box, below its caption
      map.middle = x + 4 + (k + 0.5) * room;
      map.group.setAttribute("transform", `translate(${map.middle - map.width / 2} ${top})`);
      box.el.append(map.group);
    });
    if (both) {
      box.a = shape("text", { class: "a" });
      box.el.append(box.a);
    }
    [box.v, box.a].forEach((caption, k) => {
      if (!caption) return;
      caption.classList.add("caption");
      caption.setAttribute("x", box.maps[k].middle);
      caption.setAttribute("y", top - 6);
    });
    box.el.maps = box.maps;
    box.el.adjointText = box.a;
  }
  for (const box of boxes) box.a = box.el.adjointText ?? box.a;
}
const totalOf = parts => (parts.length ? arr(parts.reduce(plus)) : null);
function paintMaps(box, { found, known }) {
  const n = box.shown, links = chosen && relations();
  if (n === null) return;
  const own = links && links.values[n], back = links && links.adjoints[n];
  mark(box.el, "linked", Boolean(own && !nodes[n].map && (own.before[0] || own.after[0])));
  if (!box.maps) return;
  const valued = known.valued.has(n);
  write(box.v, valued ? marksOf(n, found) + nodes[n].shape : "");
  paintMap(box.maps[0], valued ? arr(found.values[n]) : null, valued ? kinkEntries(n, found) : null, own);
  if (!box.maps[1]) return;
  const parts = known.parts[n], adjoint = n === out ? (known.seeded ? arr(found.seed) : null) : totalOf(parts);
  const all = arriving[n].length;
  write(box.a, adjoint ? "∂" + (n !== out && parts.length < all ? ` ${parts.length} of ${all}` : "") : "");
  paintMap(box.maps[1], adjoint, null, back);
}
const kinkEntries = (n, found) => found.kinks.entries?.[n] ?? null;
function marksOf(n, found) {
  const bad = arr(found.values[n]).data.some(v => typeof v === "number" && !Number.isFinite(v));
  return (found.kinks.at.includes(n) || found.kinks.crossed.includes(n) ? "◆ " : "") + (bad ? "⚠ " : "");
}

// A browser would scroll the stage to what has the focus; the drawing is moved instead.
if (OPS) stage.addEventListener("scroll", () => stage.scrollTo(0, 0));

// Choosing, dragging up and down, and keys.
function choose(n, i, back) {
  chosen = n === null ? null : { n, i, back };
  paintSeen();
  paintPictures();
  showFollow();
  const curve = $("curve") && !back ? curves.findIndex(c => c.n === n && c.i === i) : -1;
  if (curve >= 0 && curve !== plot.input) chooseCurve(curve);
}
const unitOf = a => 10 ** (Math.floor(Math.log10(Math.max(0.1, ...a.data.filter(Number.isFinite).map(Math.abs)))) - 1) / 2;
function setEntry(n, i, v) {
  const a = arr(found.values[n]);
  nodes[n].value = new Arr(a.shape, a.data.map((old, k) => (k === i ? v : old)));
  update();
  paintPictures();
}
const rounded = (v, unit) => Number((Math.round(v / unit) * unit).toPrecision(12));
function press(map, event) {
  const cell = event.target.closest("[data-i]");
  if (!cell || event.button !== 0) return;
  event.stopPropagation(); // the drawing stays where it is
  const { n, back } = map, i = Number(cell.dataset.i), again = isChosen(map) && chosen.i === i;
  if (map.group.closest("#stage")) event.preventDefault();
  const start = Number(arr(found.values[n]).data[i]), unit = unitOf(arr(found.values[n])), y = event.clientY;
  const editable = nodes[n].kind === "input" && !back;
  let moved = false;
  choose(n, i, back);
  map.group.focus({ preventScroll: true });
  if (map.group.closest("#stage")) reachStep(back ? arrivalOf(n) : stepOfNode[n]);
  const move = later => {
    const steps = Math.round((y - later.clientY) / 2);
    if (!steps && !moved || !editable) return;
    moved = true;
    setEntry(n, i, rounded((Number.isFinite(start) ? start : 0) + steps * unit, unit));
  };
  const end = () => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
    if (again && !moved) choose(null);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}
// An entry that is not there yet is followed from the step at which it comes.
function reachStep(k) {
  if (k === null || k <= now) return;
  play(false);
  go(k);
}
function keyOn(map, event) {
  const { n, back, columns, cells } = map, i = isChosen(map) ? chosen.i : 0, a = arr(found.values[n]);
  const editable = nodes[n].kind === "input" && !back, unit = unitOf(a);
  const to = k => { if (k >= 0 && k < cells.length) choose(n, k, back); };
  const by = sign => editable && setEntry(n, i, rounded((Number.isFinite(a.data[i]) ? a.data[i] : 0) + sign * unit, unit));
  const keys = {
    ArrowRight: () => to(i + 1), ArrowLeft: () => to(i - 1), ArrowDown: () => to(i + columns), ArrowUp: () => to(i - columns),
    PageUp: () => by(1), PageDown: () => by(-1), Escape: () => choose(null), Enter: () => editable && nodes[n].box.focus(),
  };
  if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
  if (projecting() && event.key.startsWith("Page")) return; // a presenter's remote control steps, whatever was clicked
  event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
}

// Beside the inputs: the map of an array, of what the gradient says of it, and a box for the chosen entry.
function framedMap(map, label) {
  const picture = shape("svg", { class: "array", viewBox: `-2 -2 ${map.width + 4} ${map.height + 4}`, width: map.width + 4, height: map.height + 4 }, map.group);
  return make("figure", {}, make("figcaption", {}, label), picture);
}
function buildArray(k, reset) {
  const node = nodes[k], box = make("input", { type: "number", step: "any" }), label = make("span", { className: "name" });
  const value = newMap(k, false), slope = data.backward ? newMap(k, true) : null;
  pictures.push(value, ...(slope ? [slope] : []));
  node.box = box;
  node.entry = 0;
  node.show = () => {
    write(label, entryName(k, node.entry) + " =");
    box.setAttribute("aria-label", `${entryName(k, node.entry)}, number`);
    if (document.activeElement !== box) box.value = arr(found.values[k]).data[node.entry];
  };
  box.oninput = () => {
    const v = box.value === "" ? NaN : Number(box.value), bad = !Number.isFinite(v);
    box.setAttribute("aria-invalid", String(bad));
    if (bad) return write($("marks"), `✗ ${entryName(k, node.entry)} is not changed: a finite number such as 0.5 or 1e-3 belongs here`);
    setEntry(k, node.entry, v);
  };
  box.onfocus = () => choose(k, node.entry, false);
  box.onblur = event => {
    box.setAttribute("aria-invalid", "false");
    node.show();
    if (event.relatedTarget !== $("reset")) showInputs(); // else the button would move away under the pointer
  };
  const maps = make("div", { className: "maps" }, framedMap(value, `${node.name}, shape ${node.shape}`),
    ...(slope ? [framedMap(slope, wrt(k))] : []));
  $("sliders").append(make("div", { className: "entry whole" }, maps, make("label", { className: "number" }, label, box)));
}
function paintPictures() {
  const links = chosen && relations(), right = data.backward ? rightAdjoint(found) : null;
  for (const map of pictures) {
    const { n, back } = map, a = back ? right[n] ?? full(arr(found.values[n]).shape, 0) : found.values[n];
    paintMap(map, arr(a), back ? null : kinkEntries(n, found), links && (back ? links.adjoints[n] : links.values[n]));
    if (!back) {
      if (isChosen(map)) nodes[n].entry = chosen.i;
      nodes[n].show();
    }
  }
}

// A map to look at, with the cells and colours of those in the boxes.
function stillMap(a, [columns, rows, wide, high], label) {
  const width = columns * wide, height = rows * high;
  const picture = shape("svg", { class: "array", viewBox: `-1 -1 ${width + 2} ${height + 2}`, width: width + 2, height: height + 2,
    role: "img", "aria-label": `${label}: ${a}` });
  const most = Math.max(0, ...a.data.map(Number).filter(Number.isFinite).map(Math.abs));
  a.data.forEach((entry, i) => {
    const x = (i % columns) * wide, y = Math.floor(i / columns) * high, v = Number(entry), odd = !Number.isFinite(v);
    const cell = shape("rect", { class: "cell" + (odd ? " odd" : ""), x, y, width: wide, height: high });
    cell.style.fill = tint(odd || !most ? 0 : v / most);
    picture.append(cell);
    if (wide > high) picture.append(shape("text", { class: "entry-number", x: x + wide / 2, y: y + high / 2 + 4.5 }, fmt(entry, 2)));
    else if (v < 0) picture.append(shape("path", { class: "line", d: `M${x + wide * 0.3} ${y + high / 2}h${wide * 0.4}` }));
  });
  return picture;
}
// Below the sentence: the arrays of a step, in its three roles.
function showMaps(step) {
  const shown = [], add = (x, n, label, role) => {
    if (x === null) return;
    const a = arr(x), map = a.shape.length ? nodes[n].map : null;
    if (map && map[4] !== a.data.length) return; // a factor that is broadcast
    const picture = map ? stillMap(a, map, label) : make("strong", {}, fmt(x));
    shown.push(make("figure", { className: role }, make("figcaption", {}, label), picture));
  };
  clearInterval(slide.timer);
  if (step.type === "node" && nodes[step.n].window) shown.push(...windowMaps(step.n));
  if (step.type === "edge") {
    const { s, t } = edges[step.k];
    if (![step.up, step.down].some(x => x instanceof Arr)) return $("heat").replaceChildren();
    add(step.up, t, `upstream ${wrt(t)}`, "up");
    add(step.local, t, `× local ∂${nodes[t].name}/∂${nodes[s].name}`, "local");
    add(step.down, s, `${step.local === null ? `through ${inNames(edges[step.k].formula, t)}` : ""} = downstream, to ${nodes[s].name}`, "down");
  }
  $("heat").replaceChildren(...shown);
}
// The first image's first channel.
function firstOf({ shape, data }) {
  const last = shape.slice(-2);
  return new Arr(last, data.slice(0, product(last)));
}
// As Python writes them: at most 8 rows of 12 letters.
function heatOf(a) {
  const columns = a.shape.length > 1 ? a.shape.at(-1) : a.data.length, rows = a.data.length / columns, half = (data.levels.length - 1) / 2;
  const thin = (n, most) => Array.from({ length: Math.min(n, most) }, (_, k) => (n <= most ? k : Math.round(k * (n - 1) / (most - 1))));
  const most = Math.max(0, ...a.data.map(Number).filter(Number.isFinite).map(Math.abs));
  const letter = v => (v !== v ? " " : data.levels[Math.round(Math.max(-1, Math.min(1, most ? v / most : v && Math.sign(v))) * half) + half]);
  return { rows: thin(rows, 8).map(r => thin(columns, 12).map(c => letter(Number(a.data[r * columns + c]))).join("")), most: fmt(most), whole: rows <= 8 && columns <= 12 };
}

// Over a cell: its number, and what flows back to it.
function aboutCell(event) {
  const cell = event.target.closest(".map [data-i]"), map = cell && cell.closest(".map");
  if (!cell || event.buttons || !stage.contains(cell)) return false;
  const n = Number(cell.closest(".node").dataset.v), i = Number(cell.dataset.i), adjoint = found.adjoint[n];
  tip.replaceChildren(make("strong", {}, `${entryName(n, i)} = ${fmt(arr(found.values[n]).data[i], 8)}`),
    ...(adjoint === null ? [] : [make("div", {}, `${entryName(n, i, true)} = ${fmt(arr(adjoint).data[i], 8)}`)]),
    make("div", {}, map.classList.contains("adjoint") ? "click: where it comes from" : nodes[n].kind === "input" ? "drag: change it" : "click: follow it"));
  placeTip(event);
  return true;
}
