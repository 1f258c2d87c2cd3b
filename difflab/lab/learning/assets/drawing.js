// The drawing of the network: features, neurons with their pictures, wires, and the output over the plane.
const GRID = 40; // points of the plane to each side, at which pictures are computed

// The points of the grid, from the upper left corner on, row after row.
const PLANE = Float64Array.from({ length: 2 * GRID * GRID }, (_, k) => {
  const place = Math.floor(k / 2), along = k % 2 ? GRID - 1 - Math.floor(place / GRID) : place % GRID;
  return SPAN * ((2 * along + 1) / GRID - 1);
});

// Colours of values from -1 to 1, as 256 steps of red, green and blue; read again where light becomes dark.
const palette = { steps: null, pixels: new Uint32Array(256) };
function readPalette() {
  const look = getComputedStyle(document.documentElement);
  const [below, zero, above] = ["--negative", "--zero", "--positive"].map((name) => {
    const hex = look.getPropertyValue(name).trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  });
  palette.steps = Array.from({ length: 256 }, (_, k) => {
    const v = k / 127.5 - 1, end = v < 0 ? below : above;
    return zero.map((c, j) => Math.round(c + Math.abs(v) * (end[j] - c)));
  });
  const bytes = new Uint8Array(palette.pixels.buffer);
  palette.steps.forEach(([r, g, b], k) => bytes.set([r, g, b, 255], 4 * k));
  for (const name of ["ink", "paper", "positive", "negative"]) palette[name] = look.getPropertyValue(`--${name}`).trim();
}

const IMAGE = new ImageData(GRID, GRID), PIXELS = new Uint32Array(IMAGE.data.buffer);

// A canvas of the grid's size, which only ever takes pixels.
function gridCanvas() {
  const canvas = make("canvas", { width: GRID, height: GRID });
  return [canvas, canvas.getContext("2d", { alpha: false, willReadFrequently: true })];
}

// Values as an image: entry `at` of each of the samples, over `most`.
function paint(context, values, width, at, most, gate) {
  for (let k = 0; k < GRID * GRID; k++) {
    const v = 127.5 * (gate(values[k * width + at] / most) + 1);
    PIXELS[k] = palette.pixels[v > 0 ? v < 255 ? Math.round(v) : 255 : 0];
  }
  context.putImageData(IMAGE, 0, 0);
}

const plain = (v) => v, ground = (v) => 0.75 * v; // of the output: its points stand out

// The greatest size of entry `at`.
function largest(values, width, at) {
  let most = 1e-12;
  for (let k = at; k < values.length; k += width) if (Math.abs(values[k]) > most) most = Math.abs(values[k]);
  return most;
}

