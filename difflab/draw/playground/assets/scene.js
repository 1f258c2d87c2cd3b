// The drawing: boxes and wires as text for Graphviz, and its picture written again as the page's, with empty places for numbers.
const ROOM = "-0.00e-00", WIRE_ROOM = "-0.000 × -0.000 = -0.000", SIZES = { operation: 24, number: 17, name: 15, part: 13 };
const TONE = { v: "#0b6e4f", a: "#b4540a", p: "#0a5cb4", ink: "#1d2330" }, KIND_OF = { [TONE.v]: "v", [TONE.a]: "a", [TONE.p]: "p" };
const MOST_ROWS = 5, SENDER = 9, WIDE = 1860, QUICK_OVER = 150, ROUND = 10, MARGIN = 3, SVG = "http://www.w3.org/2000/svg";
const ARROW = '<defs><marker id="there" markerUnits="userSpaceOnUse" markerWidth="8" markerHeight="6" refY="3" orient="auto">' +
  '<path d="M0 0 7.6 3 0 6z"/></marker></defs>';
const escaped = text => text.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);

class Scene {
  constructor(passes, title) {
    this.passes = passes;
    this.title = title;
    this.boxes = [];
    this.wires = [];
    this.arriving = passes.nodes.map((n, k) => passes.edges.filter(e => e.s === k));
    const number = new Map(passes.edges.map((e, k) => [`${e.t} ${e.p}`, k]));
    this.place = passes.nodes.map((n, k) => (n.constant ? null : this.boxes.push(this.box(n, k)) - 1));
    passes.nodes.forEach((n, t) => n.operands.forEach((s, p) => {
      const faded = !passes.needed.has(t), source = passes.nodes[s], edge = number.get(`${t} ${p}`);
      const from = source.constant ? this.boxes.push({ kind: "constant", lines: [[short(source.value, 3), "ink"]], faded }) - 1 : this.place[s];
      this.wires.push({ from, to: this.place[t], faded, edge, label: edge === undefined ? "" : WIRE_ROOM });
    }));
    const end = this.boxes.push({ kind: "output", lines: [[passes.outputName, "ink", 0, true]] }) - 1;
    this.wires.push({ from: this.place[passes.output], to: end, label: "" });
    this.quick = this.boxes.length > QUICK_OVER;
  }
  box(n, k) {
    const row = TABLE.operations[n.operation], lines = [];
    if (!n.input) lines.push([row.glyph, "ink", row.glyph.length <= 3 ? SIZES.operation : SIZES.number]);
    lines.push([bounded(n.called, 24), "ink", SIZES.name, n.named], [ROOM, "v", SIZES.number]);
    const count = this.arriving[k].length;
    if (count || k === this.passes.output) {
      const senders = this.arriving[k].map(e => bounded(this.passes.nodes[e.t].called, SENDER)).sort((a, b) => b.length - a.length);
      for (let row = 0; count > 1 && row < Math.min(count, MOST_ROWS); row++) lines.push([`◂ ${senders[0]}  + ${ROOM}`, "p", SIZES.part]);
      lines.push([`∂ ${ROOM}`, "a", SIZES.number]);
    }
    return { kind: n.input ? "input" : "step", lines, node: k, faded: !this.passes.needed.has(k) };
  }
  dot(down) {
    const piece = ([text, tone, size, bold]) =>
      `<font color="${TONE[tone]}"${size ? ` point-size="${size}"` : ""}>${bold ? `<b>${escaped(text)}</b>` : escaped(text)}</font>`;
    const label = lines => `<${lines.map(piece).join("<br/>")}>`;
    const shapes = { output: 'shape=plain', constant: 'shape=box style="filled,rounded" height=0.3 width=0.4' };
    const quick = this.quick ? " nslimit=1 nslimit1=1 mclimit=0.2 splines=line" : "";
    return ["digraph difflab {", `graph [rankdir=${down ? "TB" : "LR"} nodesep=0.28 ranksep=0.45 pad=0.15 fontname=Helvetica fontsize=12${quick}]`,
      'node [fontname=Helvetica fontsize=12 margin="0.1,0.07" penwidth=1.2]', "edge [fontname=Helvetica fontsize=11 arrowsize=0.7 penwidth=1.2]",
      ...this.boxes.map((box, k) => `n${k} [id=n${k} label=${label(box.lines)} ${shapes[box.kind] ?? 'shape=box style="filled,rounded"'}]`),
      ...this.wires.map((w, k) => `n${w.from} -> n${w.to} [id=e${k}${w.label ? ` label=${this.wireLabel(w.label, down)}` : ""}]`), "}"].join("\n");
  }
  wireLabel(text, down) {
    const made = `<font color="${TONE.a}">${escaped(text)}</font>`;
    return down ? `<&#160;&#160;${made}>` : `<${made}<br/><font point-size="4">&#160;</font>>`;
  }
  // Left to right where it fits, else down.
  drawn(viz) {
    const across = this.laidOut(viz, false);
    if (this.quick || across.width <= WIDE) return this.slim(across.root);
    const down = this.laidOut(viz, true);
    return this.slim((down.width <= WIDE ? down : across).root);
  }
  laidOut(viz, down) {
    const root = new DOMParser().parseFromString(viz.renderString(this.dot(down), { format: "svg" }), "image/svg+xml").documentElement;
    return { root, width: Number(root.getAttribute("viewBox").split(" ")[2]) };
  }
  slim(root) {
    const graph = root.querySelector("g.graph"), order = { edge: 1, node: 2 };
    const [, dx, dy] = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(graph.getAttribute("transform"));
    const parts = [...graph.children].filter(g => order[g.getAttribute("class")]).map(g => [order[g.getAttribute("class")], this.part(g)]);
    const [, , width, height] = root.getAttribute("viewBox").split(" ").map(Math.round);
    return { width, height, text: `<svg xmlns="${SVG}" viewBox="0 0 ${width} ${height}" role="group" aria-label="${escaped(this.title)}">` +
      `<g transform="translate(${Math.round(dx)} ${Math.round(dy)})">${ARROW}` +
      parts.sort((a, b) => a[0] - b[0]).map(([, text]) => text).join("") + "</g></svg>" };
  }
  part(g) {
    const number = Number(g.id.slice(1));
    if (g.getAttribute("class") === "edge") {
      const wire = this.wires[number], path = g.querySelector("path");
      return `<g class="wire${wire.faded ? " faded" : ""}"${wire.edge === undefined ? "" : ` data-e="${wire.edge}"`}>` +
        `${path ? `<path d="${relative(path.getAttribute("d"))}"/>` : ""}</g>`;
    }
    const box = this.boxes[number], frame = corners(g), middle = frame ? Math.round((frame.left + frame.right) / 2) : null;
    const lines = [...g.querySelectorAll("text")].map(text => ({
      kind: KIND_OF[text.getAttribute("fill")] ?? `t${Number(text.getAttribute("font-size")) > 20 ? " big" : ""}${text.getAttribute("font-weight") === "bold" ? " bold" : ""}`,
      x: middle ?? Math.round(Number(text.getAttribute("x"))), y: Math.round(Number(text.getAttribute("y"))), text: text.textContent }));
    const numbers = lines.filter(l => l.kind.length === 1 && l.kind !== "t").map(l => l.kind + l.y).join("");
    const data = box.node === undefined ? "" : ` data-n="${box.node}" data-v="${box.node}"`;
    return `<g class="node ${box.kind}${box.faded ? " faded" : ""}"${data}${numbers ? ` data-t="${numbers}"` : ""}>` +
      (frame ? `<rect x="${frame.left}" y="${frame.top - MARGIN}" width="${frame.right - frame.left}" height="${frame.bottom - frame.top + 2 * MARGIN}" rx="${ROUND}"/>` : "") +
      lines.filter(l => l.kind.startsWith("t")).map(l => `<text class="${l.kind}" x="${l.x}" y="${l.y}">${escaped(l.text)}</text>`).join("") + "</g>";
  }
}
function corners(g) {
  const shape = g.querySelector("polygon, path");
  if (!shape) return null;
  const points = [...(shape.getAttribute("points") ?? shape.getAttribute("d")).matchAll(/(-?[\d.]+),(-?[\d.]+)/g)];
  const [xs, ys] = [1, 2].map(k => points.map(p => Number(p[k])));
  return { left: Math.round(Math.min(...xs)), right: Math.round(Math.max(...xs)), top: Math.round(Math.min(...ys)), bottom: Math.round(Math.max(...ys)) };
}
// A path with each point counted from the one before; a curve whose inner points are ends is a straight line.
function relative(d) {
  const points = [...d.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(m => [Math.round(m[1]), Math.round(m[2])]);
  let at = points[0], text = `m${at.join(" ")}`, last = "m";
  for (let k = 1; k + 2 < points.length; k += 3) {
    const [a, b, end] = points.slice(k, k + 3), isEnd = p => [at, end].some(q => p[0] === q[0] && p[1] === q[1]);
    const sign = isEnd(a) && isEnd(b) ? "l" : "c", ends = sign === "l" ? [end] : [a, b, end], from = at;
    text += (sign === last ? " " : sign) + ends.map(p => `${p[0] - from[0]} ${p[1] - from[1]}`).join(" ");
    [at, last] = [end, sign];
  }
  return text.replace(/ -/g, "-");
}
// Classes of the page: whether the panels stand beside the drawing, and the words too because it is tall.
function layoutOf({ width, height }) {
  if (width > Math.max(1000, 2 * height) || width > 1290) return "";
  return height > Math.max(width, 500) ? "beside tall" : "beside";
}
