// The learner: settings, data, network and what has been measured. It knows nothing of the page.
const FIRST = {
  set: "spiral", noise: 0.1, share: 0.3, seed: 1, features: ["x1", "x2"], hidden: [8, 8], activation: "tanh", start: "fitting",
  loss: "logistic", optimiser: "adam", rate: 0.03, batch: 20, penalty: "none", strength: 0.001,
};
const STARTS = { fitting: 1, small: 0.02, large: 6 };
const MOST_POINTS = 600; // of a curve, which is thinned by half when it has more

class Learner {
  constructor() {
    this.settings = structuredClone(FIRST);
    this.renewData();
  }

  renewData() {
    const { set, noise, share, seed } = this.settings;
    this.data = makeData(set, noise, share, seed);
    if (!LOSSES[this.settings.loss].for.includes(this.data.classes ? "classes" : "values")) {
      this.settings.loss = this.data.classes ? "logistic" : "squared";
    }
    this.reset();
  }

  // The network as it begins: the seed decides its weights.
  reset() {
    const { features, hidden, activation, start, seed } = this.settings;
    const sizes = [features.length, ...hidden, 1];
    this.next = random(seed + 1000);
    this.layers = makeLayers(sizes, activation, STARTS[start], this.next);
    this.see();
  }

  // The samples as features, and everything that has been measured anew.
  see() {
    const { features } = this.settings, { train, test } = this.data;
    this.x = { train: featuresOf(train.points, features), test: featuresOf(test.points, features) };
    Object.assign(this, { steps: 0, order: [], curve: [], every: 1, memory: emptyMemory(this.layers) });
    this.nextBatch();
    this.measure();
  }

  // The samples that the next step learns from; an epoch sees each once.
  nextBatch() {
    const { count, targets } = this.data.train, n = this.settings.features.length;
    if (!this.order.length) this.order = shuffled(count, this.next);
    const chosen = this.order.splice(0, this.settings.batch);
    this.batch = {
      chosen, count: chosen.length, targets: Float64Array.from(chosen, (k) => targets[k]),
      x: Float64Array.from({ length: chosen.length * n }, (_, k) => this.x.train[chosen[Math.floor(k / n)] * n + k % n]),
    };
    this.gradients = null;
  }

  // Forward and backward pass of the batch at the present weights.
  look() {
    if (this.gradients) return this.gradients;
    const { activation, loss, penalty, strength } = this.settings;
    this.passes = forward(this.layers, activation, this.batch.x, this.batch.count);
    this.gradients = backward(this.layers, activation, this.passes, this.batch.targets, loss, penalty, strength);
    return this.gradients;
  }

  train(steps = 1) {
    for (let k = 0; k < steps; k++) {
      applyStep(this.settings.optimiser, this.layers, this.look(), this.memory, this.settings.rate);
      this.steps += 1;
      this.nextBatch();
    }
    this.measure();
  }

  // Losses of all samples, the share of right answers, the size of each layer's gradient.
  measure() {
    const { activation, loss, penalty, strength } = this.settings, now = { step: this.steps };
    for (const part of ["train", "test"]) {
      const { count, targets } = this.data[part];
      const z = forward(this.layers, activation, this.x[part], count).at(-1).z;
      now[part] = meanLoss(z, targets, loss);
      now[`${part}Right`] = this.data.classes ? targets.reduce((sum, t, k) => sum + (t * z[k] > 0), 0) / count : null;
    }
    now.penalty = penaltyOf(this.layers, penalty, strength);
    now.norms = this.look().map(({ gw, gb }) => norm(gw, gb));
    this.now = now;
    if (!this.curve.length || this.steps >= this.curve.at(-1).step + this.every) this.curve.push(now);
    if (this.curve.length > MOST_POINTS) {
      this.curve = this.curve.filter((_, k) => k % 2 === 0);
      this.every *= 2;
    }
  }

  get epochs() {
    return this.steps * this.settings.batch / this.data.train.count;
  }

  get broken() {
    return !this.layers.every(({ w, b }) => w.every(Number.isFinite) && b.every(Number.isFinite));
  }
}
