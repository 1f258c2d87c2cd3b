// Contributions that meet at a node: a small list in its box, a row for each with its sender, and below it their sum.
const senderOf = k => nodes[edges[k].t].name;
const clipped = text => (text.length > 9 ? text.slice(0, 8) + "…" : text);

// A row has its sender at the left and its number at the right, so that the numbers stand in a column.
function stackRow(box, line, name, text, role) {
  const left = shape("tspan", { class: "sender", x: box.frame.x + 10, "text-anchor": "start" });
  const right = shape("tspan", { class: role, x: box.frame.x + box.frame.width - 10, "text-anchor": "end" });
  left.textContent = name;
  right.textContent = text;
  line.replaceChildren(left, right);
}
// Rows in the order of arrival, then what is still to come.
function paintStack(box, { known, step }) {
  const rows = box.parts, n = box.shown;
  if (!rows.length || n === null) return;
  const came = known.came[n], key = `${came.join()}|${known.parts[n].join()}`;
  if (box.painted === key) return;
  box.painted = key;
  mark(box.el, "meeting", came.length > 0);
  if (!came.length) return rows.forEach(row => row.replaceChildren());
  const all = [...came, ...arriving[n].filter(k => !came.includes(k))];
  const alone = all.length > rows.length ? rows.length - 1 : all.length; // the last row may have all others
  rows.forEach((line, i) => {
    const last = i < alone ? i + 1 : all.length, parts = known.parts[n].slice(i, last), here = all.slice(i, last);
    const text = parts.length ? (i ? "+ " : "") + fmt(parts.reduce((a, b) => a + b)) : "…";
    const name = here.length > 1 ? `${here.length} others` : "◂ " + clipped(senderOf(here[0]));
    stackRow(box, line, name, text, parts.length ? "down" : "wait");
    line.classList.toggle("arriving", parts.length > 0 && here.includes(step.k) && !slide.calm());
  });
}
function bindStack(box) {
  box.parts = [...box.el.children].filter(c => c.tagName === "text" && c.classList.contains("p"));
  if (!box.parts.length || box.el.querySelector(".rule")) return;
  const y = Number(box.parts.at(-1).getAttribute("y")) + 4, { x, width } = box.frame;
  box.el.append(shape("path", { class: "rule", d: `M${x + 10} ${y}H${x + width - 10}` }));
}

// The same in the sentence, and as a list below it; of many the last ones.
const MOST_TERMS = 6, sumOfAll = parts => parts.reduce((a, b) => a + b, 0);
function meetingWords(step) {
  const parts = step.parts, numbers = parts.every(isNumber), name = nodes[edges[step.k].s].name;
  const sum = numbers ? ` = ${fmt(sumOfAll(parts))}` : "";
  if (!parts.length) return "";
  if (parts.length > MOST_TERMS) return `All ${parts.length} have arrived at ${name} and are added${sum}.`;
  const terms = parts.map((part, i) => {
    const from = senderOf(step.came[i]);
    return numbers ? `${i && part < 0 ? `(${fmt(part)})` : fmt(part)} (from ${from})` : `that from ${from}`;
  });
  return `All have arrived at ${name} and are added: ${terms.join(" + ")}${sum}.`;
}
function showMeeting(step) {
  const several = step.type === "edge" && arriving[edges[step.k].s].length > 1;
  $("sum").hidden = !several;
  if (!several) return;
  const s = edges[step.k].s, { parts, came } = step, missing = arriving[s].length - parts.length;
  const numbers = parts.every(isNumber), earlier = Math.max(0, parts.length - MOST_TERMS);
  const item = (what, value, role = "down") => make("li", {}, make("span", {}, what), make("span", { className: role }, value));
  const rows = parts.slice(earlier).map((part, i) =>
    item(`from ${senderOf(came[earlier + i])}`, (earlier + i ? "+ " : "") + fmt(part)));
  if (earlier) rows.unshift(item(`${earlier} before`, numbers ? fmt(sumOfAll(parts.slice(0, earlier))) : "…"));
  if (missing) rows.push(item(`${missing} more to come`, "…", ""));
  const sum = numbers ? "= " + fmt(sumOfAll(parts)) + (missing ? " + …" : "") : missing ? "…" : "= " + fmt(found.adjoint[s]);
  const total = item(wrt(s), sum);
  total.className = "total";
  $("sum").replaceChildren(make("p", {}, `${nodes[s].name} is used ${arriving[s].length} times, so contributions add:`),
    make("ul", {}, ...rows, total));
}
