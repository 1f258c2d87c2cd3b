// The curve's card: drawn in the size it has, with the tangent and the secant; its point can be dragged.
const plot = { input: 0, low: null, high: null, key: null, shown: null, svg: null, back: null, point: null, frame: null, width: null };
const PLOT_MARGIN = { left: 12, right: 14, top: 26, bottom: 42 }, TEXT = 13, FAR_OFF = 1e4, FARTHEST = 8e307;
const curveNow = () => curves[plot.input];
const hereOnCurve = () => entryOf(curveNow(), number(nodes[curveNow().n].value));

function setInput({ n, i }, value) {
  if (i !== null) return setEntry(n, i, value);
  nodes[n].value = value;
  nodes[n].show();
  update();
}
// The window is the slider's, or around the point where the slope there would not be seen in so much.
function newWindow(f, { x, slope }) {
  let half = Math.min(niceRange(Number.isFinite(x) ? x : 1), FARTHEST);
  [plot.low, plot.high] = [-half, half];
  for (let i = 0; i < 4 && slope; i++) {
    const [low, high] = heights(Array.from({ length: 41 }, (_, j) => f(plot.low + (j / 20) * half)));
    if (!(high - low > 8 * Math.abs(slope) * half)) return;
    half /= 2;
    plot.low = onGrid(x - half, niceStep(half / 20));
    plot.high = plot.low + 2 * half;
  }
}
// Half a window around x: wide enough for doubles to tell its places apart, and for x to be seen in it.
function halfAt(x, half) {
  const size = Math.max(1, Math.abs(x));
  return Math.min(Math.max(half, 1e-6 * size), 1e6 * size, FARTHEST / 8);
}
function holdPoint(x) {
  if (!Number.isFinite(x)) return;
  const half = (plot.high - plot.low) / 2, by = halfAt(x, half) / half;
  if (by > 0.9 && by < 1.1 && x >= plot.low && x <= plot.high) return;
  const middle = Math.min(Math.max(x, 0.8 * -FARTHEST), 0.8 * FARTHEST);
  [plot.low, plot.high] = [middle - half * by, middle + half * by];
}
function closer(factor) {
  const x = Number.isFinite(hereOnCurve()) ? hereOnCurve() : (plot.low + plot.high) / 2, half = (plot.high - plot.low) / 2;
  const by = halfAt(x, half * factor) / half;
  [plot.low, plot.high] = [x - (x - plot.low) * by, x + (plot.high - x) * by];
  showCurve();
}
// The slider's places are 1, 2 and 5 times the powers of ten.
function stepOfSecant() {
  const place = Number($("curve-h").value), power = Math.floor(place / 3);
  return Number(`${[1, 2, 5][place - 3 * power]}e${power}`);
}

// What stands on the curve at the present point; the pass without its seed gives the slope.
function pointNow(f, curve) {
  const x = hereOnCurve(), h = stepOfSecant(), here = f(x), [before, after] = [f(x - h), f(x + h)];
  const slope = entryOf(curve, backward(found.values, rightOrder, Number.isNaN(here.y) ? NaN : 1).adjoint[curve.n] ?? 0);
  const secant = (after.y - before.y) / (2 * h), depends = dependents(curve.n);
  return { x, y: here.y, h, before, after, slope, secant, kink: found.kinks.at.filter(n => depends.has(n)) };
}

function showCurve() {
  if (!$("curve") || !(plot.width ??= $("plot").clientWidth)) return; // asked once: in each frame it would lay the page out
  const curve = curveNow(), f = along(curve), now = pointNow(f, curve);
  if (plot.low === null) newWindow(f, now);
  holdPoint(now.x);
  const others = data.inputs.map(n => (n !== curve.n ? nodes[n].value : curve.i === null ? 0 : arr(found.values[n]).data.map((v, i) => (i === curve.i ? 0 : v))));
  const key = JSON.stringify([plot.input, plot.low, plot.high, others]);
  if (key !== plot.key) [plot.shown, plot.key] = [curveIn(curve, plot.low, plot.high), key];
  drawPlot(now);
  tellCurve(now, curveName(curve));
}

