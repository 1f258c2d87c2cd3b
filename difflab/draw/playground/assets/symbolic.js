// The symbolic method: the derivative of the whole formula by each input, as steps that share equal parts. The rules are
// the rows' local derivatives, put together by the chain rule.
const MOST_STEPS = 4000, MOST_SHOWN = 200;

class Steps {
  constructor() {
    this.list = [];
    this.known = new Map();
  }
  step(...made) {
    const key = JSON.stringify(made);
    if (!this.known.has(key)) {
      if (this.list.length >= MOST_STEPS) throw new RangeError("too many steps");
      this.known.set(key, this.list.push(made) - 1);
    }
    return this.known.get(key);
  }
  number(c) { return this.step("c", c); }
  is(k, c) { return this.list[k][0] === "c" && this.list[k][1] === c; }
  apply(operation, operands) {
    if (!FORMS[operation]) throw new RangeError("no formula in JavaScript");
    const numbers = operands.map(k => this.list[k]);
    if (numbers.every(([kind]) => kind === "c"))
      return this.number(encodedNumber(FORMS[operation].f(...numbers.map(([, c]) => numberOf(c)))));
    return this.step(operation, ...operands);
  }
  times(a, b) {
    if (this.is(a, 0) || this.is(b, 0)) return this.number(0);
    const [kind, mask, open, closed] = this.list[b]; // behind a gate nothing is multiplied where it is closed
    if (kind === OPERATION.where() && this.is(closed, 0)) return this.apply(kind, [mask, this.times(a, open), closed]);
    return this.is(a, 1) ? b : this.is(b, 1) ? a : this.apply(OPERATION.multiply(), [a, b]);
  }
  plus(a, b) { return this.is(a, 0) ? b : this.is(b, 0) ? a : this.apply(OPERATION.add(), [a, b]); }
  tree(tree, leaf) {
    if (typeof tree === "number") return leaf(tree);
    if (!Array.isArray(tree)) return this.number(tree.c);
    const [operation, ...operands] = tree;
    return this.apply(operation, operands.map(x => this.tree(x, leaf)));
  }
  text(k, names) {
    const [kind, ...rest] = this.list[k];
    if (kind === "c") return { c: rest[0] };
    return kind === "i" ? { name: names[rest[0]] } : [kind, ...rest.map(x => this.text(x, names))];
  }
  size(k, sizes = new Map()) { // of the formula on one line
    if (!sizes.has(k)) {
      const [kind, ...rest] = this.list[k];
      sizes.set(k, typeof kind === "string" ? 1 : rest.reduce((sum, x) => sum + this.size(x, sizes), 1));
    }
    return sizes.get(k);
  }
}

// {steps, results, shown}, or null where a rule has no formula here.
function symbolicOf(passes) {
  const steps = new Steps(), names = passes.inputs.map(k => passes.nodes[k].called);
  try {
    const values = [];
    passes.nodes.forEach((n, k) => {
      values[k] = n.input ? steps.step("i", passes.inputs.indexOf(k)) :
        n.moves ? steps.apply(n.operation, n.operands.map(x => values[x])) : steps.number(encodedNumber(n.value));
    });
    const results = passes.inputs.map(input => slopeBy(input, passes, steps, values));
    const shown = results.map(k => (steps.size(k) > 2 * MOST_SHOWN ? `a formula of ${steps.size(k)} parts` :
      bounded(spelled(steps.text(k, names), "shown")[0], MOST_SHOWN)));
    return { steps: steps.list, results, shown: shown.map((text, i) => `∂${passes.outputName}/∂${names[i]} = ${text}`) };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
function slopeBy(input, passes, steps, values) {
  const slopes = passes.nodes.map(() => steps.number(0)), wires = new Map();
  slopes[input] = steps.number(1);
  passes.edges.forEach(e => wires.set(e.t, [...(wires.get(e.t) ?? []), e]));
  passes.nodes.forEach((n, t) => {
    for (const { s, p } of wires.get(t) ?? []) {
      if (steps.is(slopes[s], 0)) continue;
      const local = localTree(n, p, passes.nodes), leaf = k => (k < 0 ? values[t] : values[n.operands[k]]);
      if (local === null) throw new RangeError("no formula");
      const product = local.gate ? gated(steps, local.gate.map(x => steps.tree(x, leaf)), slopes[s]) : steps.times(steps.tree(local, leaf), slopes[s]);
      slopes[t] = steps.plus(slopes[t], product);
    }
  });
  return slopes[passes.output];
}
const gated = (steps, [mask, factor], slope) => steps.apply(OPERATION.where(), [mask, steps.times(factor, slope), steps.number(0)]);
