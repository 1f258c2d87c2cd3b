// The way back on the drawing: the active wire turns round, its equation on a card beside it, finished ones in small.
const SVG = "http://www.w3.org/2000/svg", MOST_EQUATIONS = 150, NARROW = 600, MARGIN = 66; // room above and below for a card
const ARROW = 7; // points from the end of a wire's line to the tip of its arrowhead
let layer = null, shownFlow = null, smallOnes = []; // the small equations that are drawn: { el, spot }

function shape(tag, given = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(given)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
// What a step says in four roles: [text, role], the role also the class that colours it.
const arrived = flow => [["∂ " + brief(flow.down), "down"]];
const equation = flow => (flow.closed ? arrived(flow) : flow.local === null ? inCall(flow) :
  [[brief(flow.up), "up"], [" × ", ""], [brief(flow.local), "local"], [" = ", ""], [brief(flow.down), "down"]]);
// What is linear has no factor: the upstream stands in the call that sends it back, as the program writes it.
const MOST_THROUGH = 40; // characters
function inCall(flow) {
  const up = brief(flow.up), down = brief(flow.down), code = program.back[flow.k].split("⟦u⟧");
  const [before, after] = code.length === 2 && code.join(up).length + down.length <= MOST_THROUGH ? code :
    [inNames(edges[flow.k].formula, edges[flow.k].t) + "(", ")"];
  return [[before, "local"], [up, "up"], [after, "local"], [" = ", ""], [down, "down"]].filter(([text]) => text);
}
// Of an array no more than its shape, or a few numbers.
const brief = x => (x instanceof Object && OPS ? (x.data.length <= 3 && x.shape.length === 1 ? fmt(x) : shapeText(x.shape)) : fmt(x));
// Spaces that begin or end a piece would be dropped in SVG.
const spans = pieces => pieces.map(([text, role]) => {
  const span = shape("tspan", role ? { class: role } : {});
  span.textContent = text.replaceAll(" ", "\u00a0");
  return span;
});

// Once for each drawing: a layer on top, and where nothing may be covered.
function bindFlow() {
  if (!svg.dataset.room && data.backward) {
    const [x, y, w, h] = numbersIn(svg.getAttribute("viewBox")), margin = h > w ? 6 : MARGIN; // beside wires that go down
    svg.dataset.room = margin;
    svg.setAttribute("viewBox", `${x} ${y - margin} ${w} ${h + 2 * margin}`);
    const arrow = shape("marker", { id: "arrived", viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 4, markerHeight: 4,
      orient: "auto-start-reverse" }, shape("path", { d: "M0 0 L10 5 L0 10z" }));
    svg.firstElementChild.append(shape("defs", {}, arrow), shape("g", { class: "flow" }));
  }
  layer = svg.querySelector(".flow");
  shownFlow = null;
  obstacles = parts.filter(p => p.el.classList.contains("node"));
  wirePoints.clear();
  for (const wire of wires) {
    const path = wire.el.querySelector("path");
    wire.path = path;
    wire.there = wire.el.there ??= path.getAttribute("d");
    path.setAttribute("d", wire.there); // one that was bound before may have turned round
    const points = wire.points = pointsOf(wire.there), length = wire.length = points.at(-1).at;
    const end = points.at(-1), near = pointAt(points, length - 1);
    const tip = { x: end.x + ARROW * (end.x - near.x), y: end.y + ARROW * (end.y - near.y) };
    wire.back = `${wire.there} L${tip.x} ${tip.y}`; // to the sender's edge, without an arrowhead
    [...points, tip].forEach(addPoint);
  }
  for (const path of svg.querySelectorAll(".wire:not([data-e]) > path")) pointsOf(path.getAttribute("d")).forEach(addPoint);
}

// Finished equations in small, then the active wire and its card.
function paintFlow({ known, step, flow }) {
  if (!layer) return;
  const taken = [];
  smallOnes = [];
  if (wires.length <= MOST_EQUATIONS) for (const wire of wires) {
    const flows = wire.edges.map(i => known.flowed.get(i)).filter(Boolean);
    if (!wire.frame.seen || flows.length !== 1 || wire.edges.includes(step.k) && flow) continue;
    const text = shape("text", { class: "small-equation" }, ...spans(flows[0].local === null ? arrived(flows[0]) : equation(flows[0])));
    const width = 7.1 * text.textContent.length + 4;
    if (!(wire.tried >= width) || wire.spot && taken.some(o => meet(wire.spot, o, 2))) {
      wire.spot = [inSight, inDrawing].reduce((found, where) => found || freePlace(wire, width, 15, 60, taken, 4, where), null);
      wire.tried = width;
    }
    if (!wire.spot) continue;
    taken.push(wire.spot);
    text.setAttribute("x", wire.spot.x + wire.spot.width / 2);
    text.setAttribute("y", wire.spot.y + 12);
    smallOnes.push({ el: text, spot: wire.spot });
  }
  hideCut();
  const wire = flow && wireOf[step.k], again = shownFlow === step.k;
  shownFlow = wire ? step.k : null;
  layer.replaceChildren(...smallOnes.map(o => o.el), ...(wire ? activeWire(wire, again) : []));
  const lines = flow && cardLines(step, flow), shown = wire ? card(wire, lines, flow, taken) : [];
  layer.append(...shown);
  // A projector shows nothing else with these numbers: where the drawing has no room they stand above the sentence.
  $("docked").replaceChildren(...(shown.length || !lines ? [] : lines.map(line => make("div", {}, ...htmlSpans(line)))));
}
// A small equation that the edge of the stage would cut is left out until it is in sight.
function hideCut() {
  for (const { el, spot } of smallOnes) mark(el, "unseen", !inSight(spot));
}
// In another view there is other room.
function forgetPlaces() {
  for (const wire of wires) wire.tried = 0;
}
// From the output to the input: the forward path begins at the receiver, so it is drawn from its end.
function activeWire(wire, again) {
  const [head, tail, near] = wire.ends ??= [0, wire.length, Math.min(14, wire.length)].map(at => pointAt(wire.points, at));
  const turn = Math.atan2(head.y - near.y, head.x - near.x) * 180 / Math.PI;
  const fade = shape("linearGradient", { id: "upstream-downstream", gradientUnits: "userSpaceOnUse",
    x1: tail.x, y1: tail.y, x2: head.x, y2: head.y + 0.01 },
    shape("stop", { offset: 0, class: "up" }), shape("stop", { offset: 1, class: "down" }));
  const calm = again || slide.calm() ? "" : " moving";
  return [shape("defs", {}, fade),
    shape("path", { class: "back" + calm, d: wire.back, pathLength: 1, stroke: "url(#upstream-downstream)" }),
    shape("polygon", { class: "head" + calm, points: "1,0 -13,-8 -13,8", transform: `translate(${head.x} ${head.y}) rotate(${turn})` })];
}
// Measured outside of the drawing, which would be laid out for it.
const ruler = document.createElement("canvas").getContext("2d");
function widthOf(text, font) {
  ruler.font = `${font} Helvetica, Arial, "DejaVu Sans", sans-serif`;
  return ruler.measureText(text).width;
}
// In a narrow window the drawing moves aside for the card, where card, sender and receiver fit into it.
function broughtIntoSight(spot, flow) {
  const frames = [spot, frameOf(flow.s), frameOf(flow.t)];
  if (!frames.every(Boolean)) return null;
  const spread = (from, by) => Math.max(...frames.map(f => f[from] + f[by])) - Math.min(...frames.map(f => f[from]));
  if (spread("x", "width") + 16 > size.w / view.scale || spread("y", "height") + 16 > size.h / view.scale) return null;
  follow(...frames);
  return inSight(spot) ? spot : null;
}
// Looked for again only where the numbers are wider or the view is another: a slider that is dragged asks in each frame.
function cardPlace(wire, width, height, taken, flow) {
  const key = () => [width, view.x, view.y, view.scale, size.w, size.h].join(), known = wire.card;
  if (known?.key === key() && (known.over || !taken.some(o => meet(known.spot, o, 2)))) return known.spot;
  const place = (taken, where) => freePlace(wire, width, height, 240, taken, 5, where);
  const clear = place(taken, inSight), spot = clear || place([], inSight) || broughtIntoSight(place([], () => true), flow);
  wire.card = { key: key(), spot, over: !clear };
  return spot;
}
// The two lines of a card: the numbers, and what they are.
function cardLines(step, flow) {
  const local = step.local === null || step.closed ? null : inNames(flow.formula, flow.t);
  const partial = `∂${nodes[flow.t].name}/∂${nodes[flow.s].name}`;
  const named = local && local !== fmt(step.local) && local.length + partial.length < 26 && size.w > NARROW ? `local ${partial} = ${local}` : "local";
  const short = step.closed || step.local === null && size.w <= NARROW; // what arrives, where there is no room for the call
  const note = short ? [["downstream", "down"]] : local === null ?
    [["upstream", "up"], [" through ", ""], ["local", "local"], [" = ", ""], ["downstream", "down"]] :
    [["upstream", "up"], [" × ", ""], [named, "local"], [" = ", ""], ["downstream", "down"]];
  return [short ? arrived(step) : equation(step), note];
}
function card(wire, [numbers, note], flow, taken) {
  const lines = [shape("text", { class: "equation" }, ...spans(numbers)), shape("text", { class: "note" }, ...spans(note))];
  const group = shape("g", { class: "card" }, ...lines);
  const wanted = Math.max(widthOf(lines[0].textContent, "600 19px"), widthOf(lines[1].textContent, `${Math.max(13, view.least)}px`)) + 24;
  const width = 16 * Math.ceil(wanted / 16), height = 48, spot = cardPlace(wire, width, height, taken, flow);
  if (!spot) return []; // the sentence below says it all the same
  group.setAttribute("transform", `translate(${spot.x} ${spot.y})`);
  lines.forEach((line, k) => { line.setAttribute("x", width / 2); line.setAttribute("y", [21, 39][k]); });
  group.prepend(shape("rect", { width, height, rx: 9 }));
  return [group];
}
