// The loss curve and the gradients' sizes, drawn in the pixels of their places.
const TOP = 8, LEFT = 52, LOWEST = -8, HIGHEST = 8, VANISHING = 1e-3, EXPLODING = 1e3;

// A number in at most `digits` digits.
function short(v, digits = 4) {
  if (v === null || v === undefined) return "";
  if (!Number.isFinite(v)) return Number.isNaN(v) ? "NaN" : v > 0 ? "∞" : "−∞";
  const size = Math.abs(v);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? v.toExponential(digits - 2) : String(Number(v.toPrecision(digits)));
  return text.replace(/-/g, "−");
}

// About four round numbers from 0 to the highest.
function ticksTo(high) {
  const power = 10 ** Math.floor(Math.log10(high / 3)), step = power * [1, 2, 5, 10].find((m) => m * power >= high / 4);
  return Array.from({ length: Math.floor(high / step) + 1 }, (_, k) => k * step);
}

function drawLosses(curve) {
  const drawing = byId("losses"), width = drawing.clientWidth, height = drawing.clientHeight, bottom = height - 22;
  const finite = curve.flatMap(({ train, test }) => [train, test]).filter(Number.isFinite);
  const high = Math.max(1e-9, ...finite.map((v) => Math.min(v, 4 * finite[0] + 1))), last = Math.max(1, curve.at(-1).step);
  const x = (step) => LEFT + (width - LEFT - 8) * step / last, y = (v) => TOP + (bottom - TOP) * (1 - Math.min(v, high) / high);
  const parts = [];
  for (const v of ticksTo(high)) {
    parts.push(shape("path", { class: "axis", d: `M${LEFT} ${y(v)}H${width - 8}` }));
    parts.push(shape("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, short(v, 3)));
  }
  parts.push(shape("text", { x: LEFT, y: height - 4 }, "0"), shape("text", { x: width - 8, y: height - 4, "text-anchor": "end" }, `${last} steps`));
  for (const part of ["test", "train"]) {
    const line = curve.filter((p) => Number.isFinite(p[part])).map((p, k) => `${k ? "L" : "M"}${x(p.step).toFixed(1)} ${y(p[part]).toFixed(1)}`);
    parts.push(shape("path", { class: `line ${part}`, d: line.join("") }));
  }
  drawing.replaceChildren(...parts);
}

// What is said of a layer's gradient beside the others'.
function wordOf(size, sizes) {
  if (!Number.isFinite(size)) return "not a number";
  if (size > EXPLODING) return "exploding";
  return size < VANISHING * Math.max(...sizes) ? "vanishing" : size === 0 ? "zero" : "";
}

function drawNorms(sizes) {
  const drawing = byId("bars"), width = drawing.clientWidth, row = 40, from = 8, to = width - 8;
  drawing.setAttribute("height", row * sizes.length + 4);
  const parts = [];
  sizes.forEach((size, l) => {
    const word = wordOf(size, sizes), y = row * l + 14, name = l + 1 < sizes.length ? `layer ${l + 1}` : "output";
    const share = Math.max(0.004, Math.min(1, (Math.log10(size) - LOWEST) / (HIGHEST - LOWEST) || 0));
    parts.push(shape("text", { class: "layer", x: from, y }, name));
    parts.push(shape("text", { class: word ? "alarm" : "", x: to, y, "text-anchor": "end" }, `${short(size, 3)}${word ? ` ⚠ ${word}` : ""}`));
    parts.push(shape("path", { class: "axis", d: `M${from} ${y + 13}H${to}` }));
    parts.push(shape("rect", { class: `size${word ? " alarm" : ""}`, x: from, y: y + 7, width: share * (to - from), height: 12, rx: 2 }));
  });
  drawing.replaceChildren(...parts);
}
