// The window of a convolution or a pooling slides over its input by itself, and a frame over what comes out.
function withFrame(map, size, around) {
  const picture = map.querySelector("svg"), [rows, columns] = [picture.viewBox.baseVal.height, picture.viewBox.baseVal.width];
  picture.setAttribute("viewBox", `${-around[1]} ${-around[0]} ${columns + 2 * around[1]} ${rows + 2 * around[0]}`);
  picture.setAttribute("width", 15 * (columns + 2 * around[1]));
  picture.setAttribute("height", 15 * (rows + 2 * around[0]));
  const frame = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  frame.setAttribute("class", "window");
  frame.setAttribute("width", size[1]);
  frame.setAttribute("height", size[0]);
  picture.append(frame);
  return frame;
}
function windowMaps(n) {
  const first = k => heatOf(firstOf(found.values[k])); // of a page that computes
  const { size, stride, padding, before = first(nodes[n].operands[0]), after = first(n) } = nodes[n].window, part = "first image and channel";
  const names = [nodes[nodes[n].operands[0]].name, nodes[n].name];
  const maps = [before, after].map((heat, k) => heatMap(heat, `${names[k]}, ${part}`));
  const frames = [withFrame(maps[0], size, padding), withFrame(maps[1], [1, 1], [0, 0])];
  const [rows, columns] = [after.rows.length, after.rows[0].length];
  const put = k => {
    const i = Math.floor(k / columns), j = k % columns;
    frames[0].style.transform = `translate(${j * stride[1] - padding[1]}px, ${i * stride[0] - padding[0]}px)`;
    frames[1].style.transform = `translate(${j}px, ${i}px)`;
  };
  let k = 0;
  put(k);
  if (!slide.calm()) slide.timer = setInterval(() => put(k = (k + 1) % (rows * columns)), 1200);
  return maps;
}
