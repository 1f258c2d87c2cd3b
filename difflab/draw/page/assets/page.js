// The controls: steps, play, keys, inputs, orders, blocks.
let found = null, steps = [], now = 0, timer = null, lastGaps = null, eager = false;

function recompute() {
  found = passes(eager);
  found.seed = data.backward ? (live ? seedOf(found.values) : number(data.seed)) : null;
  const gaps = live ? gapsOf(found.values) : [];
  found.kinks = live ? kinksBetween(lastGaps, gaps) : { at: [], crossed: [] };
  lastGaps = gaps;
  steps = stepsOf(found);
  $("scrubber").max = steps.length - 1;
  indexSteps();
}

function go(k) {
  now = Math.max(0, Math.min(k, steps.length - 1));
  const step = steps[now];
  paint(found, steps, now);
  const told = tell(step, found);
  if (told.words) $("say").replaceChildren(...htmlSpans(told.words));
  else write($("say"), told.sentence);
  showFormula(step);
  showMeeting(step);
  markNode(step.type === "node" ? step.n : step.type === "edge" ? edges[step.k].s : out);
  $("say").classList.toggle("warning", Boolean(told.warning));
  $("scrubber").value = now;
  $("scrubber").setAttribute("aria-valuetext", `step ${now + 1} of ${steps.length}`);
  write($("count"), `${now + 1} / ${steps.length}`);
  write($("phase"), step.type === "node" ? "Forward pass" : step.type === "end" ? "Result" : "Backward pass");
  // A button that is really disabled would lose the focus.
  $("previous").setAttribute("aria-disabled", String(now === 0));
  $("next").setAttribute("aria-disabled", String(now === steps.length - 1));
  showHeat(step, found);
  markTable();
  fitWords(); // these two last, for they lay the page out
  markLine();
}

function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => (now < steps.length - 1 ? go(now + 1) : play(false)), 1100) : null;
  write($("play"), on ? "❚❚ Pause" : "▶ Play");
  $("play").setAttribute("aria-pressed", String(on));
}
function toggle() {
  if (!timer && now === steps.length - 1) go(0);
  play(!timer);
}

$("previous").onclick = () => { play(false); go(now - 1); };
$("next").onclick = () => { play(false); go(now + 1); };
$("play").onclick = toggle;
$("scrubber").oninput = event => { play(false); go(Number(event.target.value)); };
$("larger").onclick = () => zoom(1 / 1.3);
$("smaller").onclick = () => zoom(1.3);
$("fit").onclick = fit;

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea")) return;
  const onButton = event.target.closest("button, summary, [role=button]");
  const keys = {
    ArrowRight: () => { play(false); go(now + 1); }, ArrowLeft: () => { play(false); go(now - 1); },
    Home: () => go(0), End: () => go(steps.length - 1), "+": () => zoom(1 / 1.3), "-": () => zoom(1.3), "0": fit,
  };
  if (!onButton) keys[" "] = toggle;
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

// Another point, or another order: everything is computed again and the same step shown.
function update(moved = true) {
  const last = steps.length - 1 === now;
  recompute();
  go(last ? steps.length - 1 : now);
  showInputs();
  showProgram();
  showMethods();
  if ($("curve")) showCurve();
  showTables();
  // A page around this one may follow the point, as difflab lab does.
  if (moved && live && parent !== window)
    parent.postMessage({ difflab: Object.fromEntries(data.inputs.map(n => [nodes[n].name, found.values[n]])) }, "*");
}

if ($("order")) {
  $("order").onchange = event => {
    eager = event.target.value === "eager";
    lastGaps = null;
    recompute();
    buildProgram();
    $("why").hidden = !eager;
    const right = rightAdjoint(found), harmless = data.inputs.every(k => same(right[k], found.adjoint[k]));
    $("harm").hidden = !harmless;
    go(steps.findIndex(s => s.type === "seed"));
    showInputs();
    showTables();
  };
}

// Blocks: each state of open blocks has its drawing.
const drawings = new Map([[Number($("blocks")?.value ?? 0), stage.querySelector("svg")]]);
function show(drawing) {
  if (!drawings.has(drawing)) drawings.set(drawing, $(`drawing-${drawing}`).content.firstElementChild);
  const shown = stage.querySelector("svg");
  if (shown !== drawings.get(drawing)) shown.replaceWith(drawings.get(drawing));
  bind();
  go(now);
  if ($("blocks")) $("blocks").value = String(drawing);
}
if ($("blocks")) {
  $("blocks").onchange = event => show(Number(event.target.value));
  const openFrom = target => {
    const g = target.closest("[data-b]");
    if (g && String(g.dataset.b) in data.openings) show(data.openings[g.dataset.b]);
    return g;
  };
  stage.addEventListener("click", event => openFrom(event.target));
  stage.addEventListener("keydown", event => {
    if (event.key !== "Enter" && event.key !== " ") return;
    if (openFrom(event.target)) {
      event.preventDefault();
      $("blocks").focus();
    }
  });
}

bind();
buildInputs();
recompute();
if ($("curve")) buildCurve();
buildProgram();
go(0);
if (OPS) showFollow();
update(false);
// What tests ask: the numbers behind the page, and moving about.
window.difflab = {
  go, steps: () => steps, found: () => found, set: inputs => { withInputs(inputs); update(); },
  now: () => now, live,
};
