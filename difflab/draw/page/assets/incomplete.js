function gammainc(a, x) {
  return x < a + 1 ? lowerSeries(a, x) : 1 - upperFraction(a, x);
}

function gammaincc(a, x) {
  return x < a + 1 ? 1 - lowerSeries(a, x) : upperFraction(a, x);
}

function lowerSeries(a, x) {
  if (x <= 0) return x === 0 ? 0 : NaN;
  let term = 1 / a, sum = term;
  for (let n = 1; term > 1e-18 * sum && n < 10000; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(x) - x - gammaln(a));
}

function upperFraction(a, x) {
  let f = x + 1 - a, c = f, d = 0;
  for (let n = 1; n < 10000; n++) {
    const an = -n * (n - a), b = x + 2 * n + 1 - a;
    d = 1 / (b + an * d);
    c = b + an / c;
    f *= c * d;
    if (Math.abs(c * d - 1) < 1e-17) break;
  }
  return Math.exp(a * Math.log(x) - x - gammaln(a)) / f;
}

function betainc(a, b, x) {
  if (x <= 0 || x >= 1) return x === 0 ? 0 : x === 1 ? 1 : NaN;
  if (x > (a + 1) / (a + b + 2)) return 1 - betainc(b, a, 1 - x);
  let f = 1, c = 1, d = 1 / (1 - (a + b) * x / (a + 1));
  f = d;
  for (let m = 1; m < 10000; m++) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    f *= d * c;
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    f *= d * c;
    if (Math.abs(d * c - 1) < 1e-17) break;
  }
  return f * Math.exp(a * Math.log(x) + b * Math.log1p(-x) - betaln(a, b)) / a;
}

function betaincc(a, b, x) {
  return x >= 0 && x <= 1 ? betainc(b, a, 1 - x) : NaN;
}

// Derivatives by the parameters: kernels/incomplete.py has the same, and says why.
function gaussNodes() { // 64 points between 0 and 1
  if (gaussNodes.kept) return gaussNodes.kept;
  const n = 64, found = [];
  for (let k = 0; k < n; k++) {
    let z = Math.cos(Math.PI * (k + 0.75) / (n + 0.5)), slope = 1;
    for (let step = 0; step < 12; step++) {
      let before = 1, value = z;
      for (let j = 2; j <= n; j++) [before, value] = [value, ((2 * j - 1) * z * value - (j - 1) * before) / j];
      slope = n * (z * value - before) / (z * z - 1);
      z -= value / slope;
    }
    found.push([(1 + z) / 2, 1 / ((1 - z * z) * slope * slope)]);
  }
  return gaussNodes.kept = found;
}

function overEnd(f, end) {
  let sum = 0;
  for (const [node, weight] of gaussNodes()) sum += weight * f(node * end);
  return sum * end;
}

function reachOf(g, start) { // where the convex g comes to 44
  let w = start;
  for (let k = 0; k < 60 && g(w)[0] < 44; k++) w *= 2;
  for (let k = 0; k < 40; k++) {
    const [value, slope] = g(w);
    if (!(value > 46 && slope > 0)) break;
    w -= (value - 44) / slope;
  }
  return w;
}

function choose(n, k) {
  let found = 1;
  for (let i = 1; i <= k; i++) found *= (n - k + i) / i;
  return Math.round(found);
}

function momentsOf(known, j, k) { // the derivatives of exp(L) over exp(L) from those of L
  const found = [];
  for (let i = 0; i <= j; i++) {
    found.push([]);
    for (let l = 0; l <= k; l++) {
      let sum = i + l === 0 ? 1 : 0;
      if (i) {
        for (let p = 0; p < i; p++) for (let q = 0; q <= l; q++) {
          sum += choose(i - 1, p) * choose(l, q) * known(p + 1, q) * found[i - 1 - p][l - q];
        }
      } else for (let q = 0; q < l; q++) sum += choose(l - 1, q) * known(0, q + 1) * found[0][l - 1 - q];
      found[i].push(sum);
    }
  }
  return found;
}

