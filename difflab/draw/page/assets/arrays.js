// Operations on arrays: what each kind computes, what it sends back, and which entries depend on which.
class Arr {
  constructor(shape, data) {
    this.shape = shape;
    this.data = data;
  }
  // A few numbers in full; of more the shape, for the maps show the entries.
  toString() {
    const { shape, data } = this;
    if (typeof data[0] === "boolean") return `array ${shapeText(shape)}, ${data.filter(Boolean).length} true`;
    if (data.length > MOST_WRITTEN || shape.length > 2) return `array ${shapeText(shape)}`;
    const nested = (from, [n, ...rest]) => (n === undefined ? fmt(data[from], 2) :
      `[${Array.from({ length: n }, (_, k) => nested(from + k * product(rest), rest)).join(", ")}]`);
    return nested(0, shape);
  }
  toJSON() {
    return { s: this.shape, x: this.data.map(v => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v)) };
  }
}
const MOST_WRITTEN = 6; // entries
const shapeText = shape => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
const arr = x => (x instanceof Arr ? x : new Arr([], [x]));
const plain = a => (a.shape.length ? a : a.data[0]);
const product = list => list.reduce((a, b) => a * b, 1);
const full = (shape, v) => new Arr(shape, new Array(product(shape)).fill(v));
const like = (a, f) => new Arr(a.shape, a.data.map(f));
// Places written short: offset, lengths and strides.
function places(t) {
  if (Array.isArray(t)) return t;
  let found = [t.o];
  t.n.forEach((n, k) => { found = found.flatMap(p => Array.from({ length: n }, (_, i) => p + i * t.s[k])); });
  return found;
}
// For each entry of an array of shape `to` the entry of one of shape `from` that broadcasting puts there.
const known = new Map();
function spread(from, to) {
  const key = `${from}>${to}`;
  if (!known.has(key)) {
    const missing = to.length - from.length, s = [];
    to.forEach((_, k) => { s[k] = k < missing || from[k - missing] === 1 ? 0 : product(from.slice(k - missing + 1)); });
    known.set(key, places({ o: 0, n: to, s }));
  }
  return known.get(key);
}
// A contribution in the shape of its operand: the transpose of broadcasting.
function fitted(a, shape, join = (x, y) => x + y) {
  if (String(a.shape) === String(shape) && a.shape.length === shape.length) return a;
  if (a.data.length < product(shape)) return new Arr(shape, spread(a.shape, shape).map(i => a.data[i]));
  const at = spread(shape, a.shape), data = new Array(product(shape));
  a.data.forEach((v, j) => { data[at[j]] = data[at[j]] === undefined ? v : join(data[at[j]], v); });
  return new Arr(shape, data);
}
const orOf = (x, y) => x || y;
function plusArrays(a, b) {
  const x = arr(a), y = arr(b);
  return plain(like(x, (v, i) => v + y.data[i]));
}
const eitherGate = (a, b) => (a === null || b === null ? null : like(a, (v, i) => v || b.data[i]));

