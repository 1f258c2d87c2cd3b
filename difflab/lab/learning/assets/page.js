// The page: what its controls do. A change of structure or data begins anew; one of the training goes on.
const MOST_LAYERS = 6, MOST_NEURONS = 8;
const learner = new Learner();
let running = false, frames = 0;

const change = {
  feature(name) {
    const { features } = learner.settings, on = features.includes(name);
    if (on && features.length === 1) return say("The network needs at least one feature.");
    learner.settings.features = Object.keys(FEATURES).filter((f) => (f === name ? !on : features.includes(f)));
    restart(`[data-feature="${name}"]`);
  },
  neurons(layer, by) {
    learner.settings.hidden[layer] += by;
    restart(`[aria-label="One neuron ${by < 0 ? "less" : "more"} in layer ${layer + 1}"]`);
  },
  layers(by) {
    const { hidden } = learner.settings;
    learner.settings.hidden = by < 0 ? hidden.slice(0, -1) : [...hidden, hidden.at(-1) ?? 4];
    restart();
  },
};

function choose(chosen, focus = false) {
  drawing.chosen = chosen;
  drawing.draw();
  opened.show(chosen);
  if (focus) byId("inside").querySelector("button")?.focus();
}

const drawing = new Drawing(learner, choose, change), opened = new Opened(learner, choose);

const say = (text) => { byId("told").textContent = text; };

// After a change of structure; the control that made it keeps the focus.
function restart(focused) {
  learner.reset();
  rebuilt();
  if (focused) byId("columns").querySelector(focused)?.focus();
}

function rebuilt() {
  const c = drawing.chosen, layer = c && learner.layers[c.layer];
  if (!layer || c.index >= layer.outputs || c.from !== null) drawing.chosen = { layer: 0, index: 0, from: null };
  say("");
  fill();
  drawing.build();
  show();
}

// Numbers, curves and what is opened; while the network runs, less often than its pictures, which they would slow down.
function show() {
  const { now, data } = learner;
  if (!running || frames % 12 === 0) opened.show(drawing.chosen);
  if (running && frames % 4 !== 0) return;
  byId("steps").textContent = learner.steps;
  byId("epochs").textContent = learner.epochs.toFixed(1);
  byId("train-loss").textContent = short(now.train, 3);
  byId("test-loss").textContent = short(now.test, 3);
  byId("right").textContent = data.classes ? `${(100 * now.testRight).toFixed(1)} %` : "–";
  drawLosses(learner.curve);
  drawNorms(now.norms);
}

function advance(steps) {
  learner.train(steps);
  if (learner.broken) {
    pause();
    say("A weight is not a number any more: the steps were too large. Choose a smaller learning rate, then Reset.");
  }
  drawing.draw();
  show();
}

function frame() {
  if (!running) return;
  frames += 1;
  advance(Number(byId("pace").value));
  if (running) requestAnimationFrame(frame);
}

function pause() {
  running = false;
  byId("run").setAttribute("aria-pressed", "false");
  byId("run").textContent = "▶ Run";
}

function run() {
  if (running) {
    pause();
    show();
    return;
  }
  running = true;
  byId("run").setAttribute("aria-pressed", "true");
  byId("run").textContent = "❚❚ Pause";
  requestAnimationFrame(frame);
}

// The controls as the settings are.
function fill() {
  const { settings, data } = learner;
  const losses = Object.entries(LOSSES).filter(([, l]) => l.for.includes(data.classes ? "classes" : "values"));
  byId("loss").replaceChildren(...losses.map(([value, l]) => make("option", { value }, l.name)));
  for (const id of [...NUMBERS, ...WORDS]) byId(id).value = settings[id];
  for (const output of document.querySelectorAll("#settings output")) output.value = byId(output.htmlFor.value).value;
  byId("strength").disabled = settings.penalty === "none";
  const legend = data.classes ? ["● class 1: gold ground", "■ class −1: teal ground", "line: undecided"] : ["● above 0: gold", "■ below 0: teal"];
  byId("legend").replaceChildren(...[...legend, "with a dot inside: test"].map((text) => make("li", {}, text)));
}

const NUMBERS = ["noise", "share", "rate", "batch", "strength"], WORDS = ["set", "activation", "start", "loss", "optimiser", "penalty"];
const EFFECTS = { // what a setting asks for
  set: "data", noise: "data", share: "data", activation: "network", start: "network", optimiser: "memory",
  loss: "gradient", penalty: "gradient", strength: "gradient", rate: "gradient", batch: "batch",
};

function set(id, value) {
  learner.settings[id] = NUMBERS.includes(id) ? Number(value) : value;
  const effect = EFFECTS[id];
  if (effect === "data") learner.renewData();
  if (effect === "network") learner.reset();
  if (effect === "data" || effect === "network") return rebuilt();
  if (effect === "memory") learner.memory = emptyMemory(learner.layers);
  if (effect === "batch") learner.order = [];
  if (effect === "batch") learner.nextBatch();
  learner.gradients = null;
  learner.measure();
  fill();
  show();
}

byId("optimiser").replaceChildren(...Object.entries(OPTIMISERS).map(([value, o]) => make("option", { value }, o.name)));
for (const id of [...NUMBERS, ...WORDS]) byId(id).addEventListener(byId(id).type === "range" ? "input" : "change", () => set(id, byId(id).value));
byId("run").addEventListener("click", run);
byId("step").addEventListener("click", () => { pause(); advance(1); });
byId("reset").addEventListener("click", () => { pause(); restart(); });
byId("renew").addEventListener("click", () => { learner.settings.seed += 1; learner.renewData(); rebuilt(); });
byId("layers-less").addEventListener("click", () => change.layers(-1));
byId("layers-more").addEventListener("click", () => change.layers(1));
byId("tested").addEventListener("change", () => drawing.points());
drawing.chosen = { layer: 0, index: 0, from: null };
byId("settings").open = innerWidth >= 1000; // there they stand beside the network
rebuilt();

// For the browser's console, and for tests: the numbers, and other first weights.
globalThis.learning = Object.freeze({
  settings: () => structuredClone(learner.settings),
  use: (settings) => { Object.assign(learner.settings, settings); learner.renewData(); rebuilt(); },
  state: () => JSON.parse(JSON.stringify({
    steps: learner.steps, now: learner.now, batch: { x: [...learner.batch.x], targets: [...learner.batch.targets] },
    layers: learner.layers.map(({ w, b }) => ({ w: [...w], b: [...b] })),
    gradients: learner.look().map(({ gw, gb }) => ({ w: [...gw], b: [...gb] })),
  })),
  load: (layers) => { layers.forEach(({ w, b }, l) => { learner.layers[l].w.set(w); learner.layers[l].b.set(b); }); learner.see(); drawing.draw(); show(); },
  train: (steps) => advance(steps),
});