class Drawing {
  constructor(learner, choose, change) {
    Object.assign(this, { learner, choose, change, chosen: null });
    [this.canvas, this.small] = gridCanvas(); // of the output, before it is made larger
    readPalette();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readPalette(); this.build(); });
    new ResizeObserver(() => { this.place(); this.points(); this.draw(); }).observe(byId("network"));
  }

  // Everything anew: after a change of features, layers or data.
  build() {
    const { settings } = this.learner, columns = [this.featureColumn(settings)];
    this.pictures = settings.hidden.map((count, l) => {
      const contexts = [];
      columns.push(this.layerColumn(count, l, contexts));
      return contexts;
    });
    columns.push(this.outputColumn());
    byId("columns").replaceChildren(...columns);
    byId("layers").value = settings.hidden.length;
    byId("layers-less").disabled = settings.hidden.length === 0;
    byId("layers-more").disabled = settings.hidden.length === MOST_LAYERS;
    this.plane = featuresOf(PLANE, settings.features);
    this.lay();
    this.place();
    this.points();
    this.draw();
  }

  featureColumn(settings) {
    const column = make("div", { class: "column" }, make("span", { class: "title" }, "Features"), make("span", { class: "count" }));
    for (const name of Object.keys(FEATURES)) {
      const on = settings.features.includes(name), [picture, context] = gridCanvas();
      const button = make("button", { type: "button", class: "neuron feature", "aria-pressed": on, "data-feature": name },
        picture, make("span", { class: "name" }, FEATURES[name].shown));
      const values = featuresOf(PLANE, [name]);
      paint(context, values, 1, 0, largest(values, 1, 0), plain);
      button.addEventListener("click", () => this.change.feature(name));
      column.append(button);
    }
    return column;
  }

  layerColumn(count, l, contexts) {
    const less = make("button", { type: "button", "aria-label": `One neuron less in layer ${l + 1}` }, "−");
    const more = make("button", { type: "button", "aria-label": `One neuron more in layer ${l + 1}` }, "+");
    less.disabled = count === 1;
    more.disabled = count === MOST_NEURONS;
    less.addEventListener("click", () => this.change.neurons(l, -1));
    more.addEventListener("click", () => this.change.neurons(l, 1));
    const head = make("span", { class: "count" }, less, make("output", { "aria-live": "polite" }, String(count)), more);
    const column = make("div", { class: "column" }, make("span", { class: "title" }, `Layer ${l + 1}`), head);
    for (let i = 0; i < count; i++) column.append(this.neuron(l, i, `Neuron ${i + 1} of layer ${l + 1}`, contexts));
    return column;
  }

  outputColumn() {
    const column = make("div", { class: "column" }, make("span", { class: "title" }, "Output"), make("span", { class: "count" }));
    const contexts = [];
    column.append(this.neuron(this.learner.settings.hidden.length, 0, "The output", contexts));
    this.out = contexts[0];
    return column;
  }

  neuron(layer, index, label, contexts) {
    const [canvas, context] = gridCanvas();
    contexts.push(context);
    const button = make("button", { type: "button", class: "neuron", "aria-label": label, "data-layer": layer, "data-index": index }, canvas);
    button.addEventListener("click", () => this.choose({ layer, index, from: null }));
    return button;
  }

  // The wires, each with a wider one to take hold of.
  lay() {
    const drawn = [], grips = [];
    this.wires = this.learner.layers.map((layer, l) => Array.from(layer.w, (_, k) => {
      const index = Math.floor(k / layer.inputs), from = k % layer.inputs;
      const wire = shape("path", { class: "wire" }), grip = shape("path", { class: "grip" });
      grip.addEventListener("click", () => this.choose({ layer: l, index, from }));
      drawn.push(wire);
      grips.push(grip);
      return { wire, grip };
    }));
    byId("wires").replaceChildren(...drawn, ...grips);
  }

  // Neurons as large as there is room for, and wires from one to the next.
  place() {
    const columns = [...byId("columns").children], room = byId("scroll").clientWidth;
    const size = Math.max(28, Math.min(46, room / columns.length - 34));
    byId("stage").style.setProperty("--size", `${size}px`);
    const stage = byId("stage").getBoundingClientRect(), { features } = this.learner.settings;
    const ends = columns.map((column, c) => [...column.querySelectorAll(".neuron")].filter((b) => c || features.includes(b.dataset.feature)));
    const at = (button) => {
      const box = button.querySelector("canvas").getBoundingClientRect();
      return [box.left - stage.left, box.right - stage.left, (box.top + box.bottom) / 2 - stage.top];
    };
    const places = ends.map((column) => column.map(at));
    this.wires.forEach((wires, l) => wires.forEach(({ wire, grip }, k) => {
      const { inputs } = this.learner.layers[l], [, x, y] = places[l][k % inputs], [u, , v] = places[l + 1][Math.floor(k / inputs)];
      const half = (u - x) / 2, path = `M${x} ${y}C${x + half} ${y} ${u - half} ${v} ${u} ${v}`;
      wire.setAttribute("d", path);
      grip.setAttribute("d", path);
    }));
  }

  // What changes while the network learns.
  draw() {
    const { layers, settings } = this.learner, passes = forward(layers, settings.activation, this.plane, GRID * GRID);
    this.pictures.forEach((contexts, l) => contexts.forEach((context, i) => {
      const { a } = passes[l], { outputs } = layers[l];
      paint(context, a, outputs, i, largest(a, outputs, i), plain);
    }));
    const z = passes.at(-1).z, gate = this.learner.data.classes ? (v) => ground(Math.tanh(v)) : ground;
    paint(this.out, z, 1, 0, 1, gate);
    paint(this.small, z, 1, 0, 1, gate);
    this.field(z);
    layers.forEach(({ w }, l) => w.forEach((v, k) => {
      const drawn = this.wires[l][k], chosen = this.isChosen(l, Math.floor(k / layers[l].inputs), k % layers[l].inputs);
      update(drawn, "class", `wire${v < 0 ? " below" : ""}${chosen ? " chosen" : ""}`);
      update(drawn, "stroke-width", (0.5 + 6 * Math.abs(v) / (1 + Math.abs(v)) || 0.5).toFixed(1));
    }));
    for (const button of byId("columns").querySelectorAll("[data-layer]")) {
      const { layer, index } = button.dataset;
      button.classList.toggle("chosen", this.isChosen(Number(layer), Number(index), null));
    }
  }

  isChosen(layer, index, from) {
    const c = this.chosen;
    return c !== null && c.layer === layer && c.index === index && c.from === from;
  }

  // The output over the plane, and the line where it is 0.
  field(z) {
    const canvas = byId("field"), side = Math.round(byId("map").clientWidth * devicePixelRatio) || 1;
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const pen = canvas.getContext("2d");
    pen.drawImage(this.canvas, 0, 0, side, side);
    if (!this.learner.data.classes) return;
    pen.strokeStyle = palette.ink;
    pen.lineWidth = 2 * devicePixelRatio;
    pen.beginPath();
    for (const [x, y, u, v] of zeroLine(z)) {
      pen.moveTo(x * side, y * side);
      pen.lineTo(u * side, v * side);
    }
    pen.stroke();
  }

  // The points of the data: 1 is a disc, -1 a square; test points have a dot in them.
  points() {
    const canvas = byId("points"), side = Math.round(byId("map").clientWidth * devicePixelRatio) || 1, pen = canvas.getContext("2d");
    canvas.width = canvas.height = side;
    for (const part of byId("tested").checked ? ["train", "test"] : ["train"]) {
      const { points, targets } = this.learner.data[part];
      targets.forEach((t, k) => this.point(pen, side, points[2 * k], points[2 * k + 1], t, part === "test"));
    }
  }

  point(pen, side, x, y, target, dotted) {
    const u = side * (x / SPAN + 1) / 2, v = side * (1 - y / SPAN) / 2, r = 3.2 * devicePixelRatio;
    pen.beginPath();
    if (target > 0) pen.arc(u, v, r, 0, 2 * Math.PI);
    else pen.rect(u - 0.88 * r, v - 0.88 * r, 1.76 * r, 1.76 * r);
    const [red, green, blue] = palette.steps[Math.max(0, Math.min(255, Math.round(127.5 * (target + 1))))];
    pen.fillStyle = `rgb(${red},${green},${blue})`;
    pen.strokeStyle = palette.ink;
    pen.lineWidth = devicePixelRatio;
    pen.fill();
    pen.stroke();
    if (!dotted) return;
    pen.beginPath();
    pen.arc(u, v, 0.5 * r, 0, 2 * Math.PI);
    pen.fillStyle = palette.ink;
    pen.fill();
  }
}

// An attribute of a wire, where it is another one than before: that is dear.
function update(drawn, name, value) {
  if (drawn[name] === value) return;
  drawn[name] = value;
  drawn.wire.setAttribute(name, value);
}

// Where values on the grid are 0: short lines through its cells, in parts of the picture's side.
function zeroLine(z) {
  const lines = [], place = (k) => (k + 0.5) / GRID;
  for (let row = 0; row + 1 < GRID; row++) {
    for (let column = 0; column + 1 < GRID; column++) {
      const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]], ends = [];
      corners.forEach(([i, j], k) => {
        const [p, q] = corners[(k + 1) % 4], a = z[i * GRID + j], b = z[p * GRID + q];
        if (a > 0 === b > 0) return;
        const t = a / (a - b);
        ends.push(place(j + t * (q - j)), place(i + t * (p - i)));
      });
      for (let k = 0; k + 3 < ends.length; k += 4) lines.push(ends.slice(k, k + 4));
    }
  }
  return lines;
}
