// Optimisers: what one step makes of an array p of parameters and its gradient g. `m` and `v` are the memory, 0 at
// first; `step` counts from 1. The constants are those of difflab.nn.optim.
const BETA1 = 0.9, BETA2 = 0.999, ALPHA = 0.99, MOMENTUM = 0.9;
const OPTIMISERS = {
  sgd: { name: "SGD", says: "p − rate × g", update(p, g, m, v, rate) {
    for (let k = 0; k < p.length; k++) p[k] -= rate * g[k];
  } },
  momentum: { name: "SGD with momentum", says: "v becomes 0.9 v + g; p − rate × v", update(p, g, m, v, rate) {
    for (let k = 0; k < p.length; k++) {
      m[k] = MOMENTUM * m[k] + g[k];
      p[k] -= rate * m[k];
    }
  } },
  adam: { name: "Adam", says: "p − rate × mean of g / root of the mean of g²", update(p, g, m, v, rate, step) {
    const first = 1 - BETA1 ** step, second = 1 - BETA2 ** step;
    for (let k = 0; k < p.length; k++) {
      m[k] = BETA1 * m[k] + (1 - BETA1) * g[k];
      v[k] = BETA2 * v[k] + (1 - BETA2) * g[k] * g[k];
      p[k] -= rate * (m[k] / first) / (Math.sqrt(v[k] / second) + 1e-8);
    }
  } },
  rmsprop: { name: "RMSprop", says: "p − rate × g / root of the mean of g²", update(p, g, m, v, rate) {
    for (let k = 0; k < p.length; k++) {
      v[k] = ALPHA * v[k] + (1 - ALPHA) * g[k] * g[k];
      p[k] -= rate * g[k] / (Math.sqrt(v[k]) + 1e-8);
    }
  } },
  adagrad: { name: "AdaGrad", says: "p − rate × g / root of the sum of all g²", update(p, g, m, v, rate) {
    for (let k = 0; k < p.length; k++) {
      v[k] += g[k] * g[k];
      p[k] -= rate * g[k] / (Math.sqrt(v[k]) + 1e-10);
    }
  } },
};

// The parameters of all layers after one step, in place; the memory holds an m and a v for each array.
function applyStep(kind, layers, gradients, memory, rate) {
  memory.step += 1;
  layers.forEach((layer, l) => {
    for (const name of ["w", "b"]) {
      const { m, v } = memory.of[l][name];
      OPTIMISERS[kind].update(layer[name], gradients[l][`g${name}`], m, v, rate, memory.step);
    }
  });
}

function emptyMemory(layers) {
  const both = (p) => ({ m: new Float64Array(p.length), v: new Float64Array(p.length) });
  return { step: 0, of: layers.map(({ w, b }) => ({ w: both(w), b: both(b) })) };
}
