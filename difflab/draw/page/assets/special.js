// What JavaScript's Math lacks. A page holds only those of these functions that its graph calls.

function exp2(x) {
  return Math.pow(2, x);
}

function isInfinite(x) {
  return x === Infinity || x === -Infinity;
}

function isPositiveInfinity(x) {
  return x === Infinity;
}

function isNegativeInfinity(x) {
  return x === -Infinity;
}

function signBit(x) {
  return x < 0 || Object.is(x, -0);
}

function both(a, b) {
  return Boolean(a) && Boolean(b);
}

function either(a, b) {
  return Boolean(a) || Boolean(b);
}

function oneOnly(a, b) {
  return Boolean(a) !== Boolean(b);
}

function not(a) {
  return !a;
}

function nanToNum(x, nan, high, low) { // a NaN for high or low: the largest double of that sign
  if (Number.isNaN(x)) return nan;
  if (Number.isFinite(x)) return x;
  const given = x > 0 ? high : low;
  return Number.isNaN(given) ? Math.sign(x) * Number.MAX_VALUE : given;
}

function hypot(x, y) { // Math.hypot squares
  const a = Math.max(Math.abs(x), Math.abs(y)), b = Math.min(Math.abs(x), Math.abs(y));
  return a === 0 || a === Infinity || Number.isNaN(a + b) ? a + b : a * Math.sqrt(1 + b / a * (b / a));
}

function direction(x, y) { // x / hypot(x, y)
  return x === 0 ? 0 * x : x / hypot(x, y);
}

function copySign(x, y) {
  return signBit(y) ? -Math.abs(x) : Math.abs(x);
}

function roundEven(x) {
  const low = Math.floor(x), over = x - low;
  if (over !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

function mod(a, b) {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}

function heaviside(x, atZero) {
  return x > 0 ? 1 : x < 0 ? 0 : x === 0 ? atZero : NaN;
}

function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return (x < 0 ? e : 1) / (1 + e);
}

function logAddExp(x, y) {
  return x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)));
}

function logAddExp2(x, y) {
  return x === y ? x + 1 : Math.max(x, y) + Math.log1p(exp2(-Math.abs(x - y))) / Math.LN2;
}

function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function logSigmoid(x) {
  return -softplus(-x);
}

function logCosh(x) {
  if (Math.abs(x) < 0.5) return Math.log1p(2 * Math.sinh(x / 2) ** 2);
  return softplus(-2 * Math.abs(x)) + Math.abs(x) - Math.LN2;
}

function sech(x) {
  return 1 / Math.cosh(x);
}

function tanhshrink(x) {
  if (Math.abs(x) > 0.5) return x - Math.tanh(x);
  // x - tanh(x) from the series of (x cosh x - sinh x) / cosh x: nothing cancels
  let term = x, sum = 0;
  for (let k = 1; k < 12; k++) {
    term *= x * x / (2 * k * (2 * k + 1));
    sum += term * 2 * k;
  }
  return sum / Math.cosh(x);
}

function cosm1(x) {
  const s = Math.sin(x / 2);
  return -2 * s * s;
}

function sinpi(x) {
  const r = x - 2 * Math.round(x / 2);
  if (Math.abs(r) === 1) return 0;
  return Math.abs(r) > 0.5 ? Math.sin(Math.PI * (Math.sign(r) - r)) : Math.sin(Math.PI * r);
}

function cospi(x) {
  return sinpi(0.5 - Math.abs(x - 2 * Math.round(x / 2)));
}

function sinc(x) {
  return x === 0 ? 1 : sinpi(x) / (Math.PI * x);
}

function sincDerivative(x, n) {
  if (Math.abs(x) < 0.5) { // the power series, differentiated n times
    let sum = 0, term = 1;
    for (let j = 0; j < 24; j++) {
      if (j) term *= -Math.PI * Math.PI / (2 * j * (2 * j + 1));
      if (2 * j < n) continue;
      let factor = 1;
      for (let i = 0; i < n; i++) factor *= 2 * j - i;
      sum += term * factor * Math.pow(x, 2 * j - n);
    }
    return sum;
  }
  let s = sinc(x);
  for (let k = 1; k <= n; k++) s = (Math.pow(Math.PI, k - 1) * sinpi(x + k / 2) - k * s) / x;
  return s;
}

