// What the step-through page reads, made of the nodes of a text: the same data as Python makes of a pass.
const OPERATION = { multiply: () => TABLE.signs.binary["*"], add: () => TABLE.signs.binary["+"], negative: () => TABLE.signs.signed["-"],
  where: () => TABLE.called.where[3], both: () => TABLE.signs.truth.and, either: () => TABLE.signs.truth.or };

class Passes {
  constructor(reading, point) {
    this.reading = reading;
    // The nodes with the inputs first, and their operands by these numbers.
    const place = new Map(reading.nodes.map((n, k) => [k, n.index]));
    this.nodes = reading.ordered.map(n => ({ ...n, operands: (n.operands ?? []).map(k => place.get(k)) }));
    this.inputs = reading.inputs.map(k => place.get(k));
    this.output = place.get(reading.output);
    if (!this.nodes.some(n => n.input) && this.nodes.every(n => n.constant))
      throw new TextError(`nothing flows here: the result is the constant ${short(double(this.nodes[this.output].constant), 3)}; a page needs an input, as in x * 2`);
    this.nameAll();
    this.evaluate(point);
    this.connect();
  }
  nameAll() {
    const taken = new Set(this.nodes.map(n => n.name).filter(Boolean));
    let k = 0;
    for (const n of this.nodes) {
      if (n.name !== undefined) n.called = n.name;
      else if (n.constant) n.called = short(n.value);
      else {
        do k++; while (taken.has(`v${k}`));
        n.called = `v${k}`;
      }
      n.named = n.name !== undefined;
    }
    this.outputName = this.nodes[this.output].named ? this.nodes[this.output].called : "f";
  }
  // The values at a point, which of them the inputs decide, and which are truth values.
  evaluate(point) {
    for (const n of this.nodes) {
      if (n.input) n.value = point.get(n.name) ?? 1;
      const operands = n.operands.map(k => this.nodes[k]);
      n.moves = Boolean(n.input) || operands.some(x => x.moves);
      n.truth = n.constant ? typeof n.value === "boolean" : !n.input && TABLE.operations[n.operation].truth;
      if (operands.length) n.value = FORMS[n.operation].f(...operands.map(x => x.value));
    }
  }
  // The wires of the way back, in the order in which the sweep takes them.
  connect() {
    const used = new Set([this.output]);
    this.edges = [];
    for (let t = this.nodes.length - 1; t >= 0; t--) if (used.has(t)) this.nodes[t].operands.forEach(s => used.add(s));
    this.needed = used;
    const reached = new Set(this.nodes[this.output].moves && !this.nodes[this.output].truth ? [this.output] : []);
    for (let t = this.nodes.length - 1; t >= 0; t--) {
      const n = this.nodes[t];
      if (!reached.has(t) || !TABLE.operations[n.operation]?.local) continue;
      n.operands.forEach((s, p) => {
        if (!this.nodes[s].moves || this.nodes[s].truth) return;
        const rule = TABLE.operations[n.operation].local[p];
        if (rule?.none) throw new TextError(`${TABLE.operations[n.operation].name} has no derivative by its operand ${this.nodes[s].called}: give a number there`);
        if (rule?.c === 0 && !rule.float) return;
        this.edges.push({ s, t, p });
        reached.add(s);
      });
    }
    this.reached = reached;
  }

  // Formulas for people, with marks for operands that have names.
  formula(n) {
    const operands = n.operands.map((k, p) => (this.nodes[k].constant ? { c: encodedNumber(this.nodes[k].value) } : { name: `⟦${p}⟧` }));
    return bounded(spelled([n.operation, ...operands], "shown")[0], 160);
  }
  localFormula({ t, p }) {
    const n = this.nodes[t], row = TABLE.operations[n.operation], found = localTree(n, p, this.nodes);
    if (found === null) return `∂${row.name}`;
    const marked = k => (k < 0 ? { name: "⟦y⟧" } : this.nodes[n.operands[k]].constant ?
      { c: encodedNumber(this.nodes[n.operands[k]].value) } : { name: `⟦${k}⟧` });
    const local = plantedLocal(found, marked), text = tree => spelled(tree, "shown")[0];
    let said = "";
    if (!local.gate) said = text(local);
    else if (isNumberTree(local.gate[0])) said = local.gate[0].c ? text(local.gate[1]) : "0";
    else said = `${text(local.gate[1])} where ${text(local.gate[0])}`;
    return said.length <= LONGEST_FORMULA ? said : `∂${row.name}`;
  }

