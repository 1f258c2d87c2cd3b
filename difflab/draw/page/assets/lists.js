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
const LISTS = { largest, smallest, timesAll, anyTrue, allTrue, countTrue, placeOfLargest, placeOfSmallest, placesInOrder, toFirstLargest };
const GAPS = { largest: lead, smallest: trail };