function exprel(x) {
  return x === 0 ? 1 : Math.expm1(x) / x;
}

function exprelDerivative(x, n) {
  if (Math.abs(x) < 2) {
    let term = 1, sum = 0;
    for (let k = 0; k < 40; k++) {
      if (k) term *= x / k;
      sum += term / (k + n + 1);
    }
    return sum;
  }
  let value = exprel(x);
  for (let k = 1; k <= n; k++) value = (Math.exp(x) - k * value) / x;
  return value;
}

function xlogy(x, y) {
  return x === 0 && !Number.isNaN(y) ? 0 : x * Math.log(y);
}

function xlog1py(x, y) {
  return x === 0 && !Number.isNaN(y) ? 0 : x * Math.log1p(y);
}

function logRatio(x, y) {
  return Math.abs(x - y) < 0.5 * Math.abs(y) ? Math.log1p((x - y) / y) : Math.log(x / y);
}

function entr(x) {
  return x > 0 ? -x * Math.log(x) : x === 0 ? 0 : Number.isNaN(x) ? NaN : -Infinity;
}

function relEntr(x, y) {
  if (x > 0 && y > 0) return x * logRatio(x, y);
  return x === 0 && y >= 0 ? 0 : Number.isNaN(x + y) ? NaN : Infinity;
}

function klDiv(x, y) {
  if (!(x > 0 && y > 0)) return x === 0 && y >= 0 ? y : Number.isNaN(x + y) ? NaN : Infinity;
  const t = (y - x) / x; // x (t - log(1 + t))
  if (Math.abs(t) > 0.1) return x * logRatio(x, y) - x + y;
  let power = t, sum = 0;
  for (let k = 2; k < 20; k++) {
    power *= -t;
    sum -= power / k;
  }
  return x * sum;
}

function logit(x) {
  return Math.abs(x - 0.5) < 0.25 ? 2 * Math.atanh(2 * x - 1) : Math.log(x / (1 - x));
}

function pseudoHuber(d, r) {
  const t = r / d;
  return r * r / (1 + Math.hypot(1, t));
}

function boxcox(x, y) {
  return y === 0 ? Math.log(x) : Math.expm1(y * Math.log(x)) / y;
}

function boxcox1p(x, y) {
  return y === 0 ? Math.log1p(x) : Math.expm1(y * Math.log1p(x)) / y;
}

function fmax(x, y) {
  return Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.max(x, y);
}

function fmin(x, y) {
  return Number.isNaN(x) ? y : Number.isNaN(y) ? x : Math.min(x, y);
}