function leibnizOf(f, g, j, k) {
  let sum = 0;
  for (let i = 0; i <= j; i++) for (let l = 0; l <= k; l++) sum += choose(j, i) * choose(k, l) * f[j - i][k - l] * g[i][l];
  return sum;
}

function expm1Gap(w) { // exp(w) - 1 - w
  if (Math.abs(w) > 0.5) return Math.expm1(w) - w;
  let term = w, sum = 0;
  for (let k = 2; k < 18; k++) sum += term *= w / k;
  return sum;
}

function log1pGap(z) { // log(1 + z) - z
  if (Math.abs(z) > 0.35) return Math.log1p(z) - z;
  const r = z / (2 + z);
  let power = r, sum = 0;
  for (let k = 1; k < 14; k++) sum += (power *= r * r) / (2 * k + 1);
  return 2 * sum - z * r;
}

function slopeFactor(i) { // (-1)^i i!
  let found = 1;
  for (let k = 1; k <= i; k++) found *= -k;
  return found;
}

function gammaincSlope(a, x, n) { // the n-th derivative of P(a, x) by a
  if (!(a > 0 && x > 0 && x < Infinity)) return a > 0 && (x === 0 || x === Infinity) ? 0 : NaN;
  const fixed = [0, Math.log(x) - digamma(a + 1)];
  for (let i = 2; i <= n; i++) fixed.push(-polygamma(a + 1, i - 1));
  const whole = a * Math.log(x) - gammaln(a + 1);
  if (x < 1) return Math.exp(whole) * gammaSeries(a, x, n, momentsOf(i => fixed[i], n, 0));
  const side = Math.log(x) > digamma(a) ? 1 : -1;
  const g = w => [(x - a) * side * w + x * expm1Gap(side * w), side * (x * Math.exp(side * w) - a)];
  const f = w => {
    const found = momentsOf(i => i === 1 ? fixed[1] + side * w : fixed[i], n, 0);
    return Math.exp(-g(w)[0]) * (a * found[n][0] + n * found[n - 1][0]);
  };
  const start = side > 0 ? Math.log1p(50 / x + 10 / Math.sqrt(x)) : 50 / a + 10 / Math.sqrt(a);
  return -side * Math.exp(whole - x) * overEnd(f, reachOf(g, start));
}

function gammaSeries(a, x, n, front) {
  const sums = Array.from({ length: n + 1 }, (_, i) => [i === 0 ? 1 : 0]);
  let power = 1;
  for (let k = 1; k < 24; k++) {
    power *= -x / k;
    sums[0][0] += power * a / (a + k);
    for (let i = 1; i <= n; i++) sums[i][0] -= slopeFactor(i) * k * power / Math.pow(a + k, i + 1);
  }
  return leibnizOf(front, sums, n, 0);
}

function betaincSlope(a, b, x, j, k) { // the derivative of I_x(a, b), j times by a and k times by b
  if (!(a > 0 && b > 0 && x > 0 && x < 1)) return a > 0 && b > 0 && (x === 0 || x === 1) ? 0 : NaN;
  return x > 0.5 ? -lowerBetaSlope(b, a, 1 - x, k, j) : lowerBetaSlope(a, b, x, j, k);
}

