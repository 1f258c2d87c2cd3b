// The network: linear layers with an activation between them. The last has one output, and no activation.
// Arrays of samples lie sample after sample; weights lie neuron after neuron: w[to * inputs + from].

// First weights are normal numbers of a size that fits the activation, times `scale`; biases begin at 0.
function makeLayers(sizes, activation, scale, next) {
  return sizes.slice(1).map((outputs, k) => {
    const inputs = sizes[k], last = k === sizes.length - 2;
    const size = scale * Math.sqrt((last ? 1 : ACTIVATIONS[activation].gain) / inputs);
    const w = Float64Array.from({ length: inputs * outputs }, () => size * normal(next));
    return { inputs, outputs, w, b: new Float64Array(outputs) };
  });
}

// The forward pass of `count` samples: before (z) and behind (a) the activation of every layer.
function forward(layers, activation, x, count) {
  const { f } = ACTIVATIONS[activation], passes = [];
  let from = x;
  layers.forEach((layer, l) => {
    const { inputs, outputs, w, b } = layer, z = new Float64Array(count * outputs);
    for (let s = 0; s < count; s++) {
      for (let i = 0; i < outputs; i++) {
        let sum = b[i];
        for (let j = 0, at = i * inputs, of = s * inputs; j < inputs; j++) sum += w[at + j] * from[of + j];
        z[s * outputs + i] = sum;
      }
    }
    const a = l < layers.length - 1 ? z.map((v) => f(v)) : z;
    passes.push({ x: from, z, a });
    from = a;
  });
  return passes;
}

// The mean loss of outputs and targets.
function meanLoss(z, targets, loss) {
  const { f } = LOSSES[loss];
  let sum = 0;
  for (let s = 0; s < targets.length; s++) sum += f(z[s], targets[s]);
  return sum / targets.length;
}

// The backward pass of the mean loss: for each layer the derivatives by a, z, w and b; `penalty` is what the
// regularisation adds to those by the weights.
function backward(layers, activation, passes, targets, loss, penalty, strength) {
  const slope = ACTIVATIONS[activation].d, count = targets.length, found = [];
  const last = passes.at(-1).z;
  let ga = null, gz = Float64Array.from(targets, (t, s) => LOSSES[loss].d(last[s], t) / count);
  for (let l = layers.length - 1; l >= 0; l--) {
    const { inputs, outputs, w } = layers[l], { x, z } = passes[l];
    if (ga !== null) gz = ga.map((g, k) => g * slope(z[k]));
    const gw = new Float64Array(w.length), gb = new Float64Array(outputs);
    for (let s = 0; s < count; s++) {
      for (let i = 0; i < outputs; i++) {
        const g = gz[s * outputs + i];
        gb[i] += g;
        for (let j = 0; j < inputs; j++) gw[i * inputs + j] += g * x[s * inputs + j];
      }
    }
    const added = penalty === "none" ? null : w.map((v) => strength * PENALTIES[penalty].d(v));
    found[l] = { ga, gz, gw: added ? gw.map((g, k) => g + added[k]) : gw, gb, added };
    ga = l > 0 ? sentBack(layers[l], gz, count) : null;
  }
  return found;
}

// What a layer sends back to the one before it: the sum over its neurons.
function sentBack({ inputs, outputs, w }, gz, count) {
  const ga = new Float64Array(count * inputs);
  for (let s = 0; s < count; s++) {
    for (let i = 0; i < outputs; i++) {
      const g = gz[s * outputs + i];
      for (let j = 0; j < inputs; j++) ga[s * inputs + j] += g * w[i * inputs + j];
    }
  }
  return ga;
}

// What the regularisation adds to the loss.
function penaltyOf(layers, penalty, strength) {
  if (penalty === "none") return 0;
  const { f } = PENALTIES[penalty];
  return strength * layers.reduce((sum, { w }) => sum + w.reduce((s, v) => s + f(v), 0), 0);
}

const norm = (...arrays) => Math.sqrt(arrays.reduce((sum, a) => sum + a.reduce((s, v) => s + v * v, 0), 0));
