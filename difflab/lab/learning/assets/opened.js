// The backward pass of what is chosen, with the numbers of the next step's batch.
const MOST_SAMPLES = 6;
const word = (role, text) => make("span", { class: role }, text);

function table(label, heads, rows, foot) {
  const row = (cells, tag) => make("tr", {}, ...cells.map((c, k) => make(tag, tag === "th" ? { scope: "col", class: heads[k][0] } : {}, c)));
  const made = make("table", {}, make("thead", {}, row(heads.map(([, text]) => text), "th")), make("tbody", {}, ...rows.map((r) => row(r, "td"))));
  if (foot) made.append(make("tfoot", {}, row(foot, "td")));
  return make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label }, made);
}

class Opened {
  constructor(learner, choose) {
    Object.assign(this, { learner, choose });
  }

  show(chosen) {
    const { layers } = this.learner, parts = [];
    if (chosen === null) parts.push(make("p", { class: "quiet" }, "Choose a neuron or a wire."));
    else if (chosen.from === null) parts.push(...this.neuron(chosen, layers.length - 1));
    else parts.push(...this.wire(chosen));
    byId("inside").replaceChildren(...parts);
  }

  nameOf(layer, index) {
    if (layer < 0) return FEATURES[this.learner.settings.features[index]].shown;
    return layer === this.learner.layers.length - 1 ? "the output" : `neuron ${index + 1} of layer ${layer + 1}`;
  }

  // upstream x local = downstream for the first samples of the batch, and the sum over all of it.
  samples(rows, heads, sum) {
    const shown = rows.slice(0, MOST_SAMPLES).map((r, k) => [String(k + 1), ...r.map((v) => short(v))]);
    if (rows.length > MOST_SAMPLES) shown.push([`… ${rows.length - MOST_SAMPLES} more`, "", "", ""]);
    return table("Samples of the batch", [["", "sample"], ...heads], shown, ["sum over the batch", "", "", short(sum)]);
  }

  neuron({ layer, index }, last) {
    const { learner } = this, { outputs, inputs, w } = learner.layers[layer], gradients = learner.look();
    const { ga, gz, gw, gb } = gradients[layer], { z } = learner.passes[layer], { activation, loss } = learner.settings;
    const of = (values, s) => values[s * outputs + index], out = layer === last, count = learner.batch.count;
    const local = (s) => out ? LOSSES[loss].d(z[s], learner.batch.targets[s]) : ACTIVATIONS[activation].d(of(z, s));
    const rows = Array.from({ length: count }, (_, s) => [out ? 1 / count : of(ga, s), local(s), of(gz, s)]);
    const ends = out ? [`1/${count}`, `∂loss/∂z`] : ["∂L/∂a", `${ACTIVATIONS[activation].shown}′(z)`];
    const equation = make("p", { class: "equation" }, word("down", "∂L/∂z"), " = ", word("up", ends[0]), " × ", word("local", ends[1]));
    const from = out
      ? `The loss is a mean over ${count} samples, so each counts 1/${count}.`
      : "Upstream is what the next layer sends back: the sum of its ∂L/∂z, each times the weight of the wire.";
    const wires = Array.from({ length: inputs }, (_, j) => {
      const open = make("button", { type: "button" }, this.nameOf(layer - 1, j)), at = index * inputs + j;
      open.addEventListener("click", () => this.choose({ layer, index, from: j }, true));
      return [open, short(w[at]), short(gw[at])];
    });
    const name = this.nameOf(layer, index);
    const passed = make("div", {},
      make("p", {}, make("strong", {}, name[0].toUpperCase() + name.slice(1)), ` at step ${learner.steps}, on the batch of the next step.`),
      equation, make("p", { class: "quiet" }, from),
      this.samples(rows, [["up", `upstream ${ends[0]}`], ["local", `× local ${ends[1]}`], ["down", "= downstream ∂L/∂z"]], gb[index]),
    );
    return [passed, make("div", {},
      make("p", {}, "The sum is the bias's derivative, ", word("down", `∂L/∂b = ${short(gb[index])}`), ". Wires that arrive here:"),
      table("Wires that arrive", [["", "from"], ["", "weight"], ["down", "∂L/∂w"]], wires),
    )];
  }

  wire({ layer, index, from }) {
    const { learner } = this, { inputs, outputs, w } = learner.layers[layer], { gz, gw, added } = learner.look()[layer];
    const { x } = learner.passes[layer], at = index * inputs + from, count = learner.batch.count;
    const rows = Array.from({ length: count }, (_, s) => {
      const up = gz[s * outputs + index], a = x[s * inputs + from];
      return [up, a, up * a];
    });
    const input = layer === 0 ? "x" : "a", plus = added ? added[at] : 0;
    const back = make("button", { type: "button" }, `Back to ${this.nameOf(layer, index)}`);
    back.addEventListener("click", () => this.choose({ layer, index, from: null }, true));
    const told = make("div", {},
      make("p", {}, "The wire from ", make("strong", {}, this.nameOf(layer - 1, from)), " to ", make("strong", {}, this.nameOf(layer, index)), ` at step ${learner.steps}, on the batch of the next step.`),
      make("p", { class: "equation" }, word("down", "∂L/∂w"), " = Σ ", word("up", "∂L/∂z"), " × ", word("local", input)),
      this.samples(rows, [["up", "upstream ∂L/∂z"], ["local", `× local ${input}`], ["down", "= downstream"]], gw[at] - plus),
    );
    if (added) told.append(make("p", {}, `Regularisation adds ${short(plus)}: `, word("down", `∂L/∂w = ${short(gw[at])}`), "."));
    told.append(make("p", {}, `${OPTIMISERS[learner.settings.optimiser].name} takes w from `, make("strong", {}, short(w[at], 6)), " to ", make("strong", {}, short(this.after(layer, at), 6)), ` in the next step: ${OPTIMISERS[learner.settings.optimiser].says}.`), back);
    return [told];
  }

  // The weight after the next step, by the optimiser on this weight alone.
  after(layer, at) {
    const { learner } = this, { m, v } = learner.memory.of[layer].w, one = (a) => a.slice(at, at + 1), p = one(learner.layers[layer].w);
    OPTIMISERS[learner.settings.optimiser].update(p, one(learner.look()[layer].gw), one(m), one(v), learner.settings.rate, learner.memory.step + 1);
    return p[0];
  }
}