function tellCurve(now, name) {
  const pieces = [[`At ${name} = ${fmt(now.x, 6)}: ${data.outputName} = `, ""], [fmt(now.y, 6), "value"]];
  const odd = !Number.isFinite(now.y), kinked = now.kink.map(n => nodes[n].name).join(", ");
  if (odd) pieces.push([". ⚠ There is no point on the curve here.", "odd"]);
  else if (kinked) {
    pieces.push([`. ◆ A kink of ${kinked}: no tangent. The dotted line has the slope that reverse mode returns by convention, `, "odd"],
      [fmt(now.slope, 6), "down"], [".", ""]);
  } else {
    const seed = number(data.seed), seeded = seed === 1 ? "." : ` (times the seed ${fmt(seed)}).`;
    pieces.push([". The tangent has slope ", ""], [fmt(now.slope, 6), "down"], [": that is ", ""],
      [curveName(curveNow(), true), "down"], [seeded, ""]);
  }
  $("curve-say").replaceChildren(...htmlSpans(pieces));
  write($("tangent-name"), kinked ? "at a kink no tangent; by convention" : "tangent: reverse mode");
  write($("tangent-slope"), fmt(now.slope, 10));
  write($("secant-slope"), fmt(now.secant, 10));
  write($("secant-error"), fmt(Math.abs(now.secant - now.slope), 2));
  write($("curve-h-text"), fmt(now.h, 2));
  $("curve-h").setAttribute("aria-valuetext", `h = ${fmt(now.h, 2)}`);
  const values = { valuemin: plot.low, valuemax: plot.high, valuenow: Number.isFinite(now.x) ? now.x : plot.low,
    valuetext: `${name} = ${fmt(now.x, 6)}, ${data.outputName} = ${fmt(now.y, 6)}`, label: `${name}, the point on the curve` };
  for (const [key, value] of Object.entries(values)) plot.point.setAttribute(`aria-${key}`, value);
}

// Drawn in pixels: `frame` says where the axes are and which numbers they go through.
function frameOfPlot() {
  const { width } = plot, height = Math.round(Math.min(Math.max(0.5 * width, 240), 400));
  const [low, high] = plot.shown.range, ys = ticks(low, high, 6), xs = ticks(plot.low, plot.high, Math.min(10, Math.floor(width / 75)));
  const texts = tickTexts(ys), left = PLOT_MARGIN.left + 8 * Math.max(...texts.map(t => t.length));
  const right = width - PLOT_MARGIN.right, { top } = PLOT_MARGIN, bottom = height - PLOT_MARGIN.bottom;
  const near = v => Math.round(10 * Math.min(Math.max(v, -FAR_OFF), FAR_OFF)) / 10;
  return {
    width, height, left, right, top, bottom, xs, ys, texts,
    x: v => near(left + (right - left) * ((v - plot.low) / (plot.high - plot.low))),
    y: v => near(bottom - (bottom - top) * ((v - low) / (high - low))),
  };
}
const plotText = (text, x, y, given = {}) => shape("text", { x, y, ...given }, text);
const segment = (a, b, name) => shape("line", { x1: a[0], y1: a[1], x2: b[0], y2: b[1], class: name });
function axes(p) {
  const parts = [], xTexts = tickTexts(p.xs);
  p.ys.forEach((y, i) => parts.push(segment([p.left, p.y(y)], [p.right, p.y(y)], y === 0 ? "zero" : "grid"),
    plotText(p.texts[i], p.left - 6, p.y(y) + 4.5, { class: "tick", "text-anchor": "end" })));
  p.xs.forEach((x, i) => parts.push(segment([p.x(x), p.top], [p.x(x), p.bottom], x === 0 ? "zero" : "grid"),
    plotText(xTexts[i], p.x(x), p.bottom + 17, { class: "tick", "text-anchor": "middle" })));
  parts.push(plotText(data.outputName, p.left, p.top - 10, { class: "name" }),
    plotText(curveName(curveNow()), p.right, p.bottom + 35, { class: "name", "text-anchor": "end" }));
  return parts;
}
// Where f is no number: a band, or for a single place a line.
function gapBands(p) {
  const { branches, samples } = plot.shown, ends = branches.map(b => [b[0].x, b[b.length - 1].x]);
  return gapsIn(samples).flatMap(([from, to]) => {
    const left = p.x(Math.max(plot.low, ...ends.map(e => e[1]).filter(x => x <= from)));
    const right = p.x(Math.min(plot.high, ...ends.map(e => e[0]).filter(x => x >= to)));
    const band = shape("rect", { class: "gap", x: left - 0.5, y: p.top, width: right - left + 1, height: p.bottom - p.top });
    const told = plotText("not finite", (left + right) / 2, p.bottom - 8, { class: "gap-word", "text-anchor": "middle" });
    return right - left > 70 ? [band, told] : [band];
  });
}
// A line through two points, as long as it takes to be seen.
function through(p, a, b, name) {
  const [dx, dy] = [p.x(b.x) - p.x(a.x), p.y(b.y) - p.y(a.y)], long = Math.hypot(dx, dy) || 1;
  const more = Math.max(0.3 * (p.right - p.left) - long / 2, 24) / long;
  return segment([p.x(a.x) - more * dx, p.y(a.y) - more * dy], [p.x(b.x) + more * dx, p.y(b.y) + more * dy], name);
}
function tangent(p, now) {
  const by = (plot.high - plot.low) / 100, end = sign => ({ x: now.x + sign * by, y: now.y + sign * by * now.slope });
  return through(p, end(-1), end(1), now.kink.length ? "tangent at-kink" : "tangent");
}
function kinkMarks(p) {
  const { kinks, range } = plot.shown, seen = kinks.filter(s => s.x >= plot.low && s.x <= plot.high && s.y >= range[0] && s.y <= range[1]);
  return seen.flatMap(s => [plotText("◆", p.x(s.x), p.y(s.y) + 6, { class: "kink", "text-anchor": "middle" }),
    ...(seen.length > 6 ? [] : [plotText("kink", p.x(s.x), p.y(s.y) + 24, { class: "kink-word", "text-anchor": "middle" })])]);
}
function drawPlot(now) {
  const p = plot.frame = frameOfPlot(), { svg } = plot;
  for (const [key, value] of Object.entries({ viewBox: `0 0 ${p.width} ${p.height}`, width: p.width, height: p.height }))
    svg.setAttribute(key, value);
  const path = plot.shown.branches.map(b => "M" + b.map(s => `${p.x(s.x)} ${p.y(s.y)}`).join("L") + (b.length > 1 ? "" : "h.1")).join("");
  const clip = shape("clipPath", { id: "plot-clip" },
    shape("rect", { x: p.left, y: p.top, width: p.right - p.left, height: p.bottom - p.top }));
  const inside = shape("g", { "clip-path": "url(#plot-clip)" }, ...gapBands(p), shape("path", { class: "f", d: path || "M0 0" }));
  if (Number.isFinite(now.y) && Number.isFinite(now.slope)) inside.append(tangent(p, now));
  if (curvePoint(now.before) && curvePoint(now.after)) {
    inside.append(through(p, now.before, now.after, "secant"), ...[now.before, now.after].map(s =>
      shape("rect", { class: "end", x: p.x(s.x) - 4, y: p.y(s.y) - 4, width: 8, height: 8 })));
  }
  inside.append(...kinkMarks(p));
  plot.back.replaceChildren(shape("defs", {}, clip), ...axes(p), inside);
  placePoint(p, now);
}
// The handle is always there: at the edge, as an arrow, where f is outside of the window, and below where it is none.
function placePoint(p, now) {
  const { x, y } = now, [low, high] = plot.shown.range;
  const where = !Number.isFinite(y) ? p.bottom : p.y(Math.min(Math.max(y, low), high));
  const form = Number.isFinite(y) && y > high ? "M0 -8L8 7H-8Z" : Number.isFinite(y) && y < low ? "M0 8L8 -7H-8Z" : "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0 -14 0";
  plot.point.firstChild.setAttribute("d", form);
  mark(plot.point, "nowhere", !Number.isFinite(y));
  plot.point.setAttribute("transform", `translate(${p.x(Number.isFinite(x) ? x : (plot.low + plot.high) / 2)} ${where})`);
}

