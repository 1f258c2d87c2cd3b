// A link to what is shown, and the text that the clipboard gets. The fragment of an address is only ever read as numbers
// and as words that are known here; what it says otherwise is left out.
const NUMBER = /^-?\d{1,400}(\.\d{1,400})?(e-?\d{1,4})?$/, MOST_FRAGMENT = 100000;
const asText = x => (Object.is(x, -0) ? "-0" : String(x).replace("e+", "e"));
const numberIn = text => (NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : null);
const wholeIn = (text, low, high) => (/^-?\d{1,6}$/.test(text) && Number(text) >= low && Number(text) <= high ? Number(text) : null);

// The entries of an input, one for a single number; where arrays flow, inputs are separated by semicolons.
const entriesOf = k => (OPS ? arr(nodes[k].value).data : [number(nodes[k].value)]), APART = OPS ? ";" : ",";
function setEntries(k, entries) {
  const shape = OPS ? arr(nodes[k].value).shape : [];
  nodes[k].value = shape.length ? new Arr(shape, entries) : entries[0];
  nodes[k].show?.();
}
function fragment() {
  const said = new Map(), written = x => (Number.isFinite(x) ? asText(x) : "");
  if (live && data.inputs.length) said.set("at", data.inputs.map(k => [...entriesOf(k)].map(written).join(",")).join(APART));
  said.set("step", now + 1);
  if ($("order")) said.set("order", $("order").value);
  if ($("blocks")) said.set("blocks", $("blocks").value);
  if ($("curve")) said.set("along", plot.input).set("h", $("curve-h").value);
  return [...said].map(([word, value]) => `${word}=${value}`).join("&");
}
// What each word means: it is followed and true returned, or nothing is done.
const WORDS = {
  at: text => {
    const given = text.split(APART).map(part => (OPS ? part.split(",") : [part]));
    if (!live || given.length !== data.inputs.length) return false;
    const values = data.inputs.map((k, i) => {
      const old = entriesOf(k), fits = given[i].length === old.length;
      return fits ? given[i].map((part, j) => (part === "" ? old[j] : numberIn(part))) : [null];
    });
    if (values.some(entries => entries.includes(null))) return false;
    data.inputs.forEach((k, i) => setEntries(k, values[i]));
    lastGaps = null;
    update();
    return true;
  },
  order: text => select($("order"), text),
  blocks: text => select($("blocks"), text),
  along: text => select($("along"), text),
  h: text => {
    const place = $("curve") ? wholeIn(text, $("curve-h").min, $("curve-h").max) : null;
    if (place === null) return false;
    $("curve-h").value = place;
    showCurve();
    return true;
  },
  step: text => {
    const k = wholeIn(text, 1, steps.length);
    if (k !== null) go(k - 1);
    return k !== null;
  },
};
function select(list, text) {
  if (!list || ![...list.options].some(o => o.value === text)) return false;
  if (list.value !== text) {
    list.value = text;
    list.dispatchEvent(new Event("change"));
  }
  return true;
}
function restore() {
  const fragment = data.asked ?? location.hash.slice(1); // a page around this one may have the link
  if (!fragment) return;
  if (fragment.length > MOST_FRAGMENT) return told("The link is too long to be followed.");
  const asked = new URLSearchParams(fragment), given = Object.keys(WORDS).filter(word => asked.has(word));
  play(false);
  const odd = given.filter(word => !WORDS[word](asked.get(word)));
  if (odd.length || !given.length) told(`The link says something that this page does not know${odd.length ? ` (${odd.join(", ")})` : ""}: it is left out.`);
}

const told = text => write($("shared"), text);
async function copyText(text, what) {
  $("by-hand").hidden = true;
  try {
    await navigator.clipboard.writeText(text);
    told(`${what} is copied.`);
  } catch { // no clipboard, or none that this page may write
    byHand(text, what);
  }
}
function byHand(text, what) {
  const box = $("by-hand");
  box.value = text;
  box.hidden = false;
  box.focus();
  box.select();
  told(`${what} stands selected below: press Ctrl+C, or ⌘C, to copy it.`);
}

const pythonNumber = x => (Number.isFinite(x) ? (Number.isInteger(x) && !String(x).includes("e") ? `${asText(x)}.0` : String(x))
  : `float("${Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf"}")`);
const arrayNumber = x => (Number.isFinite(x) ? pythonNumber(x) : Number.isNaN(x) ? "np.nan" : x > 0 ? "np.inf" : "-np.inf");
// An array as nested lists, from the front of its entries.
const pythonArray = (shape, entries) => (shape.length === 0 ? arrayNumber(entries.shift())
  : `[${Array.from({ length: shape[0] }, () => pythonArray(shape.slice(1), entries)).join(", ")}]`);
function pythonNow() {
  return data.copied.replace(/⟦(\d+)⟧/g, (mark, i) => {
    const k = data.inputs[i], shape = OPS ? arr(nodes[k].value).shape : [];
    return shape.length ? `np.array(${pythonArray(shape, [...entriesOf(k)])})` : pythonNumber(entriesOf(k)[0]);
  });
}

$("copy-link").onclick = () => {
  if (location.protocol === "about:" && !data.address) return told("Here, inside of another page, this page has no address: save it as a file to have a link.");
  const link = (data.address ?? location.href.split("#")[0] + "#") + fragment();
  if (data.address) parent.postMessage({ difflabLink: link }, "*");
  try {
    history.replaceState(null, "", link);
  } catch { /* some browsers refuse it for files */ }
  copyText(link, "The link");
};
if (data.copied) {
  $("copy-python").hidden = false;
  $("copy-python").onclick = () => copyText(pythonNow(), "The program");
}
addEventListener("hashchange", restore);
restore();
