// From a text to nodes: names become inputs, signs and functions the operations of TABLE, numbers stay exact while they can.
const MOST_BITS = 1100, MOST_DIGITS = 310, MOST_OPERATIONS = 2000, NAMED = { pi: Math.PI, e: Math.E };
const KINDS = { list: "list", subscript: "subscript", attribute: "attribute" };
const HERE = "it works on arrays, which this page leaves to Python: pip install difflab";

// Exact numbers are {n, d}, a fraction; {x} is any other; {truth} True or False; {named} pi or e; {node} a node.
const gcd = (a, b) => { while (b) [a, b] = [b, a % b]; return a < 0n ? -a : a; };
function fraction(n, d) {
  if (d < 0n) [n, d] = [-n, -d];
  const common = gcd(n, d) || 1n;
  return { n: n / common, d: d / common };
}
const bits = n => (n < 0n ? -n : n).toString(2).length;
// The double nearest to n/d: 64 digits of the quotient in binary, the last one odd where something is left over.
function quotient({ n, d }) {
  if (d === 1n) return Number(n);
  const shift = BigInt(Math.max(0, bits(d) - bits(n) + 66)), sign = n < 0n ? -1 : 1, whole = ((n < 0n ? -n : n) << shift);
  const found = whole / d, sticky = whole % d ? 1n : 0n;
  return sign * scaled(Number((found << 1n) | sticky), -Number(shift) - 1);
}
const scaled = (x, by) => (by < -1000 ? x * 2 ** -1000 * 2 ** (by + 1000) : x * 2 ** by);
const ofDouble = x => { // a double as the fraction that it is
  let by = 0;
  while (!Number.isInteger(x)) { x *= 2; by++; }
  return fraction(BigInt(x), 1n << BigInt(by));
};
const isExact = v => v.n !== undefined, isNumberHere = v => isExact(v) || v.x !== undefined;
const double = v => (isExact(v) ? quotient(v) : v.x ?? v.named ?? Number(v.truth));

class Reading {
  constructor(given) {
    this.text = checked(given);
    this.nodes = [];
    this.inputs = [];
    this.names = new Map();
    this.sizes = new Map(); // of nodes that are constant
    this.output = null;
    this.read(new Grammar(this.text).statements());
  }
  error(at, message) {
    return new TextError(message, this.text, at.start, Math.max(1, at.end - at.start));
  }
  python(at, message) { // it is right, and this page has no words for it
    return Object.assign(this.error(at, message), { python: true });
  }
  read(statements) {
    statements.forEach((statement, k) => {
      if (statement.kind === "assign") this.output = this.assign(statement);
      else if (statement.kind !== "value") throw this.error(statement, `${statement.kind} is not part of the language`);
      else if (k < statements.length - 1)
        throw this.error(statement, "only the last statement may stand without a name: write name = ...");
      else this.output = this.vertex(this.value(statement.value));
    });
    if (this.output === null) throw new TextError("the expression is empty; write one such as (x + y) * z");
    const inputs = this.inputs.map(k => this.nodes[k]), rest = this.nodes.filter(n => !n.input);
    const all = [...inputs, ...rest];
    all.forEach((n, k) => { n.index = k; });
    this.ordered = all;
  }
  assign(statement) {
    const [target] = statement.targets;
    if (statement.targets.length !== 1 || target.kind !== "name") throw this.error(statement, "the left of = must be one name");
    const { name } = target, known = this.names.get(name);
    if (known !== undefined)
      throw this.error(target, `${name} is ${this.inputs.includes(known) ? "an input" : "named"} already; choose another name`);
    const value = this.value(statement.value);
    if (this.names.has(name)) throw this.error(target, `${name} is used before it has a value; choose another name`);
    let node = this.vertex(value);
    if (this.nodes[node].name !== undefined || !this.nodes[node].operands) node = this.add(TABLE.signs.signed["+"], [node]);
    this.nodes[node].name = name;
    this.names.set(name, node);
    return node;
  }
  add(operation, operands) {
    if (this.nodes.length >= MOST_OPERATIONS) throw new TextError(`the expression has more than ${MOST_OPERATIONS} operations`);
    this.nodes.push({ operation, operands });
    return this.nodes.length - 1;
  }
  vertex(value) {
    if (value.node !== undefined) return value.node;
    this.nodes.push({ constant: value, value: value.truth ?? double(value) });
    if (value.truth === undefined) this.sizes.set(this.nodes.length - 1, double(value));
    return this.nodes.length - 1;
  }
  value(tree) {
    const reader = this[`read_${tree.kind}`];
    return reader.call(this, tree);
  }
  made(operation, operands) { return { node: this.add(operation, operands.map(v => this.vertex(v))) }; }

