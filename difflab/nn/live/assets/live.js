const { token } = JSON.parse(document.getElementById("data").textContent);
const PAUSE = 700, VANISHING = 1e-3, EXPLODING = 1e3;
const LEFT = 48, RIGHT = 10, TOP = 8, BOTTOM = 24;
let said = null;

const short = (v) => v === null ? "–" : (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e5) ? v.toExponential(1) : String(Number(v.toPrecision(3)))).replace(/-/g, "−");

// About four round numbers from low to high.
function ticks(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough)), step = power * [1, 2, 5, 10].find((m) => m * power >= rough);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, k) => (first + k) * step);
}

// Curves by their classes: lists of [epoch, value].
function chart(id, curves, last, low, high) {
  const drawing = byId(id), width = drawing.clientWidth, height = drawing.clientHeight, parts = [];
  const x = (e) => LEFT + (width - LEFT - RIGHT) * e / last, y = (v) => TOP + (height - TOP - BOTTOM) * (high - Math.min(v, high)) / (high - low);
  for (const v of ticks(low, high)) {
    parts.push(shape("path", { class: "axis", d: `M${LEFT} ${y(v)}H${width - RIGHT}` }), shape("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, short(v)));
  }
  parts.push(shape("text", { x: LEFT, y: height - 5 }, "0"), shape("text", { x: width - RIGHT, y: height - 5, "text-anchor": "end" }, `${last} epochs`));
  for (const [name, points] of Object.entries(curves)) {
    const kept = points.filter(([, v]) => v !== null && v !== undefined);
    parts.push(shape("path", { class: `line ${name}`, d: kept.map(([e, v], k) => `${k ? "L" : "M"}${x(e).toFixed(1)} ${y(v).toFixed(1)}`).join("") }));
    if (kept.length === 1) parts.push(shape("circle", { cx: x(kept[0][0]), cy: y(kept[0][1]), r: 3, class: `line ${name}` }));
  }
  drawing.replaceChildren(...parts);
}

function drawCurves({ history, curve, epochs }) {
  const of = (name) => history.map((r) => [r.epoch, r[name]]), last = epochs ?? 1;
  const sizes = [...curve, ...of("train_loss"), ...of("test_loss")].map(([, v]) => v).filter((v) => v !== null && v !== undefined);
  chart("loss", { within: curve, train: of("train_loss"), test: of("test_loss") }, last, 0, 1.05 * Math.max(1e-9, ...sizes));
  const shares = [...of("train_accuracy"), ...of("test_accuracy")].map(([, v]) => v).filter((v) => v !== null && v !== undefined);
  byId("accuracies").hidden = shares.length === 0;
  if (shares.length) chart("accuracy", { train: of("train_accuracy"), test: of("test_accuracy") }, last, Math.floor(10 * Math.min(...shares)) / 10, 1);
}

function histogram(what, { counts, most }, name) {
  const drawing = shape("svg", { class: `histogram ${what}`, viewBox: `0 0 ${counts.length} 10`, preserveAspectRatio: "none", role: "img", "aria-label": `${what} of ${name}, from ${short(-most)} to ${short(most)}` });
  const highest = Math.max(1, ...counts);
  counts.forEach((c, k) => drawing.append(shape("rect", { x: k + 0.08, width: 0.84, y: 10 - 10 * c / highest, height: 10 * c / highest })));
  return drawing;
}

function wordOf(size, sizes) {
  if (size === null || size > EXPLODING) return "exploding";
  return size < VANISHING * Math.max(...sizes) ? "vanishing" : "";
}

function drawLayers(layers) {
  const sizes = layers.map((l) => l.gradient.size ?? Infinity);
  byId("layers").replaceChildren(...layers.map(({ name, weights, gradient }) => {
    const word = wordOf(gradient.size, sizes), lost = gradient.lost + weights.lost;
    const told = make("p", { class: word || lost ? "alarm" : "gradient" }, `gradient ±${short(gradient.most)}, rms ${short(gradient.size)}${word ? ` ⚠ ${word}` : ""}${lost ? ` ⚠ ${lost} not finite` : ""}`);
    return make("div", { class: "layer" }, make("h3", {}, name), make("div", {},
      make("figure", {}, histogram("weights", weights, name), make("p", { class: "weights" }, `weights ±${short(weights.most)}, rms ${short(weights.size)}`)),
      make("figure", {}, histogram("gradient", gradient, name), told)));
  }));
}

function drawMistakes(mistakes) {
  byId("mistakes").replaceChildren(...mistakes.map((m) => {
    const entry = make("li");
    if (m.pixels) entry.append(image(m));
    entry.append(m.pixels ? "" : `sample ${m.sample}: `, `${m.said} (${m.sure === null ? "–" : Math.round(100 * m.sure)} %), is `, make("strong", {}, m.is));
    return entry;
  }));
}

function image({ width, height, pixels, said: answer, is }) {
  const canvas = make("canvas", { width, height, role: "img", "aria-label": `taken for ${answer}, is ${is}` });
  const made = new ImageData(width, height), channels = pixels.length / (width * height);
  for (let k = 0; k < width * height; k++) {
    for (let c = 0; c < 3; c++) made.data[4 * k + c] = pixels[channels * k + (channels === 3 ? c : 0)];
    made.data[4 * k + 3] = 255;
  }
  canvas.getContext("2d").putImageData(made, 0, 0);
  return canvas;
}

function show() {
  const { history, curve, epochs, ended, looked } = said, last = history.at(-1);
  const place = `epoch ${(curve.at(-1)?.[0] ?? 0).toFixed(2)} of ${epochs ?? "–"}`;
  const right = last?.test_accuracy ?? null;
  byId("told").textContent = [place, ...(last ? [`training loss ${short(last.train_loss)}`, `test loss ${short(last.test_loss ?? null)}`] : []),
    ...(right === null ? [] : [`right in the test ${(100 * right).toFixed(2)} %`]), ...(ended ? ["the training has ended"] : looked === null ? ["looking"] : [])].join(", ");
  byId("told").classList.remove("bad");
  drawCurves(said);
  drawLayers(said.layers);
  drawMistakes(said.mistakes);
}

async function follow() {
  for (;;) {
    try {
      const response = await fetch("/now", { headers: { "x-difflab-token": token } });
      said = await response.json();
      show();
      if (said.ended) return;
    } catch {
      byId("told").textContent += ". No answer any more: the training has been ended.";
      byId("told").classList.add("bad");
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

addEventListener("resize", () => { if (said) show(); });
follow();
