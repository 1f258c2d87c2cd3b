// A link says the expression, and the page in the frame follows the rest of it.
function begin() {
  const words = new URLSearchParams(location.hash.slice(1)), text = words.get("f");
  if (!text && host.opened()) return;
  [, expression.value, at.value] = examples[0];
  if (text && text.length <= MOST_CHARACTERS) {
    expression.value = text;
    at.value = "";
    words.delete("f");
    asked = words.toString();
  }
  update(true);
}
addEventListener("hashchange", () => { if (/[#&]f=/.test(location.hash)) begin(); }); // other places are in this page
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
