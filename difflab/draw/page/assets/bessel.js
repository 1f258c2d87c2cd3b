// Bessel functions of real order, by power series, integrals and asymptotic series.

function integral(f, from, to, panels) { // Gauss and Legendre, 20 points in each panel
  const points = [];
  for (let k = 1; k <= 20; k++) {
    let x = Math.cos(Math.PI * (k - 0.25) / 20.5), slope = 1;
    for (let step = 0; step < 8; step++) {
      let before = 1, value = x;
      for (let n = 2; n <= 20; n++) [before, value] = [value, ((2 * n - 1) * x * value - (n - 1) * before) / n];
      slope = 20 * (x * value - before) / (x * x - 1);
      x -= value / slope;
    }
    points.push([x, 2 / ((1 - x * x) * slope * slope)]);
  }
  const half = (to - from) / panels / 2;
  let sum = 0;
  for (let p = 0; p < panels; p++)
    for (const [x, w] of points) sum += w * f(from + half * (2 * p + 1 + x));
  return sum * half;
}

function besselSeries(v, x, sign) { // (x/2)^v Σ (±x²/4)^k / (k! Γ(v + k + 1))
  let sum = 0, power = 1;
  for (let k = 0; k < 500; k++) {
    const term = power * rgamma(v + k + 1);
    sum += term;
    if (k > 2 && k > -v && Math.abs(term) < 1e-18 * Math.abs(sum)) break;
    power *= sign * x * x / 4 / (k + 1);
  }
  return Math.pow(x / 2, v) * sum;
}

function hankelSums(v, x) { // P and Q of the asymptotic expansion
  let term = 1, p = 0, q = 0;
  for (let k = 0; k < 60; k++) {
    if (k % 2) q += k % 4 === 1 ? term : -term;
    else p += k % 4 === 0 ? term : -term;
    const next = term * (4 * v * v - (2 * k + 1) ** 2) / (8 * x * (k + 1));
    if (Math.abs(next) > Math.abs(term) || Math.abs(next) < 1e-19) break;
    term = next;
  }
  return [p, q];
}

function wholeSign(v) { // (-1)^v
  return v % 2 === 0 ? 1 : -1;
}

function besselJ(v, x) {
  if (Number.isInteger(v) && v < 0) return wholeSign(v) * besselJ(-v, x);
  if (x < 0) return Number.isInteger(v) ? wholeSign(v) * besselJ(v, -x) : NaN;
  if (x < 5 || x * x / 4 < v) return besselSeries(v, x, -1);
  if (x > 30 + v * v / 2) {
    const [p, q] = hankelSums(v, x), at = x - (v / 2 + 0.25) * Math.PI;
    return Math.sqrt(2 / (Math.PI * x)) * (p * Math.cos(at) - q * Math.sin(at));
  }
  const waves = integral(t => Math.cos(v * t - x * Math.sin(t)), 0, Math.PI, 4 + Math.ceil((x + Math.abs(v)) / 6));
  const whole = Number.isInteger(v);
  const tail = whole ? 0 : integral(t => Math.exp(-x * Math.sinh(t) - v * t), 0, Math.asinh(800 / x), 16);
  return (waves - sinpi(v) * tail) / Math.PI;
}

function besselY(v, x) {
  if (Number.isInteger(v) && v < 0) return wholeSign(v) * besselY(-v, x);
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x > 30 + v * v / 2) {
    const [p, q] = hankelSums(v, x), at = x - (v / 2 + 0.25) * Math.PI;
    return Math.sqrt(2 / (Math.PI * x)) * (p * Math.sin(at) + q * Math.cos(at));
  }
  const waves = integral(t => Math.sin(x * Math.sin(t) - v * t), 0, Math.PI, 4 + Math.ceil((x + Math.abs(v)) / 6));
  const falling = t => (Math.exp(v * t - x * Math.sinh(t)) + Math.exp(-v * t - x * Math.sinh(t)) * cospi(v));
  return (waves - integral(falling, 0, Math.asinh((800 + 40 * Math.abs(v)) / x), 40)) / Math.PI;
}

function besselIe(v, x) { // exp(-|x|) I_v(x)
  if (Number.isInteger(v) && v < 0) return besselIe(-v, x);
  if (x < 0) return Number.isInteger(v) ? wholeSign(v) * besselIe(v, -x) : NaN;
  if (x < 30 + v * v / 2) return besselSeries(v, x, 1) * Math.exp(-x);
  let term = 1, sum = 0;
  for (let k = 0; k < 80; k++) {
    sum += term;
    const next = -term * (4 * v * v - (2 * k + 1) ** 2) / (8 * x * (k + 1));
    if (Math.abs(next) > Math.abs(term) || Math.abs(next) < 1e-19) break;
    term = next;
  }
  return sum / Math.sqrt(2 * Math.PI * x);
}

function besselI(v, x) {
  return x > 0 && x < 30 + v * v / 2 && !(Number.isInteger(v) && v < 0) ? besselSeries(v, x, 1) :
    besselIe(v, x) * Math.exp(Math.abs(x));
}

function besselKe(v, x) { // exp(x) K_v(x), by the trapezoidal rule, which is nearly exact here
  if (!(x > 0)) return x === 0 ? Infinity : NaN;
  const h = Math.min(0.1, 0.5 / Math.sqrt(x)), term = t => Math.exp(-2 * x * Math.sinh(t / 2) ** 2) * Math.cosh(v * t);
  let sum = 0.5;
  for (let k = 1, t = h; k < 5000; k++, t = k * h) {
    const value = term(t);
    sum += value;
    if (value < 1e-19 * sum && x * Math.sinh(t) > Math.abs(v)) break;
  }
  return h * sum;
}

function besselK(v, x) {
  return besselKe(v, x) * Math.exp(-x);
}