  read_number(tree) {
    const { text } = tree;
    if (text.endsWith("j")) throw this.error(tree, "complex values are not part of the language");
    if (/^0[a-z]/i.test(text)) return { n: BigInt(text.toLowerCase()), d: 1n };
    if (/^\d+$/.test(text)) {
      if (text.replace(/^0+(?=\d)/, "").length > MOST_DIGITS || Number(text) === Infinity) throw this.error(tree, "the integer is larger than any float");
      if (/^0\d*[1-9]/.test(text)) throw new TextError("this is not an expression: leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers", this.text, tree.start);
      return { n: BigInt(text), d: 1n };
    }
    if (Number(text) === Infinity) throw this.error(tree, "the number is larger than any float");
    return { x: Number(text) };
  }
  read_constant(tree) {
    if (tree.value === "None" || tree.value === "...")
      throw this.error(tree, `${tree.value === "None" ? "NoneType" : "ellipsis"} values are not part of the language`);
    return { truth: tree.value === "True" };
  }
  read_name(tree) {
    const { name } = tree;
    if (this.names.has(name)) return { node: this.names.get(name) };
    if (NAMED[name] !== undefined) return { named: NAMED[name] };
    if (name.startsWith("__"))
      throw this.error(tree, `names with two underscores, such as ${name.slice(0, 40)}, are not part of the language`);
    if (name.length > 100) throw this.error(tree, "a name has at most 100 letters");
    this.nodes.push({ input: true, name });
    this.names.set(name, this.nodes.length - 1);
    this.inputs.push(this.nodes.length - 1);
    return { node: this.nodes.length - 1 };
  }
  read_unary(tree) {
    const value = this.value(tree.value);
    if (isNumberHere(value) && tree.sign === "-")
      return isExact(value) ? { n: -value.n, d: value.d } : { x: -value.x };
    if (isNumberHere(value) && tree.sign === "+") return value;
    const truth = tree.sign === "not" || tree.sign === "~";
    return this.made(truth ? TABLE.signs.truth.not : TABLE.signs.signed[tree.sign], [value]);
  }
  read_binary(tree) {
    const left = this.value(tree.left), right = this.value(tree.right), row = TABLE.signs.binary[tree.sign];
    if (tree.sign === "^") throw this.error(tree, "^ is not a power here: write **");
    if (tree.sign === "@") throw this.python(tree, `@ is not part of this page: ${HERE}`);
    if (row === undefined) throw this.error(tree, `the operator ${OPERATORS[tree.sign]} is not part of the language`);
    const numbers = [left, right].map(v => (v.node === undefined ? double(v) : null));
    if (tree.sign === "**" && numbers[1] !== null && Math.abs(numbers[1]) > 1e6) throw this.error(tree, "the exponent is too large");
    if (tree.sign === "**" && !numbers.includes(null) && Math.log2(Math.abs(numbers[0]) || 1) * numbers[1] > MOST_BITS)
      throw this.error(tree, "this power is larger than any float");
    if (isExact(left) && isExact(right)) {
      const found = exactly(tree.sign, left, right);
      if (found) return this.bounded(tree, found);
    }
    return this.sized(tree, this.made(row, [left, right]));
  }
  bounded(tree, found) {
    if (Math.max(bits(found.n), bits(found.d)) > 4 * MOST_BITS) throw this.error(tree, "this constant has too many digits");
    if (!Number.isFinite(quotient(found))) throw this.error(tree, "this constant is larger than any float");
    return found;
  }
  // The size of a constant expression, so that none that overflows is computed.
  sized(tree, made) {
    const { operation, operands } = this.nodes[made.node];
    if (!BOUNDED.has(TABLE.operations[operation].name) || !operands.every(k => this.sizes.has(k))) return made;
    const numbers = operands.map(k => this.sizes.get(k)), value = Number(FORMS[operation].f(...numbers));
    if (!Number.isFinite(value) && !Number.isNaN(value) && numbers.every(Number.isFinite) && !numbers.includes(0))
      throw this.error(tree, "this constant is larger than any float");
    this.sizes.set(made.node, value);
    return made;
  }
  read_compare(tree) {
    const values = tree.values.map(t => this.vertex(this.value(t)));
    let result = null;
    tree.signs.forEach((sign, k) => {
      const row = TABLE.signs.compared[sign];
      if (row === undefined) throw this.error(tree, `the comparison ${sign} is not part of the language`);
      const step = this.add(row, [values[k], values[k + 1]]);
      result = result === null ? step : this.add(TABLE.signs.truth.and, [result, step]);
    });
    return { node: result };
  }
  read_truth(tree) {
    const [first, ...rest] = tree.values.map(t => this.vertex(this.value(t)));
    return { node: rest.reduce((result, value) => this.add(TABLE.signs.truth[tree.word], [result, value]), first) };
  }
  read_starred(tree) { throw this.error(tree, "starred is not part of the language"); }
  read_if(tree) { throw this.error(tree, "write where(condition, a, b) instead of a if condition else b"); }
  read_list(tree) {
    throw this.python(tree, tree.items.length ? `this is a list: ${HERE}` : "an empty list has no elements to compute with");
  }
  read_subscript(tree) { throw this.python(tree, `this is an element of an array: ${HERE}`); }
  read_attribute(tree) {
    throw this.python(tree, tree.name === "T" ? `this is a transpose: ${HERE}` : `.${tree.name.slice(0, 40)} is not part of the language; only .T is`);
  }
  read_call(tree) {
    const { called, operands, words, starred } = tree, count = operands.length;
    if (called.kind !== "name") {
      const known = called.kind === "attribute" && (TABLE.called[called.name] || TABLE.elsewhere.includes(called.name));
      throw this.error(called, `only functions by their names can be called, such as sin(x)${known ? `; write ${called.name}(...)` : ""}`);
    }
    const { name } = called, meant = TABLE.called[name];
    if (!meant && !TABLE.elsewhere.includes(name)) {
      const hint = name === "ln" ? "; write log(x) for the natural logarithm" : suggestion(name, [...Object.keys(TABLE.called), ...TABLE.elsewhere]);
      throw this.error(called, `there is no function ${name.slice(0, 60)}${hint}`);
    }
    if (starred) throw this.error(tree, "* and ** in calls are not part of the language");
    if (!count) throw this.error(tree, `${name} needs an operand, as in ${name}(x)`);
    const values = operands.map(t => this.value(t));
    if (!meant) throw this.python(called, `${name}: ${HERE}`);
    if (words.length) throw this.python(tree, `${name}: ${words[0][0]}=... is left to Python here: pip install difflab`);
    if ((name === "max" || name === "min") && count > 1)
      return values.slice(1).reduce((found, v) => this.made(meant[2], [found, v]), values[0]);
    const operation = meant[count];
    if (operation === undefined && name === "where") throw this.error(tree, "where takes 3 operands: where(condition, a, b)");
    if (operation === undefined && (name === "max" || name === "min")) throw this.python(called, `${name} of one value: ${HERE}`);
    if (operation === undefined) {
      const counts = Object.keys(meant), several = counts.length > 1 || counts[0] !== "1";
      throw this.error(tree, `${name} takes ${counts.join(" or ")} operand${several ? "s" : ""}, not ${count}`);
    }
    return this.made(operation, values);
  }
}
const BOUNDED = new Set(["add", "subtract", "multiply", "divide", "power", "negative"]);
const OPERATORS = { "|": "bit or", "&": "bit and", "<<": "l shift", ">>": "r shift" };