function lowerBetaSlope(a, b, x, j, k) {
  const n = a + b, logX = Math.log(x), logY = Math.log1p(-x), whole = -betaln(a, b) - Math.log(a) + a * logX;
  const fixed = {};
  for (let i = 0; i <= j; i++) for (let l = 0; l <= k; l++) {
    if (i && l) fixed[[i, l]] = polygamma(n, i + l - 1);
    else if (i) fixed[[i, l]] = polygamma(n, i - 1) - polygamma(a + 1, i - 1) + (i === 1 ? logX : 0);
    else if (l) fixed[[i, l]] = polygammaGap(b, a, l - 1) + (l === 1 ? logY : 0);
  }
  if (b * x <= 1) return Math.exp(whole) * betaSeries(a, b, x, j, k, betaFront(a, b, logX, j, k));
  const side = (j ? logX + polygammaGap(a, b, 0) : -logY - polygammaGap(b, a, 0)) > 0 ? 1 : -1;
  const g = w => {
    const t = side * w, z = x * Math.expm1(t);
    const bend = Math.abs(z) < 0.35 ? log1pGap(z) + x * expm1Gap(t) : Math.log1p(z) - x * t;
    return [t * (n * x - a) + n * bend, side * (n * x * Math.exp(t) / (1 + z) - a)];
  };
  const f = w => {
    const lost = Math.log1p(x * Math.expm1(side * w)), moved = { "1,0": side * w - lost, "0,1": -lost };
    const found = momentsOf((i, l) => fixed[[i, l]] + (moved[[i, l]] || 0), j, k);
    return Math.exp(-g(w)[0]) * (a * found[j][k] + (j ? j * found[j - 1][k] : 0));
  };
  const start = 10 / Math.sqrt(n * x * (1 - x)) + 50 / (side > 0 ? b : a);
  return -side * Math.exp(whole + b * logY) * overEnd(f, reachOf(g, start));
}

function betaFront(a, b, logX, j, k) { // of b / (a + b), over itself, times the rest without poles
  const n = a + b, front = [];
  const known = (i, l) => i && l ? polygamma(n + 1, i + l - 1)
    : i ? polygammaGap(a + 1, b, i - 1) + (i === 1 ? logX : 0) : polygammaGap(b + 1, a, l - 1);
  const share = [];
  for (let i = 0; i <= j; i++) {
    share.push([]);
    for (let l = 0; l <= k; l++) share[i].push(i + l === 0 ? 1 : -slopeFactor(i + l - 1) * (i - l * a / b) / Math.pow(n, i + l));
  }
  const moved = momentsOf(known, j, k);
  for (let i = 0; i <= j; i++) {
    front.push([]);
    for (let l = 0; l <= k; l++) front[i].push(leibnizOf(share, moved, i, l));
  }
  return front;
}

function betaSeries(a, b, x, j, k, front) {
  const sums = Array.from({ length: j + 1 }, () => Array(k + 1).fill(0)), factors = [1, ...Array(k).fill(0)];
  sums[0][0] = 1;
  for (let m = 1; m < 90; m++) {
    for (let l = k; l >= 0; l--) factors[l] = (factors[l] * (m - b) - (l ? l * factors[l - 1] : 0)) * x / m;
    for (let l = 0; l <= k; l++) {
      sums[0][l] += factors[l] * a / (a + m);
      for (let i = 1; i <= j; i++) sums[i][l] -= slopeFactor(i) * m * factors[l] / Math.pow(a + m, i + 1);
    }
  }
  return leibnizOf(front, sums, j, k);
}

function zetaSlope(s, q, n) { // the n-th derivative of zeta by s: a sum, then Euler and Maclaurin
  const b = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330];
  let sum = 0, scale = 1;
  for (let k = 0; k < 18; k++) sum += Math.pow(-Math.log(q + k), n) * Math.pow(q + k, -s);
  const u = q + 18, rest = [], front = [];
  let rising = Array.from({ length: n + 1 }, (_, i) => i === 0 ? s / u : i === 1 ? 1 / u : 0);
  for (let i = 0; i <= n; i++) {
    rest.push([u * slopeFactor(i) / Math.pow(s - 1, i + 1) + (i === 0 ? 0.5 : 0)]);
    front.push([Math.pow(-Math.log(u), i)]);
  }
  b.forEach((number, index) => {
    const m = index + 1;
    scale /= (2 * m - 1) * 2 * m;
    rest.forEach((r, i) => { r[0] += number * scale * rising[i]; });
    for (const step of [2 * m - 1, 2 * m]) rising = rising.map((f, i) => (f * (s + step) + (i ? i * rising[i - 1] : 0)) / u);
  });
  return sum + Math.pow(u, -s) * leibnizOf(front, rest, n, 0);
}

