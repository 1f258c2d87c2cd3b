// A link to what is shown, and the text that the clipboard gets. The fragment of an address is only ever read as numbers
// and as words that are known here; what it says otherwise is left out.
const NUMBER = /^-?\d{1,400}(\.\d{1,400})?(e-?\d{1,4})?$/, MOST_FRAGMENT = 100000;
const asText = x => (Object.is(x, -0) ? "-0" : String(x).replace("e+", "e"));
const numberIn = text => (NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : null);
const wholeIn = (text, low, high) => (/^-?\d{1,6}$/.test(text) && Number(text) >= low && Number(text) <= high ? Number(text) : null);

function fragment() {
  const said = new Map();
  if (live && data.inputs.length) said.set("at", data.inputs.map(k => number(nodes[k].value)).map(x => (Number.isFinite(x) ? asText(x) : "")).join(","));
  said.set("step", now + 1);
  if ($("order")) said.set("order", $("order").value);
  if ($("blocks")) said.set("blocks", $("blocks").value);
  if ($("curve")) said.set("along", plot.input).set("h", $("curve-h").value);
  return [...said].map(([word, value]) => `${word}=${value}`).join("&");
}
// What each word means: it is followed and true returned, or nothing is done.
const WORDS = {
  at: text => {
    const values = text.split(",").map((part, i) => (part === "" && live ? number(nodes[data.inputs[i]]?.value) : numberIn(part)));
    if (!live || values.length !== data.inputs.length || values.includes(null)) return false;
    data.inputs.forEach((k, i) => { nodes[k].value = values[i]; nodes[k].show(); });
    lastGaps = null;
    update();
    return true;
  },
  order: text => choose($("order"), text),
  blocks: text => choose($("blocks"), text),
  along: text => choose($("along"), text),
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
function choose(select, text) {
  if (!select || ![...select.options].some(o => o.value === text)) return false;
  if (select.value !== text) {
    select.value = text;
    select.dispatchEvent(new Event("change"));
  }
  return true;
}
function restore() {
  if (location.hash.length < 2) return;
  if (location.hash.length > MOST_FRAGMENT) return told("The link is too long to be followed.");
  const asked = new URLSearchParams(location.hash.slice(1)), given = Object.keys(WORDS).filter(word => asked.has(word));
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
const pythonNow = () => data.copied.replace(/⟦(\d+)⟧/g, (mark, i) => pythonNumber(number(nodes[data.inputs[i]].value)));

$("copy-link").onclick = () => {
  if (location.protocol === "about:") return told("Here, inside of another page, this page has no address: save it as a file to have a link.");
  const link = location.href.split("#")[0] + "#" + fragment();
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
