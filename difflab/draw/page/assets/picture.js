// What is shown as a picture that stands alone: the drawing at this step with its styles as attributes, and its sentence.
const STYLES = { fill: "rgb(0, 0, 0)", stroke: "none", "stroke-width": "1px", "stroke-dasharray": "none", "font-size": "",
  "font-weight": "400", "text-anchor": "start", "stop-color": "rgb(0, 0, 0)", "marker-start": "none", "marker-end": "none" };
const ROOM = 20, LARGE = 8000; // around the drawing; the most pixels of a side

function styled(element) {
  if (element.nodeType === Node.TEXT_NODE) return element.cloneNode();
  const style = getComputedStyle(element), copy = element.cloneNode(false), inDefs = element.closest("defs");
  if (!inDefs && (style.display === "none" || style.visibility === "hidden")) return null;
  for (const { name } of [...copy.attributes]) if (/^(class|style|role|tabindex|aria-.*|data-.*)$/.test(name)) copy.removeAttribute(name);
  if (style.opacity !== "1") copy.setAttribute("opacity", style.opacity);
  if (element.tagName !== "g") for (const [name, plain] of Object.entries(STYLES)) {
    const value = style.getPropertyValue(name), about = name.startsWith("font") || name === "text-anchor";
    if (value !== plain && (!about || element.tagName === "text")) copy.setAttribute(name, value);
  }
  copy.append(...[...element.childNodes].map(styled).filter(Boolean));
  return copy;
}
// All boxes, also those that are out of sight.
function reveal() {
  for (const part of parts) {
    part.seen = true;
    part.el.classList.remove("unseen");
  }
  mark(svg, "far-off", false);
  go(now);
  mark(svg, "far", false); // small equations are read on paper and in copies whatever the window's zoom is
  for (const { el } of smallOnes) el.classList.remove("unseen");
}
// The sentence in lines of at most this width; its roles keep their colours.
function sentenceLines(width, font) {
  const pen = make("canvas").getContext("2d"), lines = [[]];
  pen.font = font;
  let used = 0;
  for (const piece of $("say").childNodes) {
    const fill = getComputedStyle(piece.nodeType === Node.TEXT_NODE ? $("say") : piece).color;
    for (const word of piece.textContent.match(/\s*\S+\s*/g) || []) {
      const long = pen.measureText(word).width;
      if (used && used + long > width) { lines.push([]); used = 0; }
      lines[lines.length - 1].push([word, fill]);
      used += long;
    }
  }
  return lines;
}
function pictureNow() {
  reveal();
  const drawn = svg.firstElementChild, box = drawn.getBBox(), { color, fontFamily } = getComputedStyle(document.body);
  const width = Math.ceil(Math.max(box.width, 460)), lines = sentenceLines(width, `16px ${fontFamily}`), top = 44;
  const height = Math.ceil(top + box.height + 18 + 23 * lines.length), left = (width - box.width) / 2;
  const copy = styled(drawn);
  copy.setAttribute("transform", `translate(${left - box.x} ${top - box.y})`);
  const text = (y, given, ...children) => shape("text", { x: 0, y, fill: color, ...given }, ...children);
  const root = shape("svg", { viewBox: `${-ROOM} ${-ROOM} ${width + 2 * ROOM} ${height + 2 * ROOM}`, width: width + 2 * ROOM,
    height: height + 2 * ROOM, "font-family": fontFamily },
    shape("title", {}, `${document.title}. ${$("say").textContent}`),
    shape("rect", { x: -ROOM, y: -ROOM, width: width + 2 * ROOM, height: height + 2 * ROOM, fill: getComputedStyle(stage).backgroundColor }),
    text(16, { "font-size": "17px", "font-weight": "700" }, document.title.slice(0, Math.floor(width / 8))), copy,
    ...lines.map((words, i) => text(top + box.height + 34 + 23 * i, { "font-size": "16px" }, ...words.map(([word, fill]) =>
      shape("tspan", { fill }, word.replaceAll(" ", "\u00a0"))))));
  look();
  return root;
}
const svgText = () => new XMLSerializer().serializeToString(pictureNow());

