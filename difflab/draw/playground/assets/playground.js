// The controls: what is typed is read, evaluated and drawn, and shown by the step-through page in a frame.
const { table: TABLE, examples, page: PAGE, parts: PARTS } = JSON.parse(document.getElementById("data").textContent);
const [expression, at, example, told, pages] = ["expression", "at", "example", "told", "pages"].map(id => document.getElementById(id));
const WAIT = 120; // milliseconds after the last key
let waiting = 0, running = 0, wasm = null, kept = new Map(), coming = null, asked = "";
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
  for (const part of text.split(/[,;]/).filter(p => p.trim())) {
    const [name, ...rest] = part.split("="), value = rest.join("=").trim(), shown = part.trim().slice(0, 80);
    if (/\S\s+[A-Za-z_]\w*\s*=/.test(part)) throw new TextError(`At '${shown}': put a comma between the values, as in x=1, y=2`);
    if (!rest.length || !value) throw new TextError(`At '${shown}': write name=value, as in x=1, y=2`);
    if (!/^[A-Za-z_]\w*$/.test(name.trim())) throw new TextError(`At '${name.trim().slice(0, 80)}' is not a name`);
    if (found.has(name.trim())) throw new TextError(`At gives ${name.trim()} twice`);
    found.set(name.trim(), constantValue(name.trim(), value));
  }
  return found;
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
    if (error instanceof TextError) throw new TextError(`the value of ${name}: ${error.message}`);
    throw error;
  }
}
function constantOf(reading) {
  const values = [];
  for (const n of reading.nodes) values.push(n.constant ? n.value : FORMS[n.operation].f(...n.operands.map(k => values[k])));
  return values[reading.output];
}
const written = point => [...point].map(([name, x]) => `${name}=${Object.is(x, -0) ? "-0" : String(x).replace("Infinity", "inf").replace("NaN", "nan")}`).join(", ");

// The point with the names of the expression: values that are known, and 1 for the others.
function following(reading, given) {
  given.forEach((x, name) => kept.set(name, x));
  return new Map(reading.inputs.map(k => reading.nodes[k].name).map(name => [name, kept.get(name) ?? 1]));
}
function addressOf() {
  return `${location.href.split("#")[0]}#f=${encodeURIComponent(expression.value.trim())}&`;
}

function say(text, box = null) {
  told.textContent = text;
  pages.classList.toggle("stale", Boolean(text));
  for (const control of [expression, at]) control.setAttribute("aria-invalid", String(control === box));
}
async function update(renamed) {
  let box = expression;
  running++;
  const place = examples.findIndex(([, text]) => text === expression.value.trim());
  example.value = place < 0 ? "" : String(place);
  try {
    const reading = new Reading(expression.value);
    box = at;
    let point = pointOf(at.value);
    const names = reading.inputs.map(k => reading.nodes[k].name), same = names.length === point.size && names.every(n => point.has(n));
    if (!same && renamed) {
      point = following(reading, point);
      at.value = written(point);
    } else if (!same) {
      const missing = names.find(n => !point.has(n)), extra = [...point.keys()].find(n => !names.includes(n));
      throw new TextError(missing ? `the point gives no value for ${missing}; write ${missing}=1` :
        `the point names ${extra}; the expression has ${names.join(", ") || "no inputs"}`);
    }
    box = expression;
    await show(new Passes(reading, point));
    say("");
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    say(error.marked, box);
  } finally {
    running--;
  }
}

// The page of an expression comes in a frame of its own, which takes the place of the last one when it is there.
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
  coming?.remove();
  const frame = coming = document.createElement("iframe");
  frame.title = title;
  frame.className = "coming";
  frame.srcdoc = text;
  frame.addEventListener("load", () => {
    if (frame !== coming) return;
    for (const old of pages.querySelectorAll("iframe")) if (old !== frame) old.remove();
    frame.classList.remove("coming");
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
  if (!said.difflab || pages.classList.contains("stale")) return;
  const point = new Map(Object.entries(said.difflab));
  if (![...point].every(([name, x]) => /^\w+$/.test(name) && Number.isFinite(x))) return;
  at.value = written(point);
});
function remember(link) {
  try {
    history.replaceState(null, "", link);
  } catch { /* some browsers refuse it for files */ }
}

function later(renamed) {
  clearTimeout(waiting);
  waiting = setTimeout(() => { waiting = 0; update(renamed); }, WAIT);
}
expression.addEventListener("input", () => later(true));
at.addEventListener("input", () => later(false));
document.getElementById("form").addEventListener("submit", event => { event.preventDefault(); update(false); });
example.addEventListener("change", () => {
  if (example.value === "") return;
  [, expression.value, at.value] = examples[Number(example.value)];
  update(false);
});

// A link says the expression, and the page in the frame follows the rest of it.
function begin() {
  const words = new URLSearchParams(location.hash.slice(1)), text = words.get("f");
  [, expression.value, at.value] = examples[0];
  if (text && text.length <= MOST_CHARACTERS) {
    expression.value = text;
    at.value = "";
    words.delete("f");
    asked = words.toString();
  }
  update(true);
}
addEventListener("hashchange", begin);
begin();
// What tests ask: whether all that was typed is shown; the data of an expression at a point, or what is wrong with it.
window.difflab = {
  still: () => !waiting && !running && coming === null,
  data: (text, values) => {
    try {
      return new Passes(new Reading(text), new Map(Object.entries(values))).data();
    } catch (error) {
      if (!(error instanceof TextError)) throw error;
      return { error: error.marked };
    }
  },
};
