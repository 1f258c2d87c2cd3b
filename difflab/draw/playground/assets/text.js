// A text of the language: what is refused before it is read, where an error stands, and the tokens.
const MOST_CHARACTERS = 20000, MOST_DEPTH = 150, AROUND = 60;
const TOO_DEEP = "the expression is nested too deeply to be read", MISPLACED = "something is missing or misplaced here";
const BESIDE = "two values stand side by side; write a product as a*b, and what a function gives as f(a)";
// What to type for a sign, and the sign's name.
const TYPED = { "−": ["-", "MINUS SIGN"], "×": ["*", "MULTIPLICATION SIGN"], "·": ["*", "MIDDLE DOT"], "÷": ["/", "DIVISION SIGN"],
  "²": ["**2", "SUPERSCRIPT TWO"], "³": ["**3", "SUPERSCRIPT THREE"], "π": ["pi", "GREEK SMALL LETTER PI"], "√": ["sqrt()", "SQUARE ROOT"],
  "–": ["-", "EN DASH"] };

class TextError extends Error {
  constructor(message, text = "", start = null, length = 1) {
    super(message);
    this.start = start;
    this.marked = start === null ? message : `${message}\n${marked(text, Math.max(0, Math.min(start, text.length)), length)}`;
  }
}
// The line around a place, with carets below it.
function marked(text, start, length) {
  const left = text.lastIndexOf("\n", start - 1) + 1, right = text.indexOf("\n", start);
  const line = text.slice(left, right < 0 ? text.length : right), column = start - left, cut = Math.max(0, column - AROUND);
  const shown = line.slice(cut, column + AROUND).replace(/[\t\r]/g, " ");
  const before = cut > 0 ? "…" : "", after = column + AROUND < line.length ? "…" : "";
  const carets = "^".repeat(Math.max(1, Math.min(length, shown.length - (column - cut))));
  return `  ${before}${shown}${after}\n  ${" ".repeat(before.length + column - cut)}${carets}`;
}

// Refuses what no expression holds; comments become spaces.
function checked(given) {
  if (!given.trim()) throw new TextError("the expression is empty; write one such as (x + y) * z");
  if (given.length > MOST_CHARACTERS)
    throw new TextError(`the expression has ${given.length} characters; the limit is ${MOST_CHARACTERS}`);
  const text = given.replace(/#[^\n]*/g, found => " ".repeat(found.length));
  [...text].reduce((k, c) => {
    if (c.codePointAt(0) > 126 || (c < " " && !"\t\n\r".includes(c))) throw new TextError(strange(c), text, k);
    if ("\"'`".includes(c)) throw new TextError("strings are not part of the language", text, k);
    return k + c.length;
  }, 0);
  checkBrackets(text);
  return text.split("\n").some(line => /^[ \t]/.test(line)) ? text.split("\n").map(line => line.trim()).join("\n") : text;
}
function strange(c) {
  const code = `U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  if (TYPED[c]) return `the character ${c} (${code} ${TYPED[c][1]}) is not part of the language: type ${TYPED[c][0]}`;
  return `the character${c < " " ? "" : ` ${c}`} (${code}) is not an ASCII letter or sign; type the ASCII one`;
}
function checkBrackets(text) {
  const open = [], closing = { ")": "(", "]": "[" };
  let run = 0;
  [...text].forEach((c, k) => {
    if (c === "(" || c === "[") {
      open.push([c, k]);
      if (open.length > MOST_DEPTH) throw new TextError(`more than ${MOST_DEPTH} brackets stand in each other`, text, k);
    } else if (closing[c]) {
      if (open.at(-1)?.[0] !== closing[c]) throw new TextError(`this ${c} closes nothing`, text, k);
      open.pop();
    } else if (c === "{" || c === "}")
      throw new TextError(`${c} is not part of the language; vectors are written [1, 2]`, text, k);
    run = "+-~".includes(c) ? run + 1 : /\s/.test(c) ? run : 0;
    if (run > MOST_DEPTH) throw new TextError(`more than ${MOST_DEPTH} signs in a row`, text, k);
  });
  if (open.length) throw new TextError(`this ${open.at(-1)[0]} is not closed`, text, open.at(-1)[1]);
}

const TOKEN = /([ \t\f]+)|(\r?\n|\r)|(0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*)?\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*(?:\.(?:[eE][+-]?\d+)?|[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*=|\/\/=|>>=|<<=|\*\*|\/\/|<<|>>|<=|>=|==|!=|:=|->|[-+*\/%@&|^]=|\.\.\.|[-+*\/%@&|^~<>=()[\],.:;])/y;
const KEYWORDS = new Set(("False None True and as assert async await break class continue def del elif else except finally for " +
  "from global if import in is lambda nonlocal not or pass raise return try while with yield").split(" "));

// Whether two values stand side by side at a place.
function beside(text, at) {
  const before = /(\w+|[)\]])[ \t]+$/.exec(text.slice(Math.max(at - 200, 0), at)), after = /^\w+/.exec(text.slice(at));
  return Boolean(before && after) && !KEYWORDS.has(before[1]) && !KEYWORDS.has(after[0]);
}
// Tokens with their places; lines end statements outside of brackets alone.
function tokens(text) {
  const found = [];
  let depth = 0, at = 0;
  const misplaced = k => new TextError(`this is not an expression: ${MISPLACED}`, text, k);
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw misplaced(at);
    const [whole, space, line, number, name, sign] = match, end = at + whole.length;
    if (number !== undefined) {
      const imaginary = /^[jJ](?!\w)/.test(text.slice(end));
      if (imaginary) {
        found.push({ kind: "number", text: whole + "j", start: at, end: end + 1 });
        at = end + 1;
        continue;
      }
      if (/__|_$|_[.eE]/.test(whole) || /[A-Za-z_]/.test(text[end] ?? "") && !/^(and|or|if|else|in|is|not)\b/.test(text.slice(end)))
        throw new TextError(`this is not an expression: ${/^0[xX]/.test(whole) ? "invalid hexadecimal literal" :
          "a number and a name stand side by side; write a product as 2*x"}`, text, end - 1);
      found.push({ kind: "number", text: whole, start: at, end });
    } else if (name !== undefined) found.push({ kind: KEYWORDS.has(name) ? "sign" : "name", text: name, start: at, end });
    else if (sign !== undefined) {
      depth += "([".includes(sign) ? 1 : ")]".includes(sign) ? -1 : 0;
      found.push({ kind: "sign", text: sign, start: at, end });
    } else if (line !== undefined && !depth && found.length && found.at(-1).text !== "\n") found.push({ kind: "sign", text: "\n", start: at, end: at });
    at = end;
  }
  if (found.length && found.at(-1).text !== "\n") found.push({ kind: "sign", text: "\n", start: text.length, end: text.length });
  return [...found, { kind: "end", text: "", start: text.length, end: text.length }];
}
