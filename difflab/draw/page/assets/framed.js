// In a notebook's cell the page tells its frame how high it is. It only grows while its width is the same: steps whose
// words are longer must not make the cells below jump to and fro.
if (location.href === "about:srcdoc" && parent !== window) {
  document.documentElement.classList.add("framed");
  let tallest = 0, wide = 0;
  const report = () => {
    if (innerWidth !== wide) [tallest, wide] = [0, innerWidth];
    const high = Math.ceil(document.body.getBoundingClientRect().height);
    if (high <= tallest) return;
    tallest = high;
    parent.postMessage({ difflabHeight: high }, "*");
  };
  new ResizeObserver(report).observe(document.body);
  // The notebook's answer: whether it is dark, whatever the system is.
  addEventListener("message", event => {
    if (event.source !== parent || typeof event.data?.difflabDark !== "boolean") return;
    document.documentElement.style.colorScheme = event.data.difflabDark ? "dark" : "light";
    for (const sheet of document.styleSheets)
      for (const rule of sheet.cssRules)
        if (rule.media && (rule.media.mediaText.includes("prefers-color-scheme") || rule.byNotebook)) {
          rule.byNotebook = true;
          rule.media.mediaText = event.data.difflabDark ? "all" : "not all";
        }
  });
  setTimeout(() => { tallest = 0; report(); }, 500); // once more, for a notebook that listens late
}
