// Draws what chatwire has put into this page. All of it is written as text, never as markup.
"use strict";
(async () => {
  const ROW = 24, AHEAD = 10, HUES = 7, LANES_SHARE = 0.4;
  const CLIENT = 0, SERVER = 1;
  const [NUMBER, TIME, OF, SENDER, KIND, LENGTH, MARKS, TEXT, MORE] = Array(9).keys();
  const at = (id) => document.getElementById(id);
  const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

  const packed = Uint8Array.from(atob(at("content").textContent), (letter) => letter.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const picture = await new Response(plain).json();
  const { lanes, rows } = picture;
  const bit = Object.fromEntries(picture.marks.map((name, place) => [name, 1 << place]));
  const many = new Set(lanes.map((lane) => lane.connection)).size > 1;

  const hue = (lane) => (lane.stream ? ((lane.stream >> 1) + 3 * (lane.connection - 1)) % HUES : HUES - 1);
  const name = (lane) => (many ? `#${lane.connection} ` : "") + (lane.stream ? `${lane.stream}` : "connection");

  // Which lanes pass each row, and what their windows are there.
  const passing = rows.map(() => []);
  const until = (lane) => (Math.min(...lane.ends) < 0 ? rows.length - 1 : Math.floor(Math.max(...lane.ends)));
  lanes.forEach((lane, number) => {
    if (lane.shared) return; // there may be thousands: only where it has a frame
    for (let row = lane.begin; row <= until(lane); row++) passing[row].push(number);
  });
  rows.forEach((row, place) => {
    if (lanes[row[OF]].shared) passing[place].push(row[OF]);
  });
  // What both sides may still send on a lane after a row; null where that is not known.
  function left(lane, row) {
    let low = 0, high = lane.windows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lane.windows[middle][0] <= row) low = middle + 1;
      else high = middle;
    }
    return low ? lane.windows[low - 1].slice(1) : null;
  }
  const curved = new Set(lanes.filter((lane) => Math.max(...lane.most) > 0).map((lane) => lane.column));
  // Where lanes are: narrower where they would leave too little of the width for words.
  const places = [];
  let LANE = 28, CURVE = 16, width = 0;
  function measure() {
    const wide = 6 + picture.columns * 38 + curved.size * 20;
    const scale = Math.min(1, (LANES_SHARE * (at("list").clientWidth || 800)) / wide);
    [LANE, CURVE, width] = [28 * scale, 16 * scale, 6];
    for (let column = 0; column < picture.columns; column++) {
      places[column] = width;
      width += 38 * scale + (curved.has(column) ? 20 * scale : 0);
    }
  }

  const words = rows.map((row) => {
    const lane = lanes[row[OF]];
    return `${picture.kinds[row[KIND]]} ${lane.call} ${row[TEXT]} ${row[MORE]}`.toLowerCase();
  });

  // ---- What is shown -----------------------------------------------------------------

  let shown = [];
  let chosen = -1;
  const off = new Set();

  function choose() {
    const wanted = at("search").value.trim().toLowerCase();
    const stream = at("stream").value, sender = at("sender").value;
    shown = [];
    rows.forEach((row, place) => {
      if (off.has(row[KIND])) return;
      if (stream !== "" && row[OF] !== Number(stream)) return;
      if (sender !== "" && row[SENDER] !== Number(sender)) return;
      if (wanted && !words[place].includes(wanted)) return;
      shown.push(place);
    });
    const left = picture.left_out ? `; ${picture.left_out} more are not in this file` : "";
    const all = shown.length === rows.length ? "" : `${shown.length} of `;
    at("about").textContent = `${all}${rows.length} frames, ${lanes.length} lanes${left}`;
    at("sheet").style.height = `${shown.length * ROW}px`;
    draw();
  }

  function draw() {
    const list = at("list");
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - AHEAD);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + AHEAD);
    const drawn = [];
    for (let line = first; line < last; line++) drawn.push(drawRow(shown[line], line));
    at("sheet").replaceChildren(...drawn);
  }

  function drawRow(place, line) {
    const row = rows[place], lane = lanes[row[OF]];
    const bad = row[MARKS] & (bit.reset | bit.lost | bit.fault | bit.wrong);
    const element = make("div", { className: place === chosen ? "row chosen" : "row" });
    element.setAttribute("role", "option");
    element.setAttribute("aria-selected", String(place === chosen));
    element.style.top = `${line * ROW}px`;
    element.onclick = () => open(place);
    const marked = ["trailers", "half-close"].filter((mark) => row[MARKS] & bit[mark] && !row[TEXT].startsWith(mark));
    const kind = make("span", { className: `kind ${bad ? "bad" : `h${hue(lane)}`}` });
    kind.textContent = picture.kinds[row[KIND]];
    const said = make("span", { className: "said" });
    said.append(`${name(lane)} `, kind, ` ${[...marked, row[TEXT]].join("  ")}`);
    const time = make("span", { className: "time", textContent: (row[TIME] / 1e6).toFixed(3) });
    element.append(time, drawLanes(place, row), said);
    return element;
  }

  // ---- Lanes -------------------------------------------------------------------------

  function shape(svg, kind, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    svg.append(element);
  }

  function drawLanes(place, row) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("width", width);
    svg.setAttribute("height", ROW);
    svg.setAttribute("aria-hidden", "true");
    for (const number of passing[place]) drawLane(svg, number, place);
    drawArrow(svg, row);
    return svg;
  }

  function drawLane(svg, number, place) {
    const lane = lanes[number], x = places[lane.column], ink = `h${hue(lane)}`;
    for (const side of [CLIENT, SERVER]) {
      const end = lane.ends[side], line = x + side * LANE;
      if (end >= 0 && end < place) continue;
      const from = place === lane.begin ? ROW / 2 : 0;
      const ends = end === place;
      shape(svg, "path", { class: ink, d: `M${line} ${from}V${ends ? ROW / 2 : ROW}` });
      if (ends && lane.resets[side]) {
        shape(svg, "path", { class: "bad b", d: `M${line - 4} ${ROW / 2 - 4}l8 8m0-8l-8 8` });
      } else if (ends) shape(svg, "path", { class: `${ink} b`, d: `M${line - LANE / 7} ${ROW / 2}h${LANE / 3.5}` });
    }
    const after = left(lane, place), before = left(lane, place - 0.5);
    if (!after) return;
    for (const side of [CLIENT, SERVER]) {
      const most = lane.most[side], ended = lane.ends[side] >= 0 && lane.ends[side] <= place;
      if (after[side] < 0 || !most || ended) continue;
      const zero = x + LANE + 5, now = zero + (CURVE * after[side]) / most;
      const then = before && before[side] >= 0 ? zero + (CURVE * before[side]) / most : null;
      const begin = then === null ? `M${now} ${ROW / 2}` : `M${then} 0V${ROW / 2}H${now}`;
      shape(svg, "path", { class: `${ink} c${side === SERVER ? " d" : ""}`, d: `${begin}V${ROW}` });
      if (!after[side]) shape(svg, "circle", { class: "bad f", cx: zero, cy: ROW / 2, r: 2.5 });
    }
  }

  function drawArrow(svg, row) {
    const lane = lanes[row[OF]], x = places[lane.column], y = ROW / 2;
    const way = row[SENDER] === CLIENT ? 1 : -1, head = Math.min(6, LANE / 2);
    const begin = row[SENDER] === CLIENT ? x : x + LANE, end = begin + way * LANE;
    const ink = row[MARKS] & bit.reset ? "bad" : `h${hue(lane)}`;
    const dashes = row[MARKS] & (bit.reset | bit.lost) ? " d" : "";
    shape(svg, "path", { class: ink + dashes, d: `M${begin + way} ${y}H${end - head * way}` });
    shape(svg, "path", { class: `${ink} f`, d: `M${end - way} ${y}l${-head * way}-3.5v7z` });
    if (row[MARKS] & bit.trailers) {
      shape(svg, "rect", { class: `${ink} f`, x: begin + 7 * way - 3, y: y - 3, width: 6, height: 6 });
    }
  }

  // ---- One frame ---------------------------------------------------------------------

  function open(place) {
    chosen = place;
    const row = rows[place], lane = lanes[row[OF]];
    const who = row[SENDER] === CLIENT ? "client" : "server", windows = left(lane, place);
    at("what").textContent = `${row[NUMBER]}: ${picture.kinds[row[KIND]]} from the ${who}`;
    const facts = [
      `${(row[TIME] / 1e6).toFixed(6)} s, connection ${lane.connection}, stream ${lane.stream}` +
        (lane.call ? ` (${lane.call})` : ""),
      `${row[LENGTH]} bytes`,
      picture.marks.filter((mark) => row[MARKS] & bit[mark]).join(", "),
      windows ? `may still send: client ${size(windows[CLIENT])}, server ${size(windows[SERVER])} bytes` : "",
      row[TEXT],
      "",
      row[MORE],
    ];
    at("more").textContent = facts.filter((fact, number) => fact || number === 5).join("\n");
    at("frame").hidden = false;
    draw();
  }

  const size = (bytes) => (bytes < 0 ? "?" : bytes);

  function step(by) {
    if (!shown.length) return;
    const now = shown.indexOf(chosen);
    const line = now < 0 ? 0 : Math.min(Math.max(now + by, 0), shown.length - 1);
    const list = at("list"), top = line * ROW;
    open(shown[line]);
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    draw();
  }

  at("title").textContent = picture.title;
  lanes.forEach((lane, number) => {
    const text = `${lane.stream ? "stream " : ""}${name(lane)} ${lane.call}`;
    at("stream").append(make("option", { value: String(number), textContent: text.slice(0, 80) }));
  });
  for (const kind of [...new Set(rows.map((row) => row[KIND]))].sort((one, other) => one - other)) {
    const box = make("input", { type: "checkbox", checked: true });
    box.onchange = () => {
      if (box.checked) off.delete(kind);
      else off.add(kind);
      choose();
    };
    const label = make("label");
    label.append(box, ` ${picture.kinds[kind]}`);
    at("kinds").append(label);
  }
  at("filters").onsubmit = (event) => event.preventDefault();
  at("search").oninput = choose;
  at("stream").onchange = choose;
  at("sender").onchange = choose;
  at("close").onclick = () => {
    at("frame").hidden = true;
    chosen = -1;
    draw();
  };
  at("list").onscroll = () => requestAnimationFrame(draw);
  at("list").onkeydown = (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[event.key];
    if (!by) return;
    event.preventDefault();
    step(by);
  };
  addEventListener("resize", () => {
    measure();
    draw();
  });
  measure();
  choose();
})();
