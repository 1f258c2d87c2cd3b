// What the server adds to the playground: what is Python's is drawn there, judged, proven and simplified.
const me = Array.from(crypto.getRandomValues(new Uint8Array(12)), b => b.toString(16).padStart(2, "0")).join("");
const FOLLOWING = ["comparison", "curve"], ASKED = ["certificate", "simplified"], LOOK = 500; // milliseconds
let round = 0, asking = new AbortController(), followed = 0, version = "";

// Whatever comes back, the answer is an object with what is shown or with an error and its kind.
async function ask(part) {
  const cell = editor.cell(), code = editor.kind !== "expression";
  const question = { part, expression: editor.kind === "file" ? "" : code ? cell.run : expression.value, at: at.value,
    page: me, round, kind: editor.kind, function: code ? editor.chosen.value : "" };
  return answer("/answer", { method: "POST", body: JSON.stringify(question), signal: asking.signal });
}
async function answer(address, request) {
  try {
    const headers = { "content-type": "application/json", "x-difflab-token": HOST.token };
    return await (await fetch(address, { headers, ...request })).json();
  } catch {
    return { kind: "lost", error: "no answer: is difflab lab still running? Press Enter to ask again" };
  }
}
// A newer round drops what was asked before, here and there.
function newRound() {
  asking.abort();
  asking = new AbortController();
  clearTimeout(followed);
  [...FOLLOWING, ...ASKED].forEach(part => mark(part, Boolean(box(part).firstChild)));
  return ++round;
}

// The last good answer stays, and why it is not the one asked for stands above it.
function mark(part, stale, why = "", bad = Boolean(why)) {
  const section = box(part).closest("section"), told = section.querySelector(".why");
  section.classList.toggle("stale", stale);
  told.textContent = why;
  told.classList.toggle("bad", bad);
}
// What is no error is said in another tone.
function note(text) {
  told.textContent = text;
  told.classList.toggle("note", Boolean(text));
}
async function fill(part) {
  const mine = round, found = await ask(part);
  if (mine !== round) return;
  if (found.html !== undefined) box(part).innerHTML = found.html;
  mark(part, found.html === undefined && Boolean(box(part).firstChild), found.error ?? "");
}
// The parts that follow the drawing come one after the other, the fastest first.
async function follow() {
  const mine = round;
  for (const part of FOLLOWING) if (mine === round) await fill(part);
}
for (const button of document.querySelectorAll("[data-part]")) button.addEventListener("click", async () => {
  mark(button.dataset.part, Boolean(box(button.dataset.part).firstChild), "computing", false);
  await fill(button.dataset.part);
});

// The drawing that Python makes; the point follows the names of what is new.
async function drawnByPython(renamed) {
  const mine = round, title = titleNow(), slow = setTimeout(() => note("Python computes"), 300), found = await ask("page");
  clearTimeout(slow);
  if (mine !== round) return;
  told.classList.remove("note");
  if (found.at !== undefined && renamed) {
    rewrite(found.at);
    await drawnByPython(false);
  } else if (found.error) {
    throw Object.assign(new TextError(found.error.replace(/^--at\b/, "At")), { box: OF_POINT.test(found.error) ? at : expression });
  } else bring(title, { src: found.page, sandbox: "allow-scripts" });
}
const OF_POINT = /^(the point|At|--at|the value of)\b/; // how errors about the point begin
const titleNow = () => `Forward and backward pass of ${editor.kind === "expression" ? expression.value.trim().replace(/\s+/g, " ") : editor.chosen.value}`;

// The file: looked at again and again, for nobody tells when it is saved.
async function watch() {
  const found = await answer(`/file?known=${encodeURIComponent(version)}`);
  if (found.text !== undefined) {
    version = found.version;
    Object.assign(editor.cells.file, { text: found.text, run: found.text });
    if (editor.kind === "file") {
      expression.value = found.text;
      nameFunctions(found.text);
      update(true);
    }
  } else if (found.error && editor.kind === "file" && found.kind !== "lost" && version !== "") {
    version = "";
    say(found.error, expression);
  }
  setTimeout(watch, LOOK);
}

Object.assign(host, {
  draw: drawnByPython,
  opened() {
    if (!HOST.file) return false;
    [, expression.value, at.value] = examples[0]; // for who turns to an expression
    turnTo("file");
    return true;
  },
  code: () => editor.kind !== "expression",
  submitted() {
    if (editor.kind !== "code") return false;
    editor.cell().run = expression.value;
    return true;
  },
  begun: newRound,
  drawn: follow,
  moved() {
    newRound();
    followed = setTimeout(follow, 350);
  },
});
for (const radio of document.querySelectorAll("[name=kind]")) radio.addEventListener("change", () => {
  turnTo(radio.value);
  update(true);
});
editor.chosen.addEventListener("change", () => update(true));
addEventListener("hashchange", () => { if (/[#&]f=/.test(location.hash)) turnTo("expression"); });
if (HOST.file) watch();