// Inverses: halving where Newton's step leaves what is known to hold the zero.
function solveBetween(f, density, low, high, start) {
  let x = start;
  for (let k = 0; k < 300; k++) {
    const gap = f(x);
    if (gap > 0) high = x; else low = x;
    let next = x - gap / density(x);
    if (!(next > low && next < high)) next = high === Infinity ? 2 * x + 1 : 0.5 * (low + high);
    if (Math.abs(next - x) <= 2e-16 * Math.abs(x)) return next;
    x = next;
  }
  return x;
}

function gammaincinv(a, y) {
  const density = x => Math.exp((a - 1) * Math.log(x) - x - gammaln(a));
  return y === 0 ? 0 : y === 1 ? Infinity : solveBetween(x => gammainc(a, x) - y, density, 0, Infinity, a);
}

function gammainccinv(a, y) {
  const density = x => Math.exp((a - 1) * Math.log(x) - x - gammaln(a));
  return y === 1 ? 0 : y === 0 ? Infinity : solveBetween(x => y - gammaincc(a, x), density, 0, Infinity, a);
}

function betaincinv(a, b, y) {
  const density = x => Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - betaln(a, b));
  return y === 0 || y === 1 ? y : solveBetween(x => betainc(a, b, x) - y, density, 0, 1, a / (a + b));
}

// Student's t distribution over v, where t = sqrt(df) sinh(v): kernels/student.py has the same, and says why.
function tExcess(nu, m) { // the m-th derivative of (digamma((nu + 1)/2) - digamma(nu/2))/2 - 1/(2 nu)
  const coefficients = [1 / 4, -1 / 8, 1 / 4, -17 / 16, 31 / 4, -691 / 8, 5461 / 4, -929569 / 32];
  const inverse = (x, i) => Math.abs(slopeFactor(i)) / Math.pow(x, i + 1);
  let sum = 0, x = nu, series = 0;
  for (; x < 40; x += 2) for (let i = 0; i <= m; i++) for (let j = 0; i + j <= m; j++) {
    sum += choose(m, i) * choose(m - i, j) * inverse(x, i) * inverse(x + 1, j) * inverse(x + 2, m - i - j);
  }
  for (let k = coefficients.length; k > 0; k--) {
    let rising = 1;
    for (let i = 0; i < m; i++) rising *= 2 * k + i;
    series = (series + coefficients[k - 1] * rising) / (x * x);
  }
  return (m % 2 ? -1 : 1) * (sum + series / Math.pow(x, m));
}

function logCosh(v) {
  return v < 1 ? 0.5 * Math.log1p(Math.sinh(v) ** 2) : v + Math.log1p(Math.exp(-2 * v)) - Math.LN2;
}

function tMoments(nu, v, n, excess) { // the cumulant of order 1, and the n-th moment
  const w = Math.tanh(v) ** 2, q = Math.pow(Math.cosh(v), -2);
  const known = [0, excess[0] + (w < 0.35 ? 0.5 * log1pGap(-w) : 0.5 * w - logCosh(v)) + 0.5 * w / nu];
  for (let i = 2; i <= n; i++) {
    let square = 0, plain = 0;
    for (let j = 0; j < i; j++) {
      if (j < i - 1) square += (j + 1) * Math.pow(q, j);
      plain += Math.pow(q, j);
    }
    square *= Math.abs(slopeFactor(i - 2)) * w * w;
    plain *= Math.abs(slopeFactor(i - 1)) * w / nu;
    known.push(excess[i - 1] + (i % 2 ? -0.5 : 0.5) * (square - plain) / Math.pow(nu, i - 1));
  }
  return [known[1], momentsOf(i => known[i], n, 0)[n][0]];
}

function tExcesses(nu, n) {
  return Array.from({ length: Math.max(n, 1) }, (_, i) => tExcess(nu, i));
}

function tWeight(nu, u) { // (1 + u^2)^(-nu/2)
  return u < 1 ? Math.exp(-0.5 * nu * Math.log1p(u * u)) : Math.pow(Math.hypot(1, u), -nu);
}