function erf(x) {
  const a = Math.abs(x);
  if (a > 2) return Math.sign(x) * (1 - erfc(a));
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

function expMinusSquare(x) { // exp(-x²) with the rounding of the square made good
  if (Math.abs(x) > 40) return 0;
  const high = Math.round(x * 16) / 16, low = (x - high) * (x + high);
  return Math.exp(-high * high) * Math.exp(-low);
}

function erfc(x) {
  if (x < 1.25) return 1 - erf(x);
  return x > 28 ? 0 : expMinusSquare(x) * erfcx(x);
}

function erfcx(x) {
  if (x < 1.25) {
    const e = Math.exp(x * x);
    return x < -27 ? Infinity : x < -1.25 ? 2 * e - erfcx(-x) : e * (1 - erf(x));
  }
  let f = x; // the continued fraction from behind
  for (let k = Math.ceil(30 + 300 / (x * x)); k > 0; k--) f = x + k / 2 / f;
  return 1 / (Math.sqrt(Math.PI) * f);
}

function dawsn(x) {
  const a = Math.abs(x);
  if (a < 5) { // exp(-x²) times a series of positive terms
    let term = a, sum = a;
    for (let n = 1; term > 1e-18 * sum; n++) {
      term *= a * a / n;
      sum += term / (2 * n + 1);
    }
    return Math.sign(x) * expMinusSquare(a) * sum;
  }
  let f = 0, g = 1; // the asymptotic series
  for (let n = 0; n < 60 && Math.abs(g) > 1e-18; n++) {
    f += g;
    const next = g * (2 * n + 1) / (2 * a * a);
    if (next > g) break;
    g = next;
  }
  return Math.sign(x) * f / (2 * a);
}

function erfi(x) {
  return 2 / Math.sqrt(Math.PI) * Math.exp(x * x) * dawsn(x);
}

function dawsnDerivative(x, n) { // F' = 1 - 2xF, then F⁽ᵏ⁾ = -2x F⁽ᵏ⁻¹⁾ - 2(k-1) F⁽ᵏ⁻²⁾
  if (n === 0) return dawsn(x);
  let before = dawsn(x), value = 1 - 2 * x * before;
  if (Math.abs(x) > 5) { // F = Σ a_j x^(-2j-1): 1 - 2xF cancels, its series does not
    let term = -1 / (2 * x * x), sum = 0;
    for (let j = 1; j < 60 && Math.abs(term) > 1e-18 * Math.abs(sum || 1); j++) {
      sum += term;
      const next = term * (2 * j + 1) / (2 * x * x);
      if (Math.abs(next) > Math.abs(term)) break;
      term = next;
    }
    value = sum;
  }
  for (let k = 2; k <= n; k++) [before, value] = [value, -2 * x * value - 2 * (k - 1) * before];
  return value;
}

function erfinv(y) {
  if (!(Math.abs(y) <= 1)) return NaN;
  if (Math.abs(y) === 1) return y * Infinity;
  return y < 0 ? -erfcinv(1 + y) : Math.abs(y) > 0.5 ? erfcinv(1 - y) : inverseErf(y);
}

function inverseErf(y) {
  let x = y * Math.sqrt(Math.PI) / 2;
  for (let k = 0; k < 40; k++) {
    const step = (erf(x) - y) * Math.sqrt(Math.PI) / 2 * Math.exp(x * x);
    x -= step / (1 + x * step);
    if (Math.abs(step) < 1e-17 * Math.abs(x) || step === 0) break;
  }
  return x;
}

function erfcinv(y) {
  if (!(y >= 0 && y <= 2)) return NaN;
  if (y === 0 || y === 2) return y === 0 ? Infinity : -Infinity;
  if (y > 1) return -erfcinv(2 - y);
  if (y > 0.5) return inverseErf(1 - y);
  const t = -Math.log(y);
  let x = Math.sqrt(Math.max(t - 0.5 * Math.log(Math.PI * Math.max(t, 0.6)), 0.2));
  for (let k = 0; k < 60; k++) { // Newton on the logarithm of erfc
    const step = (Math.log(erfcx(x)) - x * x + t) * erfcx(x) * Math.sqrt(Math.PI) / 2;
    x += step;
    if (Math.abs(step) < 1e-16 * x) break;
  }
  return x;
}

function logNdtr(x) { // erfcx holds in the left tail, where Φ vanishes
  const t = x * Math.SQRT1_2;
  if (x < -1) return Math.log(erfcx(-t) / 2) - t * t;
  return Math.log1p(-erfc(t) / 2);
}

function ndtri(p) {
  return p < 0.5 ? -Math.SQRT2 * erfcinv(2 * p) : Math.SQRT2 * erfinv(2 * p - 1);
}

function ndtriSlope(p) { // 1 / φ(Φ⁻¹(p)); by p = Φ(x) = φ(x) m(x) the rounding of x is not magnified
  const x = -Math.abs(ndtri(p)), tail = p < 0.5 ? p : 1 - p;
  return Math.sqrt(Math.PI / 2) * erfcx(-x * Math.SQRT1_2) / tail;
}

function erfcRepeated(x, n) { // exp(x²) iⁿerfc(x): upwards for small x, by the continued fraction for large x
  if (x < 1) {
    let before = 2 / Math.sqrt(Math.PI), value = erfcx(x);
    for (let k = 1; k <= n; k++) [before, value] = [value, (before / 2 - x * value) / k];
    return value;
  }
  let ratio = 0, value = erfcx(x);
  const ratios = [];
  for (let k = n + Math.ceil(40 + 400 / (x * x)); k > 0; k--) { // of the k-th to the one before
    ratio = 0.5 / (x + (k + 1) * ratio);
    ratios[k] = ratio;
  }
  for (let k = 1; k <= n; k++) value *= ratios[k];
  return value;
}

function gamma(x) {
  if (x === Math.floor(x) && x <= 0) return x === 0 ? 1 / x : NaN;
  if (x < 0.5) return Math.PI / (sinpi(x) * gamma(1 - x));
  if (x > 171.7) return Infinity;
  if (x < 18) { // upwards, then Stirling
    let product = 1, t = x;
    for (; t < 18; t++) product *= t;
    return gamma(t) / product;
  }
  const half = Math.pow(x, x / 2 - 0.25);
  return Math.sqrt(2 * Math.PI) * half * Math.exp(-x) * half * Math.exp(stirling(x));
}

function stirling(x) { // log Γ(x) less (x - ½) log x - x + ½ log 2π
  const r = 1 / (x * x);
  return (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r * (1 / 1188 - r * 691 / 360360))))) / x;
}