// The terms of a table or a product, in full: entry of the result, entries of the operands, weight.
function terms(op, xs) {
  if (op.terms) return op.terms;
  const y = [], at = xs.map(() => []), w = [];
  if (op.k === "table") {
    const whose = op.a.flatMap(k => xs[k].data.map((_, i) => [k, i]));
    const add = (j, i, weight) => {
      if (i < 0) return;
      const [k, entry] = whose[i];
      y.push(j);
      xs.forEach((_, q) => at[q].push(q === k ? entry : -1));
      w.push(weight);
    };
    if (op.g) places(op.g).forEach((i, j) => add(j, i, 1));
    else if (op.d) places(op.d).forEach((j, i) => add(j, i, op.w));
    else for (let t = 0; t < op.e.length; t += 3) add(op.e[t], op.e[t + 1], op.e[t + 2]);
  } else if (op.q) {
    for (let t = 0; t < op.q.length; t += 4) {
      y.push(op.q[t]);
      xs.forEach((_, q) => at[q].push(q === op.a[0] ? op.q[t + 1] : q === op.a[1] ? op.q[t + 2] : -1));
      w.push(op.q[t + 3]);
    }
  } else {
    const lists = op.l.map(s => places({ o: 0, n: op.n, s }));
    xs.forEach((_, k) => { at[k] = lists[k]; });
    y.push(...lists.at(-1));
    y.forEach(() => w.push(1));
  }
  return op.terms = { y, at, w };
}
const TERMS = {
  run(op, xs) {
    const { y, at, w } = terms(op, xs), data = new Array(product(op.s));
    for (let t = 0; t < y.length; t++) {
      let v;
      for (let k = 0; k < xs.length; k++) if (at[k][t] >= 0) v = v === undefined ? xs[k].data[at[k][t]] : v * xs[k].data[at[k][t]];
      if (w[t] !== 1) v *= w[t];
      else if (!op.m) v = Number(v);
      data[y[t]] = data[y[t]] === undefined ? v : data[y[t]] + v;
    }
    for (let j = 0; j < data.length; j++) data[j] ??= 0;
    return new Arr(op.s, data);
  },
  pull(op, p, ct, gate, y, xs) {
    const t = terms(op, xs), down = full(xs[p].shape, 0), open = gate && full(xs[p].shape, false);
    t.y.forEach((j, n) => {
      const i = t.at[p][n];
      if (i < 0) return;
      let v = t.w[n] === 1 ? ct.data[j] : t.w[n] * ct.data[j];
      for (let k = 0; k < xs.length; k++) if (k !== p && t.at[k][n] >= 0) v *= xs[k].data[t.at[k][n]];
      down.data[i] += v;
      if (gate && gate.data[j]) open.data[i] = true;
    });
    return { down, gate: open };
  },
  reach(op, masks, xs) {
    const { y, at } = terms(op, xs), found = new Array(product(op.s)).fill(false);
    y.forEach((j, n) => { if (masks.some((m, k) => m && at[k][n] >= 0 && m[at[k][n]])) found[j] = true; });
    return found;
  },
  back(op, mask, xs) {
    const { y, at } = terms(op, xs), found = xs.map(x => x.data.map(() => false));
    y.forEach((j, n) => { if (mask[j]) xs.forEach((_, k) => { if (at[k][n] >= 0) found[k][at[k][n]] = true; }); });
    return found;
  },
};

// The groups of a function along axes, and where their results stand.
const groupsOf = op => (op.groups ??= Array.from({ length: places(op.g).length / op.n }, (_, k) =>
  places(op.g).slice(k * op.n, (k + 1) * op.n).filter(i => i >= 0)));
