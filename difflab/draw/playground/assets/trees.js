// Trees of operations: local derivatives as the rows state them, folded where they are numbers, and written as text.
const SIGN_LEVEL = 6, ATOM_LEVEL = 9, LONGEST_LINE = 110, LONGEST_FORMULA = 60;
const isNumberTree = tree => tree !== null && typeof tree === "object" && tree.c !== undefined;
const SPECIAL = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const numberOf = c => (typeof c === "string" ? SPECIAL[c] : c);
const encodedNumber = x => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x);

// A tree with something in the place of its leaves, and with numbers where all operands are numbers.
function planted(tree, leaf) {
  if (typeof tree === "number") return leaf(tree);
  if (!Array.isArray(tree)) return tree;
  const [operation, ...rest] = tree, operands = rest.map(x => planted(x, leaf));
  return folded([operation, ...operands]);
}
function folded(tree) {
  const [operation, ...operands] = tree;
  if (!FORMS[operation] || !operands.every(isNumberTree)) return tree;
  return { c: encodedNumber(FORMS[operation].f(...operands.map(x => numberOf(x.c)))) };
}

// A number as people write it, with at most so many significant digits.
function short(x, digits = 6) {
  if (typeof x === "boolean") return x ? "true" : "false";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "-∞";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e-3 && size < 1e5) {
    const text = size < 10 ** digits ? x.toPrecision(digits) : x.toFixed(0);
    return text.includes("e") ? x.toFixed(0) : text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }
  const [mantissa, exponent] = x.toExponential(digits - 1).split("e");
  return `${mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa}e${Number(exponent)}`;
}
// A number as Python writes it, with all its digits.
function literal(x) {
  if (typeof x === "boolean") return x ? "True" : "False";
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  if (Number.isInteger(x) && Math.abs(x) < 1e15) return String(x);
  const [mantissa, exponent] = x.toExponential().split("e"), place = Number(exponent);
  if (place >= 16 || place < -4) return `${mantissa}e${place < 0 ? "-" : "+"}${String(Math.abs(place)).padStart(2, "0")}`;
  return place < 0 ? x.toFixed(mantissa.replace(/[-.]/g, "").length - 1 - place) : String(x);
}

// A tree as text, and how strongly its outermost operation binds. `way` is "shown", for people, or "written", in Python.
function spelled(tree, way) {
  if (tree.name !== undefined) return [tree.name, ATOM_LEVEL];
  if (isNumberTree(tree)) {
    const text = way === "shown" ? short(numberOf(tree.c)) : literal(numberOf(tree.c));
    return [text, text.startsWith("-") ? SIGN_LEVEL : ATOM_LEVEL];
  }
  const [operation, ...operands] = tree, parts = operands.map(x => spelled(x, way)), row = TABLE.operations[operation];
  if (way === "shown" && row.name === "subtract" && parts[1][0] === "0") return parts[0];
  const [form, level, wanted] = row[way];
  const inside = (k, [text, binds]) => (binds < (wanted[k] ?? 0) ? `(${text})` : text);
  return [form.replace(/\{(\d)\}/g, (mark, k) => inside(k, parts[k])), level];
}
const bounded = (text, most) => (text.length <= most ? text : text.slice(0, most - 1) + "…");

// The local derivative of a node by an operand: a tree, {gate: [mask, factor]}, {none} or null.
function localTree(node, position, nodes) {
  const row = TABLE.operations[node.operation], exponent = row.exponents && position === 0 ? nodes[node.operands[1]].constant : null;
  if (exponent && (exponent.x !== undefined || exponent.d === 1n)) { // rules look at an exponent that is a plain number
    const e = double(exponent);
    if (row.exponents[e]) return row.exponents[e];
    if (e - 1 + 1 === e) return row.exponents.any;
  }
  return row.local?.[position] ?? null;
}
function plantedLocal(local, leaf) {
  return local.gate ? { gate: local.gate.map(x => planted(x, leaf)) } : planted(local, leaf);
}
