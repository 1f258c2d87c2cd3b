// The numbers of the page: both passes at a point, and the steps that show them.
const $ = id => document.getElementById(id);
const slide = { timer: null, calm: () => matchMedia("(prefers-reduced-motion: reduce)").matches }; // of the window of a convolution
const data = JSON.parse($("data").textContent);
const special = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
// What the page's data holds: a number, or an array as {s: shape, x: entries}.
const number = x => (typeof x === "string" && x in special ? special[x] : x && x.x ? new Arr(x.s, x.x.map(number)) : x);
const nodes = data.nodes.map(([name, operands, like, own]) => ({ name, operands, ...data.alike[like], ...own }));
const edges = data.edges.map(([s, t, p, formula, up, local, down]) =>
  ({ s, t, p, formula, up: number(up), local: local === null ? null : number(local), down: number(down) }));
const out = data.output;
const live = FORMS !== null;
const arriving = nodes.map(() => []);
edges.forEach((e, k) => arriving[e.s].push(k));
const leaving = nodes.map(() => []);
edges.forEach((e, k) => leaving[e.t].push(k));
const shownNodes = nodes.map((n, k) => k).filter(k => nodes[k].kind !== "constant");
const plus = (a, b) => (isNumber(a) && isNumber(b) ? a + b : plusArrays(a, b));
const isNumber = x => typeof x === "number" || typeof x === "boolean";

// Whether a value is NaN or infinite, or an array has such entries.
const isOdd = v => (isNumber(v) ? typeof v === "number" && !Number.isFinite(v) : Boolean(v && v.data) && v.data.some(isOdd));
const same = (a, b) => Object.is(a, b) || Boolean(a && a.data) && a.data.every((v, k) => Object.is(v, b.data[k]));

// As the drawings write numbers: a few significant digits.
function fmt(x, digits = 3) {
  if (typeof x === "boolean") return x ? "true" : "false";
  if (typeof x !== "number") return String(x ?? "");
  if (x !== x) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "-∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e-3 && size < 1e5) {
    const text = size < 10 ** digits ? x.toPrecision(digits) : x.toFixed(0);
    if (text.includes("e")) return x.toFixed(0);
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
  return (mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa) + "e" + Number(exponent);
}

// A formula with its operands (⟦0⟧, ⟦1⟧, ⟦y⟧ for the result) as names or as numbers.
function filled(formula, t, write) {
  return (formula || "").replace(/⟦(\w+)⟧/g, (mark, k, at) =>
    write(k === "y" ? t : nodes[t].operands[Number(k)], formula[at - 1], formula[at + mark.length]));
}
const nameOf = k => nodes[k].name;
const inNames = (formula, t) => filled(formula, t, nameOf);
function inNumbers(formula, t, values) {
  return filled(formula, t, (k, before, after) => {
    const text = fmt(values[k]);
    const alone = (!before || before === "(") && (!after || after === ")" || after === ",");
    return !alone && (text.startsWith("-") || text.includes("e")) ? `(${text})` : text;
  });
}

// The forward pass: every value from the inputs.
function forward(inputs) {
  const values = [];
  nodes.forEach((n, k) => {
    if (n.op !== undefined) values[k] = plain(runOf(OPS[n.op], n.operands.map(i => arr(values[i]))));
    else if (n.form === undefined) values[k] = number(n.value);
    else values[k] = FORMS[n.form].f(...n.operands.map(i => values[i]));
  });
  return values;
}
function withInputs(inputs) {
  data.inputs.forEach((k, i) => { nodes[k].value = inputs[i]; });
  return forward();
}

// What one edge sends back: a gate that is closed lets nothing through, whatever the factor is.
function send(e, values, up, gate) {
  const target = nodes[e.t];
  if (OPS) return sendArrays(e, values, up, gate);
  const d = FORMS[target.form].d[e.p];
  const at = [values[e.t], ...target.operands.map(i => values[i])];
  if (typeof d === "object") {
    const open = Boolean(d.g(...at));
    const mask = gate === null ? open : open && gate;
    const factor = Number(d.c(...at));
    return { local: open ? factor : 0 * factor, down: mask ? up * factor : 0, gate: mask };
  }
  const local = typeof d === "number" ? d : Number(d(...at));
  if (typeof d === "number") return { local, down: d === 1 ? up : -up, gate };
  return { local, down: gate === null || gate ? up * local : 0, gate };
}

