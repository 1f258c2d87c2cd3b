// The symbolic method of a page whose expression was typed: its steps come with the data.
const SYMBOLIC = data.symbolic ? (...x) => {
  const v = [];
  for (const [kind, ...rest] of data.symbolic.steps)
    v.push(kind === "c" ? number(rest[0]) : kind === "i" ? x[rest[0]] : Number(FORMS[kind].f(...rest.map(k => v[k]))));
  return data.symbolic.results.map(k => v[k]);
} : null;
if ($("formula-list")) $("formula-list").append(...(data.symbolic?.shown ?? []).map(text => {
  const item = document.createElement("li"), code = item.appendChild(document.createElement("code"));
  code.textContent = text;
  return item;
}));