const lanesOf = (t, n) => Array.from({ length: places(t).length / n }, (_, k) => places(t).slice(k * n, (k + 1) * n));
const wide = op => op.f === "placesInOrder"; // as many results as entries
function alongPlaces(op, index) {
  op.pairs ??= [lanesOf(op.x, op.xn), lanesOf(op.i, op.in)];
  const from = new Array(product(op.s));
  op.pairs[1].forEach((lane, k) => lane.forEach(i => { from[i] = op.pairs[0][k].at(index.data[i]); }));
  return from;
}
const KINDS = {
  map: {
    run(op, xs) {
      const { f } = FORMS[op.f], at = xs.map(x => spread(x.shape, op.s));
      return new Arr(op.s, Array.from({ length: product(op.s) }, (_, j) => f(...xs.map((x, k) => x.data[at[k][j]]))));
    },
    pull(op, p, ct, gate, y, xs) {
      const d = FORMS[op.f].d[p];
      if (d === 0) return null;
      if (typeof d === "number") return fitBoth({ local: d, down: d === 1 ? ct : like(ct, v => -v), gate }, xs[p].shape);
      const at = xs.map(x => spread(x.shape, op.s)), gates = typeof d === "object";
      const open = gates ? [] : null, local = [], down = [];
      for (let j = 0; j < y.data.length; j++) {
        const here = [y.data[j], ...xs.map((x, k) => x.data[at[k][j]])];
        const factor = Number(gates ? d.c(...here) : d(...here));
        const passes = gates ? Boolean(d.g(...here)) : true;
        const mask = passes && (!gate || Boolean(gate.data[j]));
        if (gates) open.push(mask);
        local.push(passes ? factor : 0 * factor);
        down.push(mask ? ct.data[j] * factor : 0);
      }
      return fitBoth({ local: new Arr(op.s, local), down: new Arr(op.s, down),
        gate: gates ? new Arr(op.s, open) : gate }, xs[p].shape);
    },
    reach(op, masks, xs) {
      const at = xs.map(x => spread(x.shape, op.s));
      return Array.from({ length: product(op.s) }, (_, j) => masks.some((m, k) => m && m[at[k][j]]));
    },
    back(op, mask, xs) {
      const found = xs.map(x => x.data.map(() => false));
      xs.forEach((x, k) => spread(x.shape, op.s).forEach((i, j) => { if (mask[j]) found[k][i] = true; }));
      return found;
    },
  },
  table: TERMS,
  product: TERMS,
  call: {
    run(op, [x]) {
      const data = [];
      groupsOf(op).forEach((group, k) => {
        const found = LISTS[op.f](group.map(i => x.data[i]));
        if (wide(op)) group.forEach((i, n) => { data[i] = found[n]; });
        else data[k] = found;
      });
      return new Arr(op.s, data);
    },
    pull(op, p, ct, gate, y, xs) {
      if (op.v !== undefined) return byRule(op, p, ct, gate, y, xs);
      if (!op.b) return null;
      const down = full(xs[0].shape, 0);
      groupsOf(op).forEach((group, k) => LISTS[op.b](group.map(i => xs[0].data[i]), ct.data[k])
        .forEach((v, n) => { down.data[group[n]] += v; }));
      return { down, gate: gate && full(xs[0].shape, gate.data.some(Boolean)) };
    },
    reach(op, [mask]) {
      const found = [];
      groupsOf(op).forEach((group, k) => {
        const some = group.some(i => mask && mask[i]);
        if (wide(op)) group.forEach(i => { found[i] = some; });
        else found[k] = some;
      });
      return found;
    },
    back(op, mask, [x]) {
      const found = x.data.map(() => false);
      groupsOf(op).forEach((group, k) => {
        if (wide(op) ? group.some(i => mask[i]) : mask[k]) group.forEach(i => { found[i] = true; });
      });
      return [found];
    },
  },
  whole: { // of all entries together
    run(op, xs) {
      const y = LISTS[op.f](...xs.map(x => x.data));
      return new Arr(op.s, Array.isArray(y) ? y : [y]);
    },
    pull: (op, p, ct, gate, y, xs) => byRule(op, p, ct, gate, y, xs),
    reach: (op, masks) => full(op.s, masks.some(m => m && m.some(Boolean))).data,
    back: (op, mask, xs) => xs.map(x => x.data.map(() => mask.some(Boolean))),
  },
  along: {
    run: (op, [x, index]) => new Arr(op.s, alongPlaces(op, index).map(i => x.data[i])),
    pull(op, p, ct, gate, y, [x, index]) {
      if (p) return null;
      const down = full(x.shape, 0), open = gate && full(x.shape, false);
      alongPlaces(op, index).forEach((i, j) => {
        down.data[i] += ct.data[j];
        if (gate && gate.data[j]) open.data[i] = true;
      });
      return { down, gate: open };
    },
    reach: (op, [mask], [x, index]) => alongPlaces(op, index).map(i => Boolean(mask && mask[i])),
    back(op, mask, [x, index]) {
      const found = x.data.map(() => false);
      alongPlaces(op, index).forEach((i, j) => { if (mask[j]) found[i] = true; });
      return [found, mask];
    },
  },
  program: {
    run(op, xs) {
      const slots = slotsOf(op, xs);
      return Array.isArray(op.y) ? op.y.map(k => (k === null ? null : slots[k])) : shaped(op, slots[op.y]);
    },
    pull(op, p, ct, gate, y, xs) {
      if (op.v !== undefined) return byRule(op, p, ct, gate, y, xs);
      return sweep(op, ct, gate, xs)[p] ?? null;
    },
    reach(op, masks, xs) {
      const slots = slotsOf(op, xs), found = [...masks];
      op.o.forEach(([k, at], n) => {
        const inner = at.map(i => slots[i]);
        found[op.n + op.c.length + n] = reachOf(OPS[k], at.map(i => found[i] ?? null), inner);
      });
      return Array.isArray(op.y) ? op.y.map(k => found[k] ?? null) : found[op.y] ?? slots[op.y].data.map(() => false);
    },
    back(op, mask, xs) {
      const slots = slotsOf(op, xs), found = [];
      if (Array.isArray(op.y)) op.y.forEach((k, i) => { if (mask[i]) found[k] = mask[i]; });
      else found[op.y] = mask;
      for (let n = op.o.length - 1; n >= 0; n--) {
        const [k, at] = op.o[n], here = found[op.n + op.c.length + n];
        if (!here) continue;
        backOf(OPS[k], here, at.map(i => slots[i])).forEach((m, q) => {
          if (m) found[at[q]] = found[at[q]] ? found[at[q]].map((v, i) => v || m[i]) : m;
        });
      }
      return xs.map((x, k) => found[k] ?? x.data.map(() => false));
    },
  },
  pick: {
    run: (op, [xs]) => xs[op.i],
    reach: (op, [masks]) => masks && masks[op.i],
    back: (op, mask) => [Object.assign([], { [op.i]: mask })],
  },
};
const runOf = (op, xs) => KINDS[op.k].run(op, xs);
const pullOf = (op, ...rest) => KINDS[op.k].pull(op, ...rest);
const reachOf = (op, masks, xs) => KINDS[op.k].reach(op, masks, xs);
const backOf = (op, mask, xs) => KINDS[op.k].back(op, mask, xs);
const shaped = (op, a) => (op.s && String(op.s) !== String(a.shape) ? new Arr(op.s, a.data) : a);
const fitBoth = ({ local, down, gate }, shape) => ({ local, down: fitted(down, shape), gate: gate && fitted(gate, shape, orOf) });

