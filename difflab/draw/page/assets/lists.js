// What rows name for lists of numbers: along axes, in windows, of matrices. Each takes the list of one group.
function largest(list) {
  return list.reduce((a, b) => (a > b || a !== a ? a : b));
}
function smallest(list) {
  return list.reduce((a, b) => (a < b || a !== a ? a : b));
}
function timesAll(list) {
  return list.reduce((a, b) => a * b, 1);
}
function anyTrue(list) {
  return list.some(v => v !== 0 && v !== false);
}
function allTrue(list) {
  return list.every(v => v !== 0 && v !== false);
}
function countTrue(list) {
  return list.filter(v => v !== 0 && v !== false).length;
}
function placeOfLargest(list) {
  const none = list.findIndex(v => v !== v);
  return none >= 0 ? none : list.indexOf(largest(list));
}
function placeOfSmallest(list) {
  const none = list.findIndex(v => v !== v);
  return none >= 0 ? none : list.indexOf(smallest(list));
}
// The places of the entries in ascending order, equal ones as they stand, NaN last: a list of as many.
function placesInOrder(list) {
  const key = v => (v !== v ? Infinity : v);
  return list.map((_, k) => k).sort((i, j) => {
    const a = key(list[i]), b = key(list[j]);
    return a < b ? -1 : a > b ? 1 : (list[i] !== list[i]) - (list[j] !== list[j]) || i - j;
  });
}
// The derivative of the largest goes to the first of several.
function toFirstLargest(list, ct) {
  const place = placeOfLargest(list);
  return list.map((_, k) => (k === place ? ct : 0));
}
// How far the two largest are apart: 0 where the derivative is a convention.
function lead(list) {
  const [a, b] = [...list].sort((x, y) => y - x);
  return list.length > 1 ? a - b : 1;
}
function trail(list) {
  return lead(list.map(v => -v));
}
// Matrices, as lists of their entries row by row: elimination with the largest pivot, on columns beside the matrix.
function eliminated(a, n, columns) {
  const rows = Array.from({ length: n }, (_, i) => [...a.slice(i * n, i * n + n), ...columns[i]]);
  let sign = 1;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    if (best !== k) {
      [rows[k], rows[best]] = [rows[best], rows[k]];
      sign = -sign;
    }
    for (let i = k + 1; i < n && rows[k][k] !== 0; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j < rows[i].length; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  return { rows, sign };
}
function solveMatrix(a, b) {
  const n = Math.sqrt(a.length), many = b.length / n;
  const { rows } = eliminated(a, n, Array.from({ length: n }, (_, i) => b.slice(i * many, i * many + many)));
  for (let k = n - 1; k >= 0; k--) for (let j = n; j < n + many; j++) {
    for (let i = k + 1; i < n; i++) rows[k][j] -= rows[k][i] * rows[i][j];
    rows[k][j] /= rows[k][k];
  }
  return rows.flatMap(row => row.slice(n));
}
function invertMatrix(a) {
  const n = Math.sqrt(a.length);
  return solveMatrix(a, a.map((_, k) => Number(k % (n + 1) === 0)));
}
function determinant(a) {
  const n = Math.sqrt(a.length), { rows, sign } = eliminated(a, n, Array.from({ length: n }, () => []));
  return rows.reduce((d, row, k) => d * row[k], sign);
}
function cofactors(a) {
  const n = Math.sqrt(a.length);
  const minor = (i, j) => a.filter((_, k) => Math.floor(k / n) !== i && k % n !== j);
  return a.map((_, k) => (-1) ** (Math.floor(k / n) + k % n) * determinant(minor(Math.floor(k / n), k % n)));
}
