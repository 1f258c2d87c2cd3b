// Where a card may stand: free of boxes, of wires and of other cards. Points of wires are kept by squares of the drawing, so
// that only those beside a card are looked at.
const FLAT = [0, -0.35, 0.35], UPRIGHT = [0.6, -0.6, 0.9, -0.9, 0.35, -0.35, 0]; // of its width a card may stand aside
const SQUARE = 48, wirePoints = new Map();
let obstacles = [];

const squareOf = (x, y) => Math.floor(x / SQUARE) * 65536 + Math.floor(y / SQUARE);
function addPoint(point) {
  const square = squareOf(point.x, point.y), points = wirePoints.get(square);
  if (points) points.push(point);
  else wirePoints.set(square, [point]);
}
// The points of a line, at most 6 apart, each with its way from the start. A browser asked for a point measures the whole line.
function pointsOf(d) {
  const points = [];
  for (const [, sign, text] of d.matchAll(/([mcl])([^mcl]*)/g)) {
    const by = text.match(/-?\d+/g).map(Number);
    if (sign === "m") points.push({ x: by[0], y: by[1], at: 0 });
    else for (let i = 0; i < by.length; i += sign === "c" ? 6 : 2) {
      const [x, y, u, v, p, q] = sign === "c" ? by.slice(i) : [1, 1, 2, 2, 3, 3].map((third, k) => third * by[i + k % 2] / 3);
      curve(points, [0, x, u, p], [0, y, v, q]);
    }
  }
  return points;
}
function curve(points, xs, ys) {
  const start = points.at(-1), leg = k => Math.hypot(xs[k + 1] - xs[k], ys[k + 1] - ys[k]);
  const count = Math.ceil(Math.max(leg(0), leg(1), leg(2), 1) / 2); // three times the longest leg is its speed
  for (let k = 1; k <= count; k++) {
    const t = k / count, on = c => 3 * (1 - t) ** 2 * t * c[1] + 3 * (1 - t) * t * t * c[2] + t ** 3 * c[3];
    const x = start.x + on(xs), y = start.y + on(ys), last = points.at(-1);
    points.push({ x, y, at: last.at + Math.hypot(x - last.x, y - last.y) });
  }
}
function pointAt(points, at) {
  const k = Math.max(1, points.findIndex(p => p.at >= at)), a = points[k - 1], b = points[k];
  const part = (at - a.at) / (b.at - a.at || 1);
  return { x: a.x + part * (b.x - a.x), y: a.y + part * (b.y - a.y) };
}
function onWire(spot, by) {
  const left = spot.x - by, top = spot.y - by, right = spot.x + spot.width + by, bottom = spot.y + spot.height + by;
  const inside = p => p.x > left && p.x < right && p.y > top && p.y < bottom;
  for (let x = left; x < right + SQUARE; x += SQUARE) for (let y = top; y < bottom + SQUARE; y += SQUARE)
    if (wirePoints.get(squareOf(x, y))?.some(inside)) return true;
  return false;
}
const meet = (a, b, by) => a.x < b.x + b.width + by && b.x < a.x + a.width + by &&
  a.y < b.y + b.height + by && b.y < a.y + a.height + by;
function inSight({ x, y, width, height }) {
  const left = view.x - whole.dx + 3, top = view.y - whole.dy + 3;
  return x >= left && y >= top && x + width <= left + size.w / view.scale - 6 && y + height <= top + size.h / view.scale - 6;
}
function inDrawing({ x, y, width, height }) {
  const left = x + whole.dx, top = y + whole.dy;
  return left >= 3 && top >= 3 && left + width <= whole.w - 3 && top + height <= whole.h - 3;
}
// The free place nearest to a wire's middle for a card of this size, inside of what is asked for; null where there is none.
function freePlace(wire, width, height, most, taken, by, inside) {
  const asides = wire.frame.height > wire.frame.width ? UPRIGHT : FLAT;
  wire.along ??= [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8].map(part => [part, pointAt(wire.points, part * wire.length)]);
  let best = null;
  for (const [part, { x, y }] of wire.along) {
    const around = { x: x - 1.4 * width, y: y - most - height, width: 2.8 * width, height: 2 * (most + height) };
    const near = obstacles.filter(o => meet(around, o, by)), far = 40 * Math.abs(part - 0.5);
    for (let away = height / 2 + by; away < most && !(best && away + far >= best.cost); away += 5) {
      for (const sign of [-1, 1]) for (const aside of asides) {
        const cost = away + far + 30 * Math.abs(aside);
        if (best && cost >= best.cost) continue;
        const spot = { x: x + aside * width - width / 2, y: y + sign * away - height / 2, width, height, cost };
        const free = inside(spot) && !near.some(o => meet(spot, o, by)) &&
          !taken.some(o => meet(spot, o, 2)) && !onWire(spot, by);
        if (free) best = spot;
      }
    }
  }
  return best;
}