function gammaln(x) {
  if (x <= 0 && x === Math.floor(x)) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(sinpi(x))) - gammaln(1 - x);
  if (x > 0.7 && x < 2.6) return nearOne(x);
  let product = 1, t = x;
  for (; t < 15; t++) product *= t;
  return (t - 0.5) * Math.log(t) - t + 0.5 * Math.log(2 * Math.PI) + stirling(t) - Math.log(product);
}

function nearOne(x) { // log Γ about its zeros 1 and 2, by the series in the zeta function
  const far = x > 1.5, e = far ? x - 2 : x - 1;
  let sum = far ? e * (1 - 0.5772156649015329) : -0.5772156649015329 * e, power = e;
  for (let k = 2; k < 90; k++) {
    power *= -e;
    sum -= power * (zeta(k, 1) - (far ? 1 : 0)) / k;
  }
  return sum;
}

function rgamma(x) {
  return x <= 0 && x === Math.floor(x) ? 0 : 1 / gamma(x);
}

function digamma(x) {
  if (x <= 0) return x === Math.floor(x) ? NaN : digamma(1 - x) - Math.PI * cospi(x) / sinpi(x);
  let sum = 0, t = x;
  for (; t < 15; t++) sum -= 1 / t;
  const r = 1 / (t * t);
  const tail = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - r * 691 / 32760)))));
  return sum + Math.log(t) - 0.5 / t - tail;
}

function zeta(s, a) { // Hurwitz: a sum, then Euler and Maclaurin
  let sum = 0, t = a;
  for (; t < a + 12 || t < 12; t++) sum += Math.pow(t, -s);
  sum += Math.pow(t, 1 - s) / (s - 1) + Math.pow(t, -s) / 2;
  const b = [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000];
  let factor = s * Math.pow(t, -s - 1);
  for (let k = 0; k < b.length; k++) {
    sum += b[k] * factor;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (t * t);
  }
  return sum;
}

function polygamma(x, n) {
  if (n === 0) return digamma(x);
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  return (n % 2 ? 1 : -1) * factorial * zeta(n + 1, x);
}

function polygammaGap(x, y, n) { // ψ⁽ⁿ⁾(x + y) - ψ⁽ⁿ⁾(x), term by term
  let sum = 0, t = x, factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  const sign = n % 2 ? 1 : -1;
  for (; t < 20; t++) sum += sign * factorial * powerGap(t, y, n + 1);
  if (Math.abs(y) > 1e-3 * t) return sum + polygamma(t + y, n) - polygamma(t, n);
  let term = y, taylor = 0;
  for (let k = 1; k < 12; k++) {
    taylor += term * polygamma(t, n + k);
    term *= y / (k + 1);
  }
  return sum + taylor;
}

function powerGap(t, y, p) { // (t + y)^-p - t^-p
  return Math.pow(t, -p) * Math.expm1(-p * Math.log1p(y / t));
}

function beta(x, y) {
  return Math.max(x, y) < 60 ? gamma(x) / gamma(x + y) * gamma(y) : Math.exp(betaln(x, y));
}

function betaln(x, y) {
  return gammaln(x) + gammaln(y) - gammaln(x + y);
}