function seedOf(values) {
  if (OPS) return seedOfArrays(values);
  const undefinedHere = Number.isNaN(values[out]) && !data.inputs.some(k => Number.isNaN(values[k]));
  return undefinedHere ? NaN : number(data.seed);
}

// The backward pass along the edges in the order given; each step says what flowed and what had arrived before.
function backward(values, order, seed = seedOf(values)) {
  const adjoint = nodes.map(() => null), gates = nodes.map(() => null);
  adjoint[out] = seed;
  const flows = [];
  for (const k of order) {
    const e = edges[k];
    const up = adjoint[e.t];
    const found = send(e, values, up, gates[e.t]);
    const first = adjoint[e.s] === null;
    adjoint[e.s] = first ? found.down : plus(adjoint[e.s], found.down);
    if (first) gates[e.s] = found.gate;
    else if (OPS) gates[e.s] = eitherGate(gates[e.s], found.gate);
    else if (gates[e.s] !== null) gates[e.s] = found.gate === null ? null : gates[e.s] || found.gate;
    flows.push({ k, up, local: found.local, down: found.down, closed: Number.isNaN(found.local) && found.down === 0 });
  }
  return { flows, adjoint };
}

// The wrong order: a value sends on what it has as soon as something arrives, once, and never waits for the rest.
const rightOrder = edges.map((_, k) => k);
function eagerOrder() {
  const order = [], sent = new Set([out]), stack = [...leaving[out]].reverse();
  while (stack.length) {
    const k = stack.pop(), s = edges[k].s;
    order.push(k);
    if (!sent.has(s)) {
      sent.add(s);
      stack.push(...[...leaving[s]].reverse());
    }
  }
  return order;
}

const rightAdjoint = found => (live && eager ? backward(found.values, rightOrder).adjoint : found.adjoint);

// Both passes at the present inputs.
function passes(eager) {
  const values = forward();
  if (!data.backward) return { values, flows: [], adjoint: nodes.map(() => null) };
  if (live) return { values, ...backward(values, eager ? eagerOrder() : rightOrder) };
  const adjoint = nodes.map(n => (n.adjoint === undefined ? null : number(n.adjoint)));
  return { values, adjoint, flows: edges.map((e, k) => ({ k, up: e.up, local: e.local, down: e.down })) };
}

// The steps: forward node by node, the seed, backward edge by edge, the gradient.
function stepsOf(found) {
  const steps = shownNodes.map(n => ({ type: "node", n }));
  if (!data.backward) return steps;
  steps.push({ type: "seed" });
  const parts = nodes.map(() => []), came = nodes.map(() => []);
  const started = new Set();
  for (const flow of found.flows) {
    const e = edges[flow.k];
    const missing = arriving[e.t].length - parts[e.t].length;
    const late = started.has(e.s);
    started.add(e.t);
    parts[e.s].push(flow.down);
    came[e.s].push(flow.k);
    steps.push(arrivedBy({ type: "edge", ...flow, missing, late }, parts[e.s], came[e.s]));
  }
  steps.push({ type: "end" });
  return steps;
}

// What had arrived by now: cut out when it is asked for, for one node may be used hundreds of times.
function arrivedBy(step, parts, came) {
  const count = parts.length, get = all => ({ get: () => all.slice(0, count), enumerable: true });
  return Object.defineProperties(step, { parts: get(parts), came: get(came) });
}

// Kinks: the gaps of each node, zero at a kink; a change of sign since `before` is a kink that was crossed.
function gapsOf(values) {
  if (OPS) return gapsOfArrays(values);
  return nodes.map((n, k) => {
    const form = n.form === undefined ? null : FORMS[n.form];
    return form && form.k ? form.k(...n.operands.map(i => values[i])).map(Number) : [];
  });
}
function kinksBetween(before, now) {
  const at = [], crossed = [];
  if (OPS) return arrayKinks(before, now);
  now.forEach((gaps, n) => {
    if (gaps.some(g => g === 0)) at.push(n);
    else if (before && gaps.some((g, i) => g * before[n][i] < 0)) crossed.push(n);
  });
  return { at, crossed };
}
