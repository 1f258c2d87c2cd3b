// What JavaScript's Math lacks. A page holds only those of these functions that its graph calls.

function exp2(x) {
  return Math.pow(2, x);
}

function isInfinite(x) {
  return x === Infinity || x === -Infinity;
}

function signBit(x) {
  return x < 0 || Object.is(x, -0);
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
