// Python's grammar of expressions, as far as the language has it: from tokens to a tree whose parts know their places.
const LEVELS = [["|"], ["^"], ["&"], ["<<", ">>"], ["+", "-"], ["*", "/", "//", "%", "@"]];
const COMPARED = new Set(["<", "<=", ">", ">=", "==", "!="]), ASSIGNED = /^([-+*/%@&|^]|\*\*|\/\/|<<|>>)=$/;

class Grammar {
  constructor(text) {
    this.text = text;
    this.tokens = tokens(text);
    this.at = 0;
    this.depth = 0;
  }
  get now() { return this.tokens[this.at]; }
  is(...signs) { return this.now.kind === "sign" && signs.includes(this.now.text); }
  take(...signs) { return this.is(...signs) ? this.tokens[this.at++] : null; }
  wrong(token = this.now, words = MISPLACED) {
    const told = words === MISPLACED && beside(this.text, token.start) ? BESIDE : words;
    return new TextError(`this is not an expression: ${told}`, this.text, token.start);
  }
  expect(sign) {
    const token = this.take(sign);
    if (!token) throw this.wrong();
    return token;
  }
  get last() { return this.tokens[this.at - 1].end; }
  node(kind, start, more) { return { kind, start, end: this.last, ...more }; }

  statements() {
    const found = [];
    while (this.now.kind !== "end") {
      found.push(this.statement());
      if (this.take(";")) this.take("\n");
      else this.expect("\n");
    }
    return found;
  }
  statement() {
    const start = this.now.start, first = this.tuple();
    if (this.now.kind === "sign" && ASSIGNED.test(this.now.text)) {
      this.at++;
      this.tuple();
      return this.node("aug assign", start);
    }
    if (["name", "attribute", "subscript"].includes(first.kind) && this.take(":")) {
      this.expression();
      return this.node("ann assign", start);
    }
    if (!this.is("=")) return this.node("value", start, { value: first });
    const targets = [first];
    let value = first;
    while (this.take("=")) {
      const target = value;
      try {
        value = this.tuple();
      } catch (error) {
        this.assignable(target, false);
        throw error;
      }
      this.assignable(target, targets.length === 1 && !this.is("="));
      targets.push(value);
    }
    targets.pop();
    return this.node("assign", start, { targets, value });
  }
  assignable(target, alone) {
    const names = { number: "literal", call: "function call", compare: "comparison", truth: "expression", binary: "expression",
      unary: "expression", if: "conditional expression", constant: target.value };
    if (target.kind === "list") return target.items.forEach(item => this.assignable(item, false));
    if (names[target.kind] === undefined) return;
    const here = alone && ["number", "call", "binary", "unary"].includes(target.kind) && target.sign !== "not";
    if (target.kind === "call") throw this.wrong(target, "left of = stands a name alone, as in f = x**2");
    throw this.wrong(target, `cannot assign to ${names[target.kind]}${here ? " here" : ""}`);
  }
  // Several values with commas between them.
  tuple() {
    const start = this.now.start, first = this.starred();
    if (!this.is(",")) return first;
    const items = [first];
    while (this.take(",")) {
      if (this.is("\n", ";", "=", ")", "]") || this.now.kind === "end") break;
      items.push(this.starred());
    }
    return this.node("list", start, { items });
  }
  starred() {
    const start = this.now.start;
    if (!this.take("*")) return this.expression();
    this.level(0);
    return this.node("starred", start);
  }
  expression() {
    if (++this.depth > 4 * MOST_DEPTH) throw new TextError(TOO_DEEP, this.text, 0, this.text.length);
    const start = this.now.start, first = this.either();
    if (this.take("if")) {
      this.either();
      if (!this.take("else")) throw this.wrong({ start, end: this.last }, "expected 'else' after 'if' expression");
      this.expression();
      this.depth--;
      return this.node("if", start);
    }
    this.depth--;
    return first;
  }
  either() { return this.truths("or", () => this.truths("and", () => this.inverted())); }
  truths(word, part) {
    const start = this.now.start, values = [part()];
    while (this.take(word)) values.push(part());
    return values.length > 1 ? this.node("truth", start, { word, values }) : values[0];
  }
  inverted() {
    const start = this.now.start;
    if (++this.depth > 4 * MOST_DEPTH) throw new TextError(TOO_DEEP, this.text, 0, this.text.length);
    const found = this.take("not") ? { value: this.inverted() } : null;
    this.depth--;
    return found ? this.node("unary", start, { sign: "not", ...found }) : this.compared();
  }
  compared() {
    const start = this.now.start, values = [this.level(0)], signs = [];
    for (;;) {
      const sign = this.comparison();
      if (!sign) break;
      signs.push(sign);
      values.push(this.level(0));
    }
    return signs.length ? this.node("compare", start, { signs, values }) : values[0];
  }
  comparison() {
    if (this.now.kind !== "sign") return null;
    if (COMPARED.has(this.now.text)) return this.tokens[this.at++].text;
    if (this.take("in")) return "in";
    if (this.take("is")) return this.take("not") ? "is not" : "is";
    if (!this.take("not")) return null;
    this.expect("in");
    return "not in";
  }
  level(k) {
    if (k === LEVELS.length) return this.factor();
    const start = this.now.start;
    let left = this.level(k + 1);
    for (let token; (token = this.take(...LEVELS[k]));) {
      const right = this.level(k + 1);
      left = this.node("binary", start, { sign: token.text, left, right });
    }
    return left;
  }
  factor() {
    const start = this.now.start, sign = this.take("+", "-", "~");
    if (!sign) return this.power();
    const value = this.factor();
    return this.node("unary", start, { sign: sign.text, value });
  }
  power() {
    const start = this.now.start, left = this.primary();
    if (!this.take("**")) return left;
    const right = this.factor();
    return this.node("binary", start, { sign: "**", left, right });
  }
  primary() {
    const start = this.now.start;
    let value = this.atom();
    for (;;) {
      if (this.take(".")) {
        if (this.now.kind !== "name") throw this.wrong();
        const name = this.tokens[this.at++].text;
        value = this.node("attribute", start, { value, name });
      } else if (this.take("(")) value = this.call(start, value);
      else if (this.take("[")) {
        this.key();
        this.expect("]");
        value = this.node("subscript", start, { value });
      } else return value;
    }
  }
  call(start, called) {
    const operands = [], words = [];
    let starred = false, late = false;
    while (!this.is(")")) {
      const star = this.take("*", "**"), name = this.now, named = name.kind === "name" && this.tokens[this.at + 1].text === "=";
      starred ||= Boolean(star);
      if (!star && named) this.at += 2;
      const value = this.inBrackets();
      if (!star && named) words.push([name.text, value]);
      else if (!star) operands.push(value);
      late ||= !star && !named && words.length > 0;
      if (!this.take(",")) break;
    }
    if (late) throw this.wrong(this.now, "positional argument follows keyword argument");
    this.expect(")");
    return this.node("call", start, { called, operands, words, starred });
  }
  // Inside of brackets two values side by side lack a comma, which Python says where the first begins.
  inBrackets() {
    const value = this.expression();
    if (this.is(")", "]", ",", "\n") || this.now.kind === "end" || this.is(...KEYWORDS, "=", ":", ";", ":=")) return value;
    const at = this.at;
    let second = null;
    try { second = this.expression(); } catch { /* no value: what stands here is wrong itself */ }
    if (second) throw this.wrong(value, BESIDE);
    this.at = at;
    return value;
  }
  key() {
    do {
      for (let k = 0; k < 3; k++) {
        if (!this.is(":", "]", ",") && !this.take("...")) this.inBrackets();
        if (!this.take(":")) break;
      }
    } while (this.take(",") && !this.is("]"));
  }
  atom() {
    const token = this.now, start = token.start;
    if (token.kind === "number") {
      this.at++;
      return this.node("number", start, { text: token.text.replace(/_/g, "") });
    }
    if (token.kind === "name") {
      this.at++;
      return this.node("name", start, { name: token.text });
    }
    if (this.take("True", "False", "None", "...")) return this.node("constant", start, { value: token.text });
    const open = this.take("(", "[");
    if (!open) throw this.wrong();
    const close = open.text === "(" ? ")" : "]", items = [];
    let comma = null;
    while (!this.is(close)) {
      items.push(this.is("*") ? this.starred() : this.inBrackets());
      comma = this.take(",");
      if (!comma) break;
    }
    this.expect(close);
    if (open.text === "(" && items.length === 1 && !comma) return items[0];
    return this.node("list", start, { items });
  }
}
