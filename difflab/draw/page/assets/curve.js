// The curve of f along one input, the others held: its samples, its branches between gaps and jumps, its kinks.
const curvePoint = x => Number.isFinite(x.y);

// The nodes that depend on input k.
function dependents(k) {
  const moved = new Set([k]);
  nodes.forEach((n, i) => { if (n.operands.some(o => moved.has(o))) moved.add(i); });
  moved.delete(k);
  return moved;
}
// What f is drawn along: a number n among the inputs, or entry i of an array; of many entries the first.
const MOST_CURVES = 100;
const curves = data.inputs.flatMap(n => {
  const value = number(nodes[n].value);
  return isNumber(value) ? [{ n, i: null }] : value.data.map((_, i) => ({ n, i }));
}).slice(0, MOST_CURVES);
const entryOf = ({ i }, x) => (i === null || isNumber(x) ? x : x.data[i]);
const curveName = ({ n, i }, back = false) => (i === null ? (back ? wrt(n) : nodes[n].name) : entryName(n, i, back));
// Of arrays: every operation again, and of each its gaps one after the other.
function alongEntry({ n, i }) {
  const values = [...found.values], steps = [...dependents(n)].filter(k => !nodes[k].dead && nodes[k].op !== undefined);
  return x => {
    values[n] = i === null ? x : like(arr(found.values[n]), (v, k) => (k === i ? x : v));
    const gaps = steps.flatMap(k => {
      const op = OPS[nodes[k].op], xs = nodes[k].operands.map(o => arr(values[o]));
      values[k] = plain(runOf(op, xs));
      return gapsAt(op, xs).flat();
    });
    return { x, y: Number(values[out]), gaps };
  };
}
// f along one of the curves at the present point, as a function of that number; what does not depend on it is kept.
function along(curve) {
  if (OPS) return alongEntry(curve);
  const k = curve.n;
  const values = [...found.values], after = [...dependents(k)].filter(i => !nodes[i].dead);
  const steps = after.map(i => [i, FORMS[nodes[i].form], nodes[i].operands]), kinked = steps.filter(([, form]) => form.k);
  const called = (f, o) => (o.length > 2 ? f(...o.map(i => values[i])) : f(values[o[0]], values[o[o.length - 1]])); // quick
  return x => {
    values[k] = x;
    for (const [i, form, operands] of steps) values[i] = called(form.f, operands);
    return { x, y: Number(values[out]), gaps: kinked.flatMap(([, form, operands]) => called(form.k, operands).map(Number)) };
  };
}

// 1, 2 or 5 times a power of ten, at least `least`.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map(f => f * power).find(s => s >= least * (1 - 1e-9));
}
const onGrid = (x, step) => Number((Math.round(x / step) * step).toPrecision(12));
function ticks(low, high, most) {
  const step = niceStep((high - low) / most), found = [];
  for (let i = Math.ceil(low / step); i * step <= high && found.length <= most; i++) found.push(onGrid(i * step, step));
  return found;
}
// Numbers of an axis, all with the same digits, so that they stand in line.
function tickTexts(values) {
  const most = Math.max(...values.map(Math.abs)), step = Math.abs(values[1] - values[0]) || most || 1;
  const power = Math.floor(Math.log10(step) + 1e-9), digits = Math.min(Math.max(Math.floor(Math.log10(most || 1)) - power, 0), 15);
  const plain = most < 1e6 && power >= -5;
  return values.map(v => (v === 0 ? "0" : plain ? v.toFixed(Math.max(0, -power)) : v.toExponential(digits).replace("e+", "e")));
}

// A range of y that shows the curve, and of a pole only the foot.
function heights(samples) {
  const ys = samples.filter(curvePoint).map(s => s.y).sort((a, b) => a - b);
  if (!ys.length) return [-1, 1];
  const at = part => ys[Math.round(part * (ys.length - 1))];
  const body = at(0.95) - at(0.05), whole = at(1) - at(0);
  let [low, high] = [at(0), at(1)];
  if (body > 0 && whole > 6 * body) [low, high] = [Math.max(low, at(0.05) - body), Math.min(high, at(0.95) + body)];
  const room = 0.08 * (high - low) || 0.5 * Math.abs(high) || 1;
  return [Math.max(low - room, -8e307), Math.min(high + room, 8e307)];
}

