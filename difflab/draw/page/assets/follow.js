// One entry through the graph: what it depends on, what depends on it, and where a gradient comes from.
let linked = null; // for which choice, and what was found
function relations() {
  const key = `${chosen.n} ${chosen.i} ${chosen.back}`;
  if (linked && linked.key === key && linked.found === found) return linked.links;
  linked = { key, found, links: chosen.back ? ofAdjoint(chosen.n, chosen.i) : ofValue(chosen.n, chosen.i) };
  return linked.links;
}
const none = n => arr(found.values[n]).data.map(() => false);
const oneOf = (n, i) => none(n).map((_, k) => k === i);
const xsOf = t => nodes[t].operands.map(k => arr(found.values[k]));
const joined = (a, b) => (a ? a.map((v, k) => v || b[k]) : b);
const emptyLinks = () => ({ values: nodes.map((_, n) => ({ before: [], after: [] })), adjoints: nodes.map(() => ({ before: [], after: [] })) });

function ofValue(n, i) {
  const links = emptyLinks(), before = [], after = [];
  before[n] = after[n] = oneOf(n, i);
  for (let t = n; t >= 0; t--) {
    if (!before[t] || nodes[t].op === undefined) continue;
    backOf(OPS[nodes[t].op], before[t], xsOf(t)).forEach((m, p) => {
      const s = nodes[t].operands[p];
      if (m) before[s] = joined(before[s], m);
    });
  }
  nodes.forEach((node, t) => {
    if (node.op === undefined || t === n || !node.operands.some(s => after[s])) return;
    after[t] = reachOf(OPS[node.op], node.operands.map(s => after[s] ?? null), xsOf(t));
  });
  nodes.forEach((_, k) => {
    if (k !== n) links.values[k] = { before: before[k] ?? [], after: after[k] ?? [] };
  });
  return links;
}

// What enters the local derivative of an operand's entries: entries of the operands, and of the result.
function partners(op, p, mask, xs, reached) {
  const found = xs.map(() => null);
  if (op.k === "table") return [found, null];
  if (op.k === "product") {
    const t = terms(op, xs);
    t.y.forEach((_, n) => {
      if (!(t.at[p][n] >= 0 && mask[t.at[p][n]])) return;
      xs.forEach((x, k) => {
        if (k === p || !(t.at[k][n] >= 0)) return;
        found[k] ??= x.data.map(() => false);
        found[k][t.at[k][n]] = true;
      });
    });
    return [found, null];
  }
  const inside = backOf(op, reached, xs);
  if (op.k !== "map") return [inside, null];
  const d = FORMS[op.f].d[p], text = typeof d === "object" ? `${bodyOf(d.g)} ${bodyOf(d.c)}` : bodyOf(d);
  const reads = name => new RegExp(`\\b${name}\\b`).test(text);
  return [inside.map((m, k) => (reads(`x${k}`) ? m : null)), reads("y") ? reached : null];
}
const bodyOf = d => String(d).split("=>").at(-1);
function ofAdjoint(n, i) {
  const links = emptyLinks(), adjoint = [], value = [];
  adjoint[n] = oneOf(n, i);
  nodes.forEach((node, t) => {
    if (node.op === undefined || found.adjoint[t] === null) return;
    node.operands.forEach((s, p) => {
      if (!adjoint[s] || !edges.some(e => e.t === t && e.p === p)) return;
      const op = OPS[node.op], xs = xsOf(t);
      const reached = reachOf(op, xs.map((_, k) => (k === p ? adjoint[s] : null)), xs);
      adjoint[t] = joined(adjoint[t], reached);
      const [inside, own] = partners(op, p, adjoint[s], xs, reached);
      inside.forEach((m, k) => { if (m) value[node.operands[k]] = joined(value[node.operands[k]], m); });
      if (own) value[t] = joined(value[t], own);
    });
  });
  nodes.forEach((_, k) => {
    links.values[k] = { before: value[k] ?? [], after: [] };
    if (k !== n) links.adjoints[k] = { before: adjoint[k] ?? [], after: [] };
  });
  return links;
}

// In words: entries by name where they are few.
function entriesText(n, mask, back = false) {
  const at = mask.flatMap((v, k) => (v ? [k] : []));
  const name = back ? wrt(n) : nodes[n].name;
  if (!at.length) return "";
  if (mask.length === 1) return name;
  if (at.length === mask.length) return `${at.length === 2 ? "both" : `all ${at.length}`} entries of ${name}`;
  return at.length <= 3 ? at.map(k => entryName(n, k, back)).join(", ") : `${at.length} entries of ${name}`;
}
const sentenceOf = list => (list.length > 1 ? `${list.slice(0, -1).join(", ")} and ${list.at(-1)}` : list[0] ?? "");
function listed(links, side, back, first) {
  const order = [...shownNodes].sort((a, b) => (first(b) - first(a)) || a - b);
  const texts = order.map(n => entriesText(n, links[n][side], back)).filter(Boolean);
  return texts.length > 6 ? [...texts.slice(0, 6), `${texts.length - 6} more values`] : texts;
}
function followText() {
  const { n, i, back } = chosen, links = relations(), name = entryName(n, i, back);
  const isInput = k => Number(nodes[k].kind === "input");
  if (back) {
    const from = listed(links.values, "before", false, isInput), up = listed(links.adjoints, "before", true, () => 0);
    const v = arr(found.adjoint[n] ?? full(arr(found.values[n]).shape, 0)).data[i];
    if (!up.length && !from.length) return `${name} = ${fmt(v, 5)}. It is where the way back begins, or nothing flows there.`;
    return `${name} = ${fmt(v, 5)} comes from ${from.length ? sentenceOf(from) : "no values"}, by way of ${sentenceOf(up)}.`;
  }
  const from = listed(links.values, "before", false, isInput), to = listed(links.values, "after", false, k => Number(k === out));
  const v = arr(found.values[n]).data[i];
  return `${name} = ${fmt(v, 5)} ${from.length ? `depends on ${sentenceOf(from)}` : "is given"}, and ${to.length ? `goes into ${sentenceOf(to)}` : "goes nowhere further"}.`;
}
const followed = make("p", { id: "follow" });
followed.setAttribute("role", "status");
$("heat").before(followed);
for (const [name, text] of [["tint", "entries: gold above zero, teal (and −) below, paler towards zero"], ["frames", "▣ chosen entry, green frame: it comes from there, dashed: it goes there"]])
  document.querySelector(".legend").append(make("li", { className: name }, text));
const HINT = "Click an entry of a map to follow it through the graph. Drag an entry of an input up or down to change it.";
function showFollow() {
  mark(followed, "chosen", Boolean(chosen));
  if (!chosen) return followed.replaceChildren(make("span", { className: "quiet" }, HINT));
  const clear = make("button", { type: "button" }, "Follow nothing");
  clear.onclick = () => choose(null);
  followed.replaceChildren(make("span", {}, followText() + " "), clear);
}