// The same on a canvas. The policy admits no images, so the shapes are drawn one by one; in a shadow the page's styles
// do not reach them.
function canvasNow() {
  const root = pictureNow(), host = make("div", { className: "off" });
  const [w, h] = [Number(root.getAttribute("width")), Number(root.getAttribute("height"))], scale = Math.min(2, LARGE / Math.max(w, h));
  host.attachShadow({ mode: "open" }).append(root);
  document.body.append(host);
  const canvas = make("canvas", { width: Math.ceil(w * scale), height: Math.ceil(h * scale) }), pen = canvas.getContext("2d");
  for (const element of root.querySelectorAll("rect, path, polygon, line, circle, text")) {
    if (element.closest("defs")) continue;
    const { a, b, c, d, e, f } = element.getCTM();
    pen.setTransform(scale * a, scale * b, scale * c, scale * d, scale * e, scale * f);
    pen.globalAlpha = 1;
    for (let g = element; g !== root; g = g.parentNode) pen.globalAlpha *= Number(g.getAttribute("opacity") ?? 1);
    if (element.tagName === "text") penText(pen, element);
    else penShape(pen, element, root);
  }
  host.remove();
  return canvas;
}
const given = (element, name) => element.closest(`[${name}]`)?.getAttribute(name);
function penText(pen, element) {
  pen.font = `${given(element, "font-weight") ?? 400} ${given(element, "font-size")} ${given(element, "font-family")}`;
  for (const part of element.children.length ? element.children : [element]) {
    if (!part.getNumberOfChars()) continue;
    const { x, y } = part.getStartPositionOfChar(0);
    pen.fillStyle = given(part, "fill") ?? "#000";
    pen.fillText(part.textContent, x, y);
  }
}
function outlineOf(element) {
  const at = name => Number(element.getAttribute(name) ?? 0), path = new Path2D();
  if (element.tagName === "rect") path.roundRect(at("x"), at("y"), at("width"), at("height"), at("rx"));
  else if (element.tagName === "circle") path.arc(at("cx"), at("cy"), at("r"), 0, 7);
  else if (element.tagName === "line") { path.moveTo(at("x1"), at("y1")); path.lineTo(at("x2"), at("y2")); }
  else return new Path2D(element.getAttribute("d") ?? `M${element.getAttribute("points")}Z`);
  return path;
}
function penShape(pen, element, root) {
  const path = outlineOf(element), [fill, stroke] = [element.getAttribute("fill") ?? "#000", element.getAttribute("stroke") ?? "none"];
  if (fill !== "none") {
    pen.fillStyle = fill;
    pen.fill(path);
  }
  if (stroke === "none") return;
  const gradient = stroke.startsWith("url") ? root.querySelector(`#${stroke.match(/#([\w-]+)/)[1]}`) : null;
  pen.strokeStyle = gradient ? penGradient(pen, gradient) : stroke;
  pen.lineWidth = parseFloat(element.getAttribute("stroke-width") ?? 1);
  pen.setLineDash(element.getAttribute("pathLength") ? [] : (element.getAttribute("stroke-dasharray") ?? "").match(/[\d.]+/g)?.map(Number) ?? []);
  pen.stroke(path);
  if (element.getAttribute("marker-start")) penArrow(pen, element, [0, 1], 0.4 * pen.lineWidth, "M-9 -5L1 0L-9 5z");
  const end = element.getAttribute("marker-end") && element.getTotalLength();
  if (end) penArrow(pen, element, [end, end - 1], 1, "M0 -3L7.6 0L0 3z");
}
function penGradient(pen, element) {
  const made = pen.createLinearGradient(...["x1", "y1", "x2", "y2"].map(name => Number(element.getAttribute(name))));
  for (const stop of element.children) made.addColorStop(Number(stop.getAttribute("offset")), stop.getAttribute("stop-color") ?? "#000");
  return made;
}
// An arrowhead at the end of a wire, as its marker draws it: where a value or, of finished ones, an adjoint arrives.
function penArrow(pen, element, places, size, head) {
  const [end, near] = places.map(at => element.getPointAtLength(at));
  pen.translate(end.x, end.y);
  pen.rotate(Math.atan2(end.y - near.y, end.x - near.x));
  pen.scale(size, size);
  pen.fillStyle = pen.strokeStyle;
  pen.fill(new Path2D(head));
}

// Files go where the browser saves them; a page inside of another may save none, and shows what it has.
const confined = window.origin === "null" && location.protocol !== "file:";
function save(blob, ending) {
  const name = (document.title.replace(/[^\w]+/g, "-").replace(/^-|-$/g, "").slice(0, 60) || "graph") + ending, href = URL.createObjectURL(blob);
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
  told(`Saved as ${name}.`);
}
function showPicture(canvas) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", document.title);
  $("by-hand-picture").replaceChildren(canvas);
  told("The picture stands below: a right click on it copies or saves it.");
}
const pngOf = canvas => new Promise(resolve => canvas.toBlob(resolve, "image/png"));
async function copyPng() {
  const canvas = canvasNow();
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": pngOf(canvas) })]);
    told("The picture is copied.");
  } catch { // as with texts
    showPicture(canvas);
  }
}
$("copy-svg").onclick = () => copyText(svgText(), "The SVG");
$("save-svg").onclick = () => (confined ? byHand(svgText(), "The SVG") : save(new Blob([svgText()], { type: "image/svg+xml" }), ".svg"));
$("copy-png").onclick = copyPng;
$("save-png").onclick = async () => {
  const canvas = canvasNow();
  if (confined) showPicture(canvas);
  else save(await pngOf(canvas), ".png");
};
