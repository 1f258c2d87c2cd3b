// The controls: what is typed is read, evaluated and drawn, and shown by the step-through page in a frame.
const { table: TABLE, examples, page: PAGE, parts: PARTS, host: HOST } = JSON.parse(document.getElementById("data").textContent);
const [expression, at, example, told, pages] = ["expression", "at", "example", "told", "pages"].map(id => document.getElementById(id));
const WAIT = 120; // milliseconds after the last key
let waiting = 0, running = 0, turn = 0, wasm = null, kept = new Map(), coming = null, asked = "";
// What a server around the page adds: `draw` for what is Python's, `code` where that is all of it, and who is told what
// becomes of the drawing.
const host = { draw: null, opened: () => false, code: () => false, submitted: () => false, begun() {}, drawn() {}, moved() {} };
const vizWasm = () => wasm;

async function unpacked() {
  const bytes = Uint8Array.from(atob(document.getElementById("graphviz").textContent), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  wasm = new Uint8Array(await new Response(stream).arrayBuffer());
  return Viz.instance();
}
const graphviz = unpacked();

// The point: names and numbers, or formulas of constants such as pi/2.
function pointOf(text) {
  const found = new Map();
  for (const part of splitAtCommas(text)) {
    const [name, ...rest] = part.split("="), value = rest.join("=").trim(), shown = part.trim().slice(0, 80);
    if (/\S\s+[A-Za-z_]\w*\s*=/.test(part)) throw new TextError(`At '${shown}': put a comma between the values, as in x=1, y=2`);
    if (!rest.length || !value) throw new TextError(`At '${shown}': write name=value, as in x=1, y=2`);
    if (!/^[A-Za-z_]\w*$/.test(name.trim())) throw new TextError(`At '${name.trim().slice(0, 80)}' is not a name`);
    if (found.has(name.trim())) throw new TextError(`At gives ${name.trim()} twice`);
    found.set(name.trim(), constantValue(name.trim(), value));
  }
  return found;
}
// The parts between commas that stand in no bracket.
function splitAtCommas(text) {
  const parts = [""];
  let depth = 0;
  for (const c of text) {
    depth += "([".includes(c) ? 1 : ")]".includes(c) ? -1 : 0;
    if (",;".includes(c) && !depth) parts.push("");
    else parts[parts.length - 1] += c;
  }
  return parts.filter(p => p.trim());
}
function constantValue(name, text) {
  const special = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (special) return /nan/i.test(special[2]) ? NaN : special[1] === "-" ? -Infinity : Infinity;
  try {
    const reading = new Reading(text);
    if (reading.inputs.length)
      throw new TextError(`it names ${reading.nodes[reading.inputs[0]].name}; write a number, or a formula of constants such as pi/2`);
    return Number(constantOf(reading));
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    throw Object.assign(new TextError(`the value of ${name}: ${error.message}`), { python: error.python });
  }
}
function constantOf(reading) {
  const values = [];
  for (const n of reading.nodes) values.push(n.constant ? n.value : FORMS[n.operation].f(...n.operands.map(k => values[k])));
  return values[reading.output];
}
const writtenValue = x => (x.data ? writtenArray(x.shape, [...x.data]) : Object.is(x, -0) ? "-0" : String(x).replace("Infinity", "inf").replace("NaN", "nan"));
const writtenArray = ([count, ...rest], entries) => (count === undefined ? writtenValue(entries.shift()) :
  `[${Array.from({ length: count }, () => writtenArray(rest, entries)).join(",")}]`);
const written = point => [...point].map(([name, x]) => `${name}=${writtenValue(x)}`).join(", ");

// The point with the names of the expression: values that are known, and 1 for the others.
function following(reading, given) {
  given.forEach((x, name) => kept.set(name, x));
  return new Map(reading.inputs.map(k => reading.nodes[k].name).map(name => [name, kept.get(name) ?? 1]));
}
// Who has just come into the box has all of it selected, and writes over it.
function rewrite(text) {
  const whole = document.activeElement === at && at.selectionStart === 0 && at.selectionEnd === at.value.length;
  at.value = text;
  if (whole) at.select();
}
function addressOf() {
  return `${location.href.split("#")[0]}#f=${encodeURIComponent(expression.value.trim())}&`;
}

function say(text, box = null) {
  told.textContent = text;
  told.classList.remove("note");
  pages.classList.toggle("stale", Boolean(text));
  for (const control of [expression, at]) control.setAttribute("aria-invalid", String(control === box));
}
async function update(renamed) {
  const mine = ++turn, place = examples.findIndex(([, text]) => text === expression.value.trim());
  running++;
  example.value = place < 0 ? "" : String(place);
  host.begun();
  try {
    await (host.code() ? host.draw(renamed) : draw(renamed));
    if (mine !== turn) return; // a newer one is on its way
    say("");
    host.drawn();
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    if (mine === turn) say(error.marked, error.box ?? expression);
  } finally {
    running--;
  }
}
// What is typed, at its point; what only Python has words for is drawn by the server, where there is one.
async function draw(renamed) {
  let box = expression, passes;
  try {
    const reading = new Reading(expression.value);
    box = at;
    const point = pointFor(reading, renamed);
    box = expression;
    passes = new Passes(reading, point);
  } catch (error) {
    if (error.python && host.draw) return host.draw(renamed);
    throw error instanceof TextError ? Object.assign(error, { box }) : error;
  }
  await show(passes);
}
function pointFor(reading, renamed) {
  const point = pointOf(at.value), names = reading.inputs.map(k => reading.nodes[k].name);
  if (names.length === point.size && names.every(n => point.has(n))) return point;
  if (renamed) {
    const found = following(reading, point);
    rewrite(written(found));
    return found;
  }
  const missing = names.find(n => !point.has(n)), extra = [...point.keys()].find(n => !names.includes(n));
  throw new TextError(missing ? `the point gives no value for ${missing}; write ${missing}=1` :
    `the point names ${extra}; the expression has ${names.join(", ") || "no inputs"}`);
}

// The page of an expression.
async function show(passes) {
  const title = `Forward and backward pass of ${passes.reading.text.trim().replace(/\s+/g, " ")}`, viz = await graphviz;
  const drawing = new Scene(passes, bounded(title, 120)).drawn(viz);
  const data = { ...passes.data(), address: addressOf(), asked };
  asked = "";
  const flows = passes.inputs.length && passes.edges.length;
  const fill = (text, values) => text.replace(/@(\w+)@/g, (mark, name) => values[name] ?? mark);
  const parts = { inputs: passes.inputs.length ? PARTS.inputs : "", curve: flows ? fill(PARTS.curve, { outputName: escaped(passes.outputName) }) : "",
    methods: flows ? PARTS.methods : "" };
  const text = fill(PAGE, { title: escaped(bounded(title, 120)), svg: drawing.text, layout: `framed ${layoutOf(drawing)}`, ...parts,
    data: JSON.stringify(data).replace(/</g, "\\u003c") });
  bring(title, { srcdoc: text });
}
// A page comes in a frame of its own, which takes the place of the last one when it is there.
function bring(title, source) {
  coming?.remove();
  const frame = coming = document.createElement("iframe");
  Object.assign(frame, { title, className: "coming", ...source });
  frame.addEventListener("load", () => {
    if (frame !== coming) return;
    for (const old of pages.querySelectorAll("iframe")) if (old !== frame) old.remove();
    frame.classList.remove("coming");
    frame.contentWindow.postMessage({ difflabFits: true }, "*"); // it is to be as high as what is in it
    coming = null;
    performance.mark("difflab-drawn");
  });
  pages.append(frame);
}

addEventListener("message", event => {
  const frame = [...pages.children].find(f => f.contentWindow === event.source), said = event.data ?? {};
  if (!frame) return;
  if (said.difflabHeight > 0) frame.style.height = `${Math.min(said.difflabHeight, 20000)}px`;
  if (typeof said.difflabLink === "string" && said.difflabLink.startsWith(addressOf())) remember(said.difflabLink);
  if (!said.difflab || waiting || running || pages.classList.contains("stale")) return; // it is of another expression
  const point = new Map(Object.entries(said.difflab));
  if (![...point].every(([name, x]) => /^\w+$/.test(name) && isPlain(x))) return;
  rewrite(written(point));
  host.moved();
});
const isPlain = x => Number.isFinite(x) || Array.isArray(x?.data) && x.data.every(Number.isFinite);
function remember(link) {
  try {
    history.replaceState(null, "", link);
  } catch { /* some browsers refuse it for files */ }
}

function later(renamed) {
  turn++; // an answer that comes now is to what stood there before
  host.begun();
  clearTimeout(waiting);
  waiting = setTimeout(() => { waiting = 0; update(renamed); }, WAIT);
}
expression.addEventListener("input", () => { if (!host.code()) later(true); });
at.addEventListener("input", () => later(false));
document.getElementById("form").addEventListener("submit", event => { event.preventDefault(); update(host.submitted()); });
example.addEventListener("change", () => {
  if (example.value === "") return;
  [, expression.value, at.value] = examples[Number(example.value)];
  update(false);
});