// Between two samples: points on either side of the place where f jumps or ceases, or all of them where it only is steep.
function bisected(f, a, b, least) {
  const left = [], right = [];
  for (let i = 0; i < 60; i++) {
    if (curvePoint(a) && curvePoint(b) && Math.abs(b.y - a.y) <= least) return { left: [...left, ...right], right: null };
    const m = f(a.x + (b.x - a.x) / 2);
    if (m.x <= a.x || m.x >= b.x) break;
    const first = curvePoint(a) !== curvePoint(b) ? curvePoint(m) !== curvePoint(a)
      : !curvePoint(m) || Math.abs(m.y - a.y) > Math.abs(b.y - m.y);
    if (first) right.unshift(b = m);
    else left.push(a = m);
  }
  return { left, right };
}
const MOST_BISECTED = 120;
function branches(f, samples, [low, high]) {
  const least = 0.02 * (high - low), found = [];
  let branch = [], bisections = 0;
  const close = () => { if (branch.length) found.push(branch); branch = []; };
  const add = points => branch.push(...points.filter(curvePoint));
  samples.forEach((b, i) => {
    const a = samples[i - 1];
    const odd = a && (curvePoint(a) !== curvePoint(b) || (curvePoint(b) && Math.abs(b.y - a.y) > least));
    if (odd && bisections++ < MOST_BISECTED) {
      const { left, right } = bisected(f, a, b, least);
      add(left);
      if (right) { close(); add(right); }
    }
    if (curvePoint(b)) branch.push(b);
    else close();
  });
  close();
  return found;
}

// Where a gap of a row changes its sign, or is zero between places where it is not.
const MOST_KINKS = 40;
function kinksAlong(f, samples) {
  const found = new Map();
  const note = s => { if (curvePoint(s) && found.size < MOST_KINKS) found.set(Number(s.x.toPrecision(9)), s); };
  samples.forEach((b, i) => {
    const a = samples[i - 1], c = samples[i + 1];
    b.gaps.forEach((g, j) => {
      if (g === 0 && ((a && a.gaps[j] !== 0) || (c && c.gaps[j] !== 0))) note(b);
      if (a && a.gaps[j] * g < 0 && found.size < MOST_KINKS) {
        const zero = zeroOf(f, a, b, j);
        if (zero) note(zero);
      }
    });
  });
  return [...found.values()];
}
function zeroOf(f, a, b, j) {
  const before = Math.min(Math.abs(a.gaps[j]), Math.abs(b.gaps[j]));
  for (let i = 0; i < 60; i++) {
    const m = f(a.x + (b.x - a.x) / 2);
    if (m.gaps[j] === 0) return m;
    if (m.x <= a.x || m.x >= b.x) break;
    if (m.gaps[j] * a.gaps[j] < 0) b = m;
    else a = m;
  }
  const nearest = Math.abs(a.gaps[j]) < Math.abs(b.gaps[j]) ? a : b;
  return Math.abs(nearest.gaps[j]) <= before ? nearest : null; // it may have changed its sign at a pole
}

// All of it for a window of the input; samples stand at the ticks too, where people put kinks.
function curveIn(curve, low, high) {
  const work = OPS ? nodes.reduce((sum, _, k) => sum + arr(found.values[k]).data.length, 0) : nodes.length;
  const f = along(curve), count = Math.round(Math.min(Math.max(20000 / work, 60), 300));
  const xs = Array.from({ length: count + 1 }, (_, i) => low + (high - low) * i / count);
  const samples = [...new Set([...xs, ...ticks(low, high, 20)])].sort((a, b) => a - b).map(f);
  const range = heights(samples);
  return { f, range, branches: branches(f, samples, range), kinks: kinksAlong(f, samples), samples };
}
// What does not belong to any branch, as intervals: there is no number there.
function gapsIn(samples) {
  const found = [];
  samples.forEach((s, i) => {
    if (curvePoint(s)) return;
    const from = samples[i - 1] && !curvePoint(samples[i - 1]) ? found.pop()[0] : s.x;
    found.push([from, s.x]);
  });
  return found;
}
