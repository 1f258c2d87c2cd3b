// The cell in which code is typed, a text of its own for each kind, and the functions that it names.
const box = id => document.getElementById(id);
const editor = { kind: "expression", cells: {}, functions: box("functions"), chosen: box("function") };
const DEFINED = /^(?:async\s+)?(?:def\s+([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*=\s*lambda\b)/gm;

// Code is run when it is asked for, never half typed: `run` is what was asked for last.
editor.cells = { expression: { text: "", at: "" },
  code: { text: HOST.code, at: "", run: HOST.code }, file: { text: "", at: "", run: "" } };
editor.cell = () => editor.cells[editor.kind];

function nameFunctions(text) {
  const names = [...new Set([...text.matchAll(DEFINED)].map(found => found[1] ?? found[2]))];
  const shown = names.filter(name => !name.startsWith("_")), before = editor.chosen.value;
  editor.chosen.replaceChildren(...(shown.length ? shown : names).map(name => new Option(name)));
  editor.chosen.value = names.includes(before) ? before : (shown.length ? shown : names).at(-1) ?? "";
  editor.functions.hidden = names.length < 2;
}
// Another kind: what stands in the controls is kept, and what was there last comes back.
function turnTo(kind) {
  Object.assign(editor.cell(), { text: expression.value, at: at.value });
  editor.kind = kind;
  const cell = editor.cell(), code = kind !== "expression";
  [expression.value, at.value] = [cell.text, cell.at];
  expression.readOnly = kind === "file";
  expression.rows = code ? 6 : 2;
  document.querySelector("label[for=expression]").textContent =
    { expression: "Expression", code: "NumPy code: Ctrl+Enter draws it", file: `${HOST.file}, as it was saved` }[kind];
  box("examples").hidden = code;
  box("program").hidden = !code;
  box("run").hidden = kind === "file";
  document.querySelector(`[name=kind][value=${kind}]`).checked = true;
  nameFunctions(cell.text);
}

// Enter goes on at the same depth, one deeper behind a colon. The browser's own insertion can be undone.
function indented(event) {
  if (event.key !== "Enter" || event.altKey || event.shiftKey || editor.kind === "file") return;
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    return box("form").requestSubmit();
  }
  if (editor.kind !== "code") return;
  event.preventDefault();
  const before = expression.value.slice(0, expression.selectionStart), line = before.slice(before.lastIndexOf("\n") + 1);
  document.execCommand("insertText", false, `\n${/^ */.exec(line)[0]}${/:\s*$/.test(line) ? "    " : ""}`);
}
expression.addEventListener("keydown", indented);
expression.addEventListener("input", () => {
  if (editor.kind !== "code") return;
  nameFunctions(expression.value);
  note(expression.value === editor.cell().run ? "" : "changed: Ctrl+Enter, or the button, draws it");
});
