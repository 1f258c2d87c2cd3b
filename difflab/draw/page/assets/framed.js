// In a notebook's cell, or where the page around it asks, the page tells its frame how high it is. It only grows while
// its width is the same: steps whose words are longer must not make what is below jump to and fro.
function fitFrame() {
  if (document.documentElement.classList.contains("framed")) return;
  const known = Boolean(stage.closest(".framed"));
  document.documentElement.classList.add("framed");
  if (!known) { // the stage has another height in a frame
    startView();
    go(now);
  }
  let tallest = 0, wide = 0;
  const report = () => {
    if (innerWidth !== wide) [tallest, wide] = [0, innerWidth];
    const high = Math.ceil(document.body.getBoundingClientRect().height);
    if (high <= tallest) return;
    tallest = high;
    parent.postMessage({ difflabHeight: high }, "*");
  };
  new ResizeObserver(report).observe(document.body);
  setTimeout(() => { tallest = 0; report(); }, 500); // once more, for a notebook that listens late
}

if (parent !== window) {
  addEventListener("message", event => {
    if (event.source !== parent) return;
    if (event.data?.difflabFits) fitFrame();
    // The notebook's answer: whether it is dark, whatever the system is.
    if (typeof event.data?.difflabDark !== "boolean") return;
    document.documentElement.style.colorScheme = event.data.difflabDark ? "dark" : "light";
    for (const sheet of document.styleSheets)
      for (const rule of sheet.cssRules)
        if (rule.media && (rule.media.mediaText.includes("prefers-color-scheme") || rule.byNotebook)) {
          rule.byNotebook = true;
          rule.media.mediaText = event.data.difflabDark ? "all" : "not all";
        }
  });
  if (location.href === "about:srcdoc") fitFrame();
}