function tDensity(df, t, n) { // the n-th derivative of the density by df
  if (!(df > 0 && df < Infinity)) return df === Infinity ? (n ? 0 : Math.exp(-0.5 * t * t) / Math.sqrt(2 * Math.PI)) : NaN;
  const u = Math.abs(t) / Math.sqrt(df);
  const found = tWeight(df, u) / Math.hypot(1, u) / Math.sqrt(df) * Math.exp(-betaln(df / 2, 0.5));
  return n && found ? found * tMoments(df, Math.asinh(u), n, tExcesses(df, n))[1] : found;
}

function stdtr(df, t) {
  if (!(df > 0)) return NaN;
  const square = t * t, lower = 0.5 * betainc(df / 2, 0.5, df / (df + square));
  if (square < df) return 0.5 + 0.5 * Math.sign(t) * betainc(0.5, df / 2, square / (df + square));
  return t < 0 ? lower : 1 - lower;
}

function stdtrSlope(df, t, n) { // the n-th derivative of stdtr by df
  if (!(df > 0 && df < Infinity && Math.abs(t) < Infinity)) return df > 0 && t === t ? 0 : NaN;
  const u = Math.abs(t) / Math.sqrt(df), v = Math.asinh(u), tangent = Math.tanh(v), excess = tExcesses(df, n);
  const overPanels = (f, end, origin) => [[0, 8], [8, 20], [20, Infinity]].reduce((sum, [left, right]) => {
    const low = Math.min(Math.max(left - origin, 0), end), high = Math.min(Math.max(right - origin, 0), end);
    return high > low ? sum + overEnd(x => f(low + x), high - low) : sum;
  }, 0);
  const front = Math.sign(t) * Math.exp(-betaln(df / 2, 0.5));
  if (tMoments(df, v, 1, excess)[0] > 0) {
    return front * overPanels(x => Math.exp(-df * logCosh(x)) * tMoments(df, x, n, excess)[1], v, 0);
  }
  const rest = 0.5 * Math.pow(Math.cosh(v), -2) / (1 + tangent), c = 44 / df;
  const end = c + Math.log((1 + Math.sqrt(tangent ** 2 * Math.exp(-2 * c) - Math.expm1(-2 * c))) / (1 + tangent));
  const fall = x => x < 1 ? Math.log1p(2 * Math.sinh(0.5 * x) ** 2 + tangent * Math.sinh(x))
    : x + Math.log1p(rest * Math.expm1(-2 * x));
  const tail = overPanels(x => Math.exp(-df * fall(x)) * tMoments(df, v + x, n, excess)[1], end, v);
  return -front * tWeight(df, u) * tail;
}

function stdtrit(df, p) {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  if (p > 0.5) return -stdtrit(df, 1 - p);
  const gap = x => 0.5 * betainc(0.5, df / 2, x * x / (df + x * x)) - (0.5 - p);
  const f = x => x * x < df ? gap(x) : p - stdtr(df, -x);
  return p === 0.5 ? 0 : -solveBetween(f, x => tDensity(df, x, 0), 0, Infinity, 1);
}

function hyp1f1(a, b, z) {
  if (z < 0) return Math.exp(z) * hyp1f1(b - a, b, -z);
  let term = 1, sum = 1;
  for (let k = 0; k < 2000 && Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
    term *= (a + k) / ((b + k) * (k + 1)) * z;
    sum += term;
  }
  return sum;
}

function hyp2f1(a, b, c, z) { // for z below 1, by Pfaff's transformation where z is negative
  if (z < 0) return Math.pow(1 - z, -a) * hyp2f1(a, c - b, c, z / (z - 1));
  if (z >= 1) return NaN;
  let term = 1, sum = 1;
  for (let k = 0; k < 20000 && Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
    term *= (a + k) * (b + k) / ((c + k) * (k + 1)) * z;
    sum += term;
  }
  return sum;
}
