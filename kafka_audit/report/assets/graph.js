
"use strict";
(() => {
  const { nodes, edges } = JSON.parse(document.getElementById("data").textContent);
  const box = document.getElementById("search");
  const count = document.getElementById("count");
  const picture = document.getElementById("picture");
  const items = new Map([...document.querySelectorAll("[data-node]")].map((each) => [Number(each.dataset.node), each]));
  const KINDS = [["file", "Files"], ["hook", "Hooks"], ["function", "Functions"], ["owner", "Owners"],
    ["producer", "Producers"]];
  const WIDE = 220, HIGH = 40, GAP = 16, BETWEEN = 110, TOP = 34, EDGE = 50;

  const textOf = (node) => `${node.kind} ${node.label} ${node.detail} ${node.path}:${node.line}`.toLowerCase();
  const texts = new Map(nodes.map((node) => [node.number, textOf(node)]));
  const nameOf = (node) => node.kind === "file" ? node.path.split("/").pop() : node.label;
  const placeOf = (node) => node.kind === "file" ? node.path : `${node.path}:${node.line}`;
  const short = (text, most) => [...text].length > most ? "\u2026" + [...text].slice(1 - most).join("") : text;

  /* Edges between the same two nodes are drawn as one. */
  const lines = [...edges.reduce((all, { source, target, verb, path, line }) => {
    const key = `${source} ${target}`, where = `${verb}, ${path}:${line}`, before = all.get(key);
    return all.set(key, before ? { ...before, verb: `${before.verb}, ${verb}`, title: `${before.title}\n${where}` }
      : { source, target, verb, title: where });
  }, new Map()).values()];
  const joined = new Map(nodes.map((node) => [node.number, []]));
  for (const { source, target } of lines) {
    joined.get(source).push(target);
    joined.get(target).push(source);
  }

  /* What the words find, and what stands next to it. */
  function found(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = new Set(nodes.map((n) => n.number).filter((n) => words.every((w) => texts.get(n).includes(w))));
    const kept = new Set(matches);
    for (const number of matches) joined.get(number).forEach((other) => kept.add(other));
    return { matches, kept, all: words.length === 0 };
  }

  function element(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /* A column for each kind that is there; in a column, what is joined with the columns before stands at their height. */
  function placed(kept) {
    const at = new Map();
    let x = EDGE, height = 0;
    const heads = [];
    for (const [kind, title] of KINDS) {
      const column = nodes.filter((node) => node.kind === kind && kept.has(node.number));
      if (!column.length) continue;
      const wish = new Map(column.map((node, index) => {
        const ys = joined.get(node.number).filter((other) => at.has(other)).map((other) => at.get(other).y);
        return [node.number, ys.length ? ys.reduce((a, b) => a + b) / ys.length : TOP + index * (HIGH + GAP)];
      }));
      column.sort((a, b) => wish.get(a.number) - wish.get(b.number) || a.number - b.number);
      column.forEach((node, index) => at.set(node.number, { x, y: TOP + index * (HIGH + GAP) }));
      heads.push([title, x]);
      x += WIDE + BETWEEN;
      height = Math.max(height, TOP + column.length * (HIGH + GAP));
    }
    return { at, heads, width: x - BETWEEN + EDGE, height };
  }

  /* The verb stands where the line begins, each but once; a second one stands below the line. */
  function line(edge, from, to, verbs) {
    const group = element("g", { class: "edge", "data-ends": `${edge.source} ${edge.target}` });
    const y1 = from.y + HIGH / 2, y2 = to.y + HIGH / 2, right = to.x > from.x, back = to.x < from.x;
    const x1 = right ? from.x + WIDE : from.x, x2 = back ? to.x + WIDE + 2 : to.x - 2;
    const bend = right ? 50 : back ? -50 : -Math.min(EDGE - 8, 14 + Math.abs(y2 - y1) / 12);
    const d = `M${x1},${y1} C${x1 + bend},${y1} ${right || back ? x2 - bend : x2 + bend},${y2} ${x2},${y2}`;
    group.append(element("path", { d, "marker-end": "url(#arrow)" }));
    group.append(element("title", {}, edge.title));
    if (right && !verbs.includes(edge.verb)) {
      group.append(element("text", { class: "verb small", x: x1 + 5, y: y1 - 4 + verbs.length * 16 }, edge.verb));
      verbs.push(edge.verb);
    }
    return group;
  }

  function card(node, { x, y }, state) {
    const link = element("a", { href: `#n${node.number}`, class: `${node.kind} ${state}`, "data-drawn": node.number });
    link.append(element("rect", { x, y, width: WIDE, height: HIGH, rx: node.kind === "producer" ? 18 : 4 }));
    link.append(element("text", { x: x + 10, y: y + 17 }, short(nameOf(node), 32)));
    link.append(element("text", { x: x + 10, y: y + 32, class: "small" }, short(placeOf(node), 36)));
    link.append(element("title", {}, `${node.kind} ${node.label}\n${node.path}:${node.line}\n${node.detail}`));
    const mark = (on) => () => picture.querySelectorAll(".edge").forEach((each) =>
      each.classList.toggle("chosen", on && each.dataset.ends.split(" ").includes(String(node.number))));
    for (const [event, on] of [["mouseenter", 1], ["focus", 1], ["mouseleave", 0], ["blur", 0]]) {
      link.addEventListener(event, mark(Boolean(on)));
    }
    return link;
  }

  function draw({ matches, kept, all }) {
    const { at, heads, width, height } = placed(kept);
    picture.replaceChildren();
    if (!at.size) return;
    const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
    const marker = element("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7,
      markerHeight: 7, orient: "auto" });
    marker.append(element("path", { d: "M0,0 L8,4 L0,8 z" }));
    svg.append(marker);
    for (const [title, x] of heads) svg.append(element("text", { x, y: 20, class: "head" }, title));
    const verbs = new Map(nodes.map((node) => [node.number, []]));
    for (const edge of lines) {
      const joins = at.has(edge.source) && at.has(edge.target);
      if (joins && (all || matches.has(edge.source) || matches.has(edge.target))) {
        svg.append(line(edge, at.get(edge.source), at.get(edge.target), verbs.get(edge.source)));
      }
    }
    for (const node of nodes) {
      const state = all ? "" : matches.has(node.number) ? "match" : "near";
      if (at.has(node.number)) svg.append(card(node, at.get(node.number), state));
    }
    picture.append(svg);
  }

  function show() {
    const result = found(box.value);
    for (const [number, item] of items) item.hidden = !result.matches.has(number);
    for (const section of document.querySelectorAll("main > section:not(.problems)")) {
      section.hidden = !section.querySelector(":scope > ul > li:not([hidden])");
    }
    count.textContent = `${result.matches.size} of ${nodes.length}`;
    draw(result);
  }

  /* A link to something that the search hides ends the search; `#q=words` starts one. */
  function follow() {
    const fragment = location.hash.slice(1);
    if (fragment.startsWith("q=")) {
      try { box.value = decodeURIComponent(fragment.slice(2)); } catch { box.value = fragment.slice(2); }
      show();
      return;
    }
    const target = items.get(Number(fragment.slice(1)));
    if (target && target.hidden) {
      box.value = "";
      show();
      target.scrollIntoView();
    }
  }

  box.form.addEventListener("submit", (event) => event.preventDefault());
  box.addEventListener("input", () => {
    history.replaceState(null, "", box.value ? `#q=${encodeURIComponent(box.value)}` : "#");
    show();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) { event.preventDefault(); box.focus(); }
    if (event.key === "Escape" && document.activeElement === box) {
      box.value = "";
      box.dispatchEvent(new Event("input"));
    }
  });
  window.addEventListener("hashchange", follow);
  show();
  follow();
})();
