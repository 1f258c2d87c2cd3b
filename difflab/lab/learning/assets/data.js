// Data: every number comes from a seed, so that a page shows the same points each time.
const SPAN = 3; // the plane is drawn from -SPAN to SPAN in both directions
const COUNT = 400;

// Uniform numbers in [0, 1) from a Weyl sequence whose terms are mixed (splitmix, on 32 bits).
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
  };
}

// A normal number from two uniform ones (Box and Muller).
const normal = (next) => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

// Each set: what is learned, and a point [x1, x2, target]; classes are -1 and 1. Noise is the share of the widest one.
const SETS = {
  spiral: { classes: true, point(next, noise, k) {
    const sign = k % 2 ? 1 : -1, r = Math.sqrt(0.02 + 0.98 * next());
    const angle = 8 * r + (sign > 0 ? 0 : Math.PI) + noise * normal(next);
    return [2.7 * r * Math.cos(angle), 2.7 * r * Math.sin(angle), sign];
  } },
  moons: { classes: true, point(next, noise, k) {
    const sign = k % 2 ? 1 : -1, angle = Math.PI * next();
    const x = sign > 0 ? Math.cos(angle) - 0.5 : 0.5 - Math.cos(angle);
    const y = sign > 0 ? Math.sin(angle) - 0.25 : 0.25 - Math.sin(angle);
    return [1.7 * x + noise * normal(next), 1.7 * y + noise * normal(next), sign];
  } },
  circles: { classes: true, point(next, noise, k) {
    const sign = k % 2 ? 1 : -1, angle = 2 * Math.PI * next(), r = sign > 0 ? 1.2 * Math.sqrt(next()) : 1.9 + 0.7 * next();
    return [r * Math.cos(angle) + noise * normal(next), r * Math.sin(angle) + noise * normal(next), sign];
  } },
  regression: { classes: false, point(next, noise) {
    const x = SPAN * (2 * next() - 1), y = SPAN * (2 * next() - 1);
    return [x, y, Math.sin(1.2 * x) * Math.cos(0.8 * y) + 0.5 * noise * normal(next)];
  } },
};

// The points of a set, mixed, as arrays: the first are for training, the others for testing.
function makeData(name, noise, share, seed) {
  const next = random(seed), set = SETS[name];
  const points = Array.from({ length: COUNT }, (_, k) => set.point(next, noise, k));
  const order = shuffled(COUNT, next), tested = Math.round(COUNT * share);
  const part = (places) => ({
    count: places.length,
    points: Float64Array.from(places.flatMap((k) => points[k].slice(0, 2))),
    targets: Float64Array.from(places, (k) => points[k][2]),
  });
  return { classes: set.classes, train: part(order.slice(tested)), test: part(order.slice(0, tested)) };
}

// The numbers from 0 to n - 1 in an order that `next` decides (Fisher and Yates).
function shuffled(n, next) {
  const order = Array.from({ length: n }, (_, k) => k);
  for (let k = n - 1; k > 0; k--) {
    const j = Math.floor(next() * (k + 1));
    [order[k], order[j]] = [order[j], order[k]];
  }
  return order;
}

// What the network sees of points (x1, x2, x1, x2, ...): a row of features for each.
function featuresOf(points, names) {
  const count = points.length / 2, made = new Float64Array(count * names.length);
  for (let s = 0; s < count; s++) {
    names.forEach((name, k) => { made[s * names.length + k] = FEATURES[name].f(points[2 * s], points[2 * s + 1]); });
  }
  return made;
}
