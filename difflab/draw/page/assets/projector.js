// For a projector: the drawing and the sentence alone, in large type. For paper: the drawing, the gradient, the steps.
function projecting() {
  return document.documentElement.classList.contains("projector");
}
async function project(on) {
  if (on === projecting()) return;
  document.documentElement.classList.toggle("projector", on);
  write($("project"), on ? "Leave" : "Full screen");
  startView();
  go(now);
  try { // where the browser has no full screen for the page, it fills its window
    if (on && document.fullscreenEnabled) await document.documentElement.requestFullscreen();
    else if (document.fullscreenElement) await document.exitFullscreen();
  } catch { /* as above */ }
}
// A long sentence in smaller letters, so that all of it is seen.
function fitWords() {
  const say = $("say"), words = $("words");
  say.style.fontSize = "";
  if (!projecting()) return;
  const size = parseFloat(getComputedStyle(say).fontSize);
  for (let part = 0.9; part > 0.45 && words.scrollHeight > words.clientHeight; part -= 0.1) say.style.fontSize = Math.max(16, part * size) + "px";
}
$("project").onclick = () => project(!projecting());
document.addEventListener("fullscreenchange", () => { if (!document.fullscreenElement) project(false); });
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const keys = { f: () => project(!projecting()), F: () => project(!projecting()) };
  if (projecting()) // a presenter's remote control turns pages
    Object.assign(keys, { Escape: () => project(false), PageDown: () => $("next").onclick(), PageUp: () => $("previous").onclick() });
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

const paper = { now: 0, open: false, table: null };
function gradientTable() {
  const right = data.backward ? rightAdjoint(found) : null;
  const heads = ["Input", "Value", ...(right ? ["Gradient"] : [])];
  const rows = data.inputs.map(k => [nodes[k].name, fmt(found.values[k], 6), ...(right ? [`${wrt(k)} = ${fmt(right[k] ?? 0, 6)}`] : [])]);
  const row = (tag, cells) => make("tr", {}, ...cells.map(c => make(tag, {}, c)));
  return make("table", { id: "gradient" }, make("thead", {}, row("th", heads)), make("tbody", {}, ...rows.map(r => row("td", r))));
}
addEventListener("beforeprint", () => {
  if (paper.table) return;
  play(false);
  Object.assign(paper, { now, open: $("steps").open, table: gradientTable() });
  $("frame").after(paper.table);
  $("steps").open = true;
  go(steps.length - 1);
  showTables();
  reveal();
});
addEventListener("afterprint", () => {
  paper.table?.remove();
  paper.table = null;
  $("steps").open = paper.open;
  go(paper.now);
  look();
});