function exactly(sign, a, b) {
  const floor = (n, d) => (n % d && (n < 0n) !== (d < 0n) ? n / d - 1n : n / d);
  const whole = n => ({ n, d: 1n });
  if (sign === "+") return fraction(a.n * b.d + b.n * a.d, a.d * b.d);
  if (sign === "-") return fraction(a.n * b.d - b.n * a.d, a.d * b.d);
  if (sign === "*") return fraction(a.n * b.n, a.d * b.d);
  if (b.n === 0n && sign !== "**") return null;
  if (sign === "/") return fraction(a.n * b.d, a.d * b.n);
  if (sign === "//") return whole(floor(a.n * b.d, a.d * b.n));
  if (sign === "%") return exactly("-", a, exactly("*", b, exactly("//", a, b)));
  const power = b.n < 0n ? -b.n : b.n;
  if (b.d !== 1n || power > BigInt(MOST_BITS) || (a.n === 0n && b.n <= 0n)) return null;
  return b.n < 0n ? fraction(a.d ** power, a.n ** power) : fraction(a.n ** power, a.d ** power);
}

// The known name that is most like one: by twice the letters in common blocks, the longest first, over all letters.
function suggestion(name, known) {
  const scores = known.map(k => [2 * inCommon(k, name) / (k.length + name.length), k]).filter(([score]) => score >= 0.6);
  if (!scores.length) return "";
  return `; did you mean ${scores.reduce((a, b) => (b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a))[1]}?`;
}
function inCommon(a, b) {
  let [length, i, j] = [0, 0, 0];
  for (let p = 0; p < a.length; p++) for (let q = 0; q < b.length; q++) {
    let k = 0;
    while (p + k < a.length && q + k < b.length && a[p + k] === b[q + k]) k++;
    if (k > length) [length, i, j] = [k, p, q];
  }
  return length ? length + inCommon(a.slice(0, i), b.slice(0, j)) + inCommon(a.slice(i + length), b.slice(j + length)) : 0;
}
