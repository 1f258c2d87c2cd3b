// Formulas as MathML: the text of a formula is read by the precedence of primitives/text.py, its operands are names or numbers.
const MATH = "http://www.w3.org/1998/Math/MathML";
const [SUM, PRODUCT, SIGN, FRACTION, POWER, ATOM] = [1, 2, 3, 4, 5, 6];
function math(tag, given = {}, ...children) {
  const element = document.createElementNS(MATH, tag);
  for (const [key, value] of Object.entries(given)) if (value) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
const row = (...children) => math("mrow", {}, ...children);
const sign = (text, given = {}) => math("mo", given, text);
const word = (text, role = "") => math(/^[-\d.∞]/.test(text) ? "mn" : "mi", { class: role }, text);
const numeral = (value, role = "", write = fmt) => word(write(value), role);
const fence = (inside, left = "(", right = ")") =>
  row(sign(left, { stretchy: "true" }), inside, sign(right, { stretchy: "true" }));
const partly = (above, below, role = "") =>
  math("mfrac", { class: role }, row(sign("∂"), word(above)), row(sign("∂"), word(below)));
const formulaLine = children => make("div", {}, math("math", { displaystyle: "true" }, row(...children)));

// A formula read: [element, how strongly its outermost operation binds].
class Reader {
  constructor(text, leaf) {
    this.leaf = leaf;
    this.tokens = text.match(/⟦\w+⟧|\d+(?:\.\d+)?(?:e[-+]?\d+)?|\*\*|[\p{L}_∂'][\p{L}\p{N}_.']*|\S/gu) || [];
    this.at = 0;
  }
  get next() { return this.tokens[this.at]; }
  take(token) {
    if (this.next !== token) throw new SyntaxError(`${token} expected`);
    this.at++;
  }
  bracketed([element, level], least) { return level < least ? fence(element) : element; }
  // Operators of one precedence, from the left.
  chain(signs, level, least, inner) {
    let left = inner();
    while (signs.includes(this.next)) {
      const operator = this.tokens[this.at++], right = inner();
      left = operator === "/" ? [math("mfrac", {}, row(left[0]), row(right[0])), FRACTION] :
        [row(this.bracketed(left, level), sign(operator), right[1] === SIGN ? fence(right[0]) : this.bracketed(right, least)), level];
    }
    return left;
  }
  whole() {
    const [value] = this.condition();
    if (this.next !== "where") return this.end(value);
    this.at++;
    return this.end(row(value, math("mtext", {}, "\u00a0where\u00a0"), this.condition()[0]));
  }
  end(element) {
    if (this.at < this.tokens.length) throw new SyntaxError(`${this.next} is left over`);
    return element;
  }
  condition() { return this.chain(["∨", "∧", "⊻"], 0, 0, () => this.comparison()); }
  comparison() { return this.chain(["=", "≠", "<", "≤", ">", "≥"], 0, SUM, () => this.sum()); }
  sum() { return this.chain(["+", "-"], SUM, PRODUCT, () => this.product()); }
  product() { return this.chain(["·", "/", "@", "%"], PRODUCT, SIGN, () => this.signed()); }
  signed() {
    if (this.next !== "-" && this.next !== "not") return this.power();
    const minus = this.tokens[this.at++] === "-";
    return [row(sign(minus ? "-" : "¬"), this.bracketed(this.signed(), FRACTION)), SIGN];
  }
  power() {
    let base = this.atom();
    while (["^", "**", "²"].includes(this.next)) {
      const square = this.tokens[this.at++] === "²", exponent = square ? math("mn", {}, "2") : row(this.signed()[0]);
      base = [math("msup", {}, row(this.bracketed(base, ATOM)), exponent), POWER];
    }
    return base;
  }
  atom() {
    const token = this.tokens[this.at++];
    if (token === undefined) throw new SyntaxError("a value expected");
    if (token.startsWith("⟦")) return this.indexed(this.leaf(token.slice(1, -1)));
    if (/^\d/.test(token)) return [math("mn", {}, token), ATOM];
    if (token === "(") return this.indexed(this.inside(")"));
    if (token === "|") return [fence(this.inside("|")[0], "|", "|"), ATOM];
    if (!/^[\p{L}_∂]/u.test(token)) throw new SyntaxError(`a value expected, and no ${token}`);
    if (this.next !== "(") return this.indexed([math("mi", {}, token), ATOM]);
    this.at++;
    return this.call(token);
  }
  inside(right) {
    const found = this.condition();
    this.take(right);
    return found;
  }
  call(name) {
    const parts = [this.condition()[0]];
    while (this.next === ",") {
      this.at++;
      parts.push(sign(","), this.condition()[0]);
    }
    this.take(")");
    if (name === "sqrt" && parts.length === 1) return [math("msqrt", {}, parts[0]), ATOM];
    return [row(math("mi", {}, name), fence(row(...parts))), ATOM];
  }
  // x[1:, 0] as it stands.
  indexed(found) {
    if (this.next !== "[") return found;
    const from = this.at, to = this.tokens.indexOf("]", from);
    if (to < 0) throw new SyntaxError("] expected");
    this.at = to + 1;
    return [row(this.bracketed(found, ATOM), math("mtext", {}, this.tokens.slice(from, to + 1).join(""))), ATOM];
  }
}
// What cannot be read as a formula stands as the text that it is.
function formulaOf(formula, t, leaf, otherwise) {
  try {
    return new Reader(formula || "", k => leaf(k === "y" ? t : nodes[t].operands[Number(k)])).whole();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return math("mtext", {}, otherwise);
  }
}
const inSymbols = (formula, t) => formulaOf(formula, t, k => [word(nodes[k].name), ATOM], inNames(formula, t));
const inFigures = (formula, t) => formulaOf(formula, t, k => {
  const text = fmt(found.values[k]);
  return [word(text), text.startsWith("-") ? SIGN : text.includes("e") ? PRODUCT : ATOM];
}, inNumbers(formula, t, found.values));
const inRole = (element, role) => math("mrow", { class: role }, element);

// The active step in symbols, then in numbers; each a list of lines.
function formulasOf(step) {
  if (step.type === "node") return formulasOfNode(step.n);
  if (step.type === "edge") return formulasOfEdge(step);
  const shown = step.type === "seed" ? [[out, found.seed]] : data.inputs.map(k => [k, found.adjoint[k] ?? 0]);
  const role = step.type === "seed" ? "up" : "down";
  return { symbols: [], figures: shown.slice(0, 8).map(([k, value]) => formulaLine([partial(k, role), sign("="), numeral(value, role)])) };
}
const partial = (n, role) => partly(data.outputName, nodes[n].name, role);
function formulasOfNode(n) {
  const node = nodes[n], value = numeral(found.values[n], "value"), name = word(node.name, "value");
  if (!node.formula) return { symbols: [], figures: [formulaLine([name, sign("="), value])] };
  const numbers = node.operands.every(k => isNumber(found.values[k])) && /⟦/.test(node.formula);
  return {
    symbols: [formulaLine([name, sign("="), inSymbols(node.formula, n)])],
    figures: [formulaLine(numbers ? [word(node.name, "value"), sign("="), inFigures(node.formula, n), sign("="), value] :
      [word(node.name, "value"), sign("="), value])],
  };
}
function formulasOfEdge(step) {
  const e = edges[step.k], local = inRole(inSymbols(e.formula, e.t), "local");
  const several = arriving[e.s].length > 1;
  const linear = step.local === null, before = step.parts.length > 1, more = arriving[e.s].length > step.parts.length;
  const term = linear ? [local, fence(partial(e.t, "up"))] :
    [partial(e.t, "up"), sign("·"), partly(nodes[e.t].name, nodes[e.s].name, "local")];
  const chain = [partial(e.s, "down"), sign("="), ...(before ? [sign("⋯"), sign("+")] : []), ...term,
    ...(more ? [sign("+"), sign("⋯")] : [])];
  const meaning = linear ? [] : [formulaLine([partly(nodes[e.t].name, nodes[e.s].name, "local"), sign("="), local])];
  const [up, factor, down] = [[step.up, "up"], [step.local, "local"], [step.down, "down"]].map(([x, role]) => numeral(x, role, brief));
  const product = step.closed ? [down] : linear ? inCall(step).map(([text, role]) => math("mtext", { class: role }, text)) :
    [up, sign("×"), fmt(step.local).startsWith("-") ? fence(factor) : factor, sign("="), down];
  const figures = [formulaLine(product)];
  if (several && step.parts.every(isNumber)) figures.push(formulaLine(sumOf(step)));
  return { symbols: [formulaLine(chain), ...meaning], figures };
}
// What has arrived at a node, as a sum; of many the last.
function sumOf(step) {
  const e = edges[step.k], missing = arriving[e.s].length - step.parts.length;
  const shown = step.parts.slice(-MOST_TERMS);
  const terms = shown.flatMap((p, i) => [...(i ? [sign("+")] : []), i && p < 0 ? fence(numeral(p, "down")) : numeral(p, "down")]);
  if (shown.length < step.parts.length) terms.unshift(sign("⋯"), sign("+"));
  const rest = missing > 0 ? [sign("+"), sign("…")] :
    [sign("="), numeral(step.parts.reduce((a, b) => a + b), "down")];
  return [partial(e.s, "down"), sign("="), ...terms, ...rest];
}
function showFormula(step) {
  const { symbols, figures } = formulasOf(step);
  $("symbols").replaceChildren(...symbols);
  $("figures").replaceChildren(...figures);
}