function slotsOf(op, xs) {
  const slots = [...xs, ...op.c.map(c => arr(number(c)))];
  for (const [k, at] of op.o) slots.push(runOf(OPS[k], at.map(i => slots[i])));
  return slots;
}
// The row's own rule; where it mixes all entries, a gate stays closed only if all of it was.
function byRule(op, p, ct, gate, y, xs) {
  const results = v => (Array.isArray(v) ? v : [v]);
  const cts = Array.isArray(y) ? y.map((v, i) => ct[i] ?? full(v.shape, 0)) : [ct];
  const down = runOf(OPS[op.v], [...cts, ...results(y), ...xs])[p];
  if (!down) return null;
  return { down: fitted(down, xs[p].shape), gate: gate && !Array.isArray(y) ? full(xs[p].shape, gate.data.some(Boolean)) : null };
}
// Reverse mode inside a program: what arrives at each of its operands.
function sweep(op, ct, gate, xs) {
  const slots = slotsOf(op, xs), start = op.n + op.c.length, found = [];
  if (Array.isArray(op.y)) op.y.forEach((k, i) => { if (ct[i]) found[k] = { down: ct[i], gate: null }; });
  else found[op.y] = { down: fitted(ct, slots[op.y].shape), gate: gate && fitted(gate, slots[op.y].shape, orOf) };
  for (let n = op.o.length - 1; n >= 0; n--) {
    const here = found[start + n], [k, at] = op.o[n], inner = OPS[k];
    if (!here) continue;
    if (inner.k === "pick") {
      (found[at[0]] ??= { down: [], gate: null }).down[inner.i] = here.down;
      continue;
    }
    at.forEach((i, q) => {
      if (i >= op.n && i < start) return;
      const sent = pullOf(inner, q, here.down, here.gate, slots[start + n], at.map(j => slots[j]));
      if (!sent) return;
      const before = found[i];
      found[i] = before ? { down: like(before.down, (v, j) => v + sent.down.data[j]), gate: eitherGate(before.gate, sent.gate) } : sent;
    });
  }
  return found;
}
// What one edge sends back.
function sendArrays(e, values, up, gate) {
  const target = nodes[e.t], xs = target.operands.map(i => arr(values[i]));
  const sent = pullOf(OPS[target.op], e.p, arr(up), gate, arr(values[e.t]), xs);
  if (!sent) return { local: null, down: plain(full(xs[e.p].shape, 0)), gate: null };
  const { local = null } = sent;
  return { local: local instanceof Arr ? plain(local) : local, down: plain(sent.down), gate: sent.gate };
}

// Where the result is no number though every input is one, nothing that flows back is a number either.
function seedOfArrays(values) {
  const seed = arr(number(data.seed)), y = arr(values[out]), none = v => v !== v;
  if (data.inputs.some(k => arr(values[k]).data.some(none))) return plain(seed);
  return plain(like(seed, (v, i) => (none(y.data[i]) ? NaN : v)));
}
// Kinks, entry by entry: gaps that are zero at one.
function gapsAt(op, xs) {
  if (op.k === "map" && FORMS[op.f].k) {
    const at = xs.map(x => spread(x.shape, op.s));
    return Array.from({ length: product(op.s) }, (_, j) => FORMS[op.f].k(...xs.map((x, k) => x.data[at[k][j]])).map(Number));
  }
  if (op.k === "call" && GAPS[op.f]) return groupsOf(op).map(group => [GAPS[op.f](group.map(i => xs[0].data[i]))]);
  return [];
}
// As for numbers, and for each node the entries.
function arrayKinks(before, now) {
  const at = [], crossed = [], entries = {};
  now.forEach((gaps, n) => {
    const zero = gaps.flatMap((gap, i) => (gap.some(g => g === 0) ? [i] : []));
    const over = gaps.flatMap((gap, i) => (before && gap.some((g, k) => g * before[n][i][k] < 0) ? [i] : []));
    if (zero.length) at.push(n);
    else if (over.length) crossed.push(n);
    if (zero.length || over.length) entries[n] = zero.length ? zero : over;
  });
  return { at, crossed, entries };
}
const gapsOfArrays = values => nodes.map(n => (n.op === undefined ? [] : gapsAt(OPS[n.op], n.operands.map(i => arr(values[i])))));