function dragTo(event) {
  const { left, right, width } = plot.frame, at = plot.svg.getBoundingClientRect();
  const part = Math.min(Math.max((event.clientX - at.left) * width / at.width - left, 0) / (right - left), 1);
  const x = onGrid(plot.low + part * (plot.high - plot.low), niceStep((plot.high - plot.low) / (right - left)));
  if (x !== hereOnCurve()) setInput(curveNow(), x);
}
function pointKeys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = niceStep((plot.high - plot.low) / 200), x = Number.isFinite(hereOnCurve()) ? hereOnCurve() : 0;
  const many = event.shiftKey ? 10 : 1;
  const to = { ArrowRight: x + many * step, ArrowUp: x + many * step, ArrowLeft: x - many * step, ArrowDown: x - many * step,
    PageUp: x + 10 * step, PageDown: x - 10 * step, Home: plot.low, End: plot.high }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation(); // the arrows go through the steps elsewhere
  setInput(curveNow(), onGrid(to, step));
}
function chooseCurve(i) {
  plot.input = i;
  $("along").value = String(i);
  plot.low = null;
  showCurve();
}
function buildCurve() {
  if (!$("curve")) return;
  $("along").append(...curves.map((curve, i) => make("option", { value: String(i) }, curveName(curve))));
  plot.back = shape("g");
  plot.point = shape("g", { class: "point", tabindex: 0, role: "slider" }, shape("path"));
  plot.svg = shape("svg", { role: "group", "aria-label": "The curve" }, plot.back, plot.point);
  $("plot").append(plot.svg);
  plot.svg.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    plot.svg.setPointerCapture(event.pointerId);
    plot.point.focus({ preventScroll: true });
    event.preventDefault();
    dragTo(event);
  });
  plot.svg.addEventListener("pointermove", event => { if (plot.svg.hasPointerCapture(event.pointerId)) dragTo(event); });
  plot.point.addEventListener("keydown", pointKeys);
  $("along").onchange = event => chooseCurve(Number(event.target.value));
  $("curve-h").oninput = showCurve;
  $("closer").onclick = () => closer(0.5);
  $("wider").onclick = () => closer(2);
  new ResizeObserver(() => {
    plot.width = $("plot").clientWidth;
    showCurve();
  }).observe($("plot"));
}
