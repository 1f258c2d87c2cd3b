// The program of the pass, one line a step; lines[k] is the line of step k.
let lines = [], current = null;
const program = data.program, called = n => program.names[n] ?? nodes[n].name;
const piece = (text, role) => make("span", { className: role }, text);

function lineOf(step, started) {
  if (step.type === "node") {
    const right = program.forward[step.n] || inputText(step.n);
    return [piece(called(step.n), "value"), " = ", piece(right, nodes[step.n].formula ? "" : "given")];
  }
  if (step.type === "seed") return [piece("d_" + called(out), "up"), ` = ${isNumber(found.seed) ? fmt(found.seed, 12) : "seed"}`];
  if (step.type === "end") return [`return ${data.inputs.map(k => "d_" + called(k)).join(", ")}`];
  const { s, t } = edges[step.k], added = started.has(s);
  started.add(s);
  const [before, ...after] = program.back[step.k].split("⟦u⟧"), upstream = "d_" + called(t);
  const factor = /^ \* (.*)$/.exec(after.join(upstream));
  return [piece("d_" + called(s), "down"), added ? " += " : " = ", piece(before, "local"), piece(upstream, "up"),
    ...(factor ? [" * ", piece(factor[1], "local")] : [piece(after.join(upstream), "local")])];
}
const inputText = n => (isNumber(found.values[n]) ? fmt(found.values[n], 12) : "array" + (nodes[n].shape ?? ""));

function buildProgram() {
  const started = new Set(), heads = { 0: "# forward" };
  const back = steps.findIndex(s => s.type === "seed");
  if (back > 0) heads[back] = "# backward";
  lines = steps.map((step, k) => {
    const line = make("button", { type: "button", className: "line", tabIndex: -1 }, ...lineOf(step, started));
    line.dataset.step = k;
    return line;
  });
  current = panel = null;
  $("lines").replaceChildren(...lines.map((line, k) =>
    make("li", {}, ...(heads[k] ? [make("span", { className: "head" }, heads[k])] : []), line)));
}
// Another point changes the lines of the inputs alone.
function showProgram() {
  for (const [k, step] of steps.entries()) {
    if (step.type !== "node") break;
    if (!nodes[step.n].formula) write(lines[k].lastElementChild, inputText(step.n));
  }
}
// Marks the active line and brings it into sight inside its panel: the page itself stays where it is. Where lines lie is
// asked for once: each question would lay the page out.
let panel = null;
function markLine() {
  const line = lines[now];
  if (current === line) return;
  current?.removeAttribute("aria-current");
  if (current) current.tabIndex = -1;
  line.setAttribute("aria-current", "step");
  line.tabIndex = 0;
  current = line;
  panel ??= { height: $("lines").clientHeight, at: $("lines").scrollTop, tops: lines.map(l => l.offsetTop) };
  const top = panel.tops[now], low = panel.tops[now + 1] ?? top + 24;
  if (top < panel.at + 24 || low > panel.at + panel.height - 24) {
    panel.at = Math.max(0, (top + low - panel.height) / 2);
    $("lines").scrollTop = panel.at;
  }
}
new ResizeObserver(() => { panel = null; }).observe($("lines"));
$("lines").addEventListener("scroll", () => { if (panel) panel.at = $("lines").scrollTop; }, { passive: true });
$("lines").addEventListener("click", event => {
  const line = event.target.closest(".line");
  if (line) { play(false); go(Number(line.dataset.step)); }
});
$("lines").addEventListener("keydown", event => {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key], line = event.target.closest(".line");
  if (!by || !line) return;
  event.preventDefault();
  lines[Number(line.dataset.step) + by]?.focus({ preventScroll: false });
});