  // The program: a line for each node, and what each wire sends back.
  forwardLine(n) {
    const operands = n.operands.map(k => (this.nodes[k].constant ? { c: encodedNumber(this.nodes[k].value) } : { name: this.nodes[k].called }));
    return bounded(spelled([n.operation, ...operands], "written")[0], LONGEST_LINE);
  }
  backLines() {
    const gates = new Map(), first = new Set();
    return this.edges.map(({ s, t, p }) => {
      const n = this.nodes[t], up = { name: "⟦u⟧" }, leaf = k => this.leaf(k < 0 ? t : n.operands[k]);
      const found = localTree(n, p, this.nodes), gate = gates.get(t) ?? null;
      const made = this.sent(found === null ? null : plantedLocal(found, leaf), found, up, gate);
      const arriving = made === null ? null : made.gate;
      if (!first.has(s)) gates.set(s, arriving);
      else if (gates.get(s)) gates.set(s, arriving ? [OPERATION.either(), gates.get(s), arriving] : null);
      first.add(s);
      const text = made === null ? null : spelled(made.tree, "written")[0];
      return text !== null && text.length <= LONGEST_LINE ? text :
        `vjp(${TABLE.operations[n.operation].name}, ${this.nodes[s].called})(⟦u⟧)`;
    });
  }
  // What goes along a wire, and the gate behind which it goes on.
  sent(local, rule, up, gate) {
    if (local === null) return null;
    if (isNumberTree(rule) && !rule.float && (rule.c === 1 || rule.c === -1) )
      return { tree: rule.c === 1 ? up : [OPERATION.negative(), up], gate };
    const times = factor => [OPERATION.multiply(), up, factor], through = (mask, x) => [OPERATION.where(), mask, x, { c: 0 }];
    if (local.gate) {
      const [mask, factor] = local.gate, whole = gate ? [OPERATION.both(), mask, gate] : mask;
      const one = isNumberTree(rule.gate[1]) && !rule.gate[1].float && rule.gate[1].c === 1;
      return { tree: through(whole, one ? up : times(factor)), gate: whole };
    }
    return { tree: gate ? through(gate, times(local)) : times(local), gate };
  }
  leaf(k) {
    const n = this.nodes[k];
    return n.moves ? { name: n.called } : { c: encodedNumber(n.value) };
  }

  data() {
    const alike = [], nodes = this.nodes.map((n, k) => {
      const shared = n.input ? { kind: "input" } : n.constant ? { kind: "constant" } : { formula: this.formula(n) };
      if (!this.needed.has(k)) shared.dead = true;
      if (n.moves && !n.input) shared.form = n.operation;
      alike.push(shared);
      return [n.called, n.operands, k, ...(n.moves && !n.input ? [] : [{ value: encodedNumber(n.value) }])];
    });
    return {
      levels: "", nodes, alike, edges: this.edges.map(e => [e.s, e.t, e.p, this.localFormula(e)]), inputs: this.inputs,
      outputs: [this.output], output: this.output, outputName: this.outputName, seed: 1, backward: true, openings: {},
      copied: this.copied(), symbolic: symbolicOf(this),
      program: { names: {}, forward: this.nodes.map(n => (n.operands.length ? this.forwardLine(n) : "")), back: this.backLines() },
    };
  }
  // The program in Python that the page copies, with a mark for each input's value.
  copied() {
    const text = this.reading.text.trim(), names = this.inputs.map(k => this.nodes[k].called);
    if (names.includes("self")) return null; // which forward(...) takes itself
    const quoted = text.includes("\n") ? `"""\n${text}\n"""` : `'${text}'`;
    return ["import difflab as dl", "", `graph = dl.parse(${quoted})`,
      `forward = graph.forward(${names.map((name, k) => `${name}=⟦${k}⟧`).join(", ")})`,
      `print("${this.outputName} =", forward.values[graph.outputs[0]])`, "backward = forward.backward()",
      "for name, slope in backward.gradient.items():", `    print(f"d ${this.outputName} / d {name} = {slope}")`, ""].join("\n");
  }
}
