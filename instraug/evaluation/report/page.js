"use strict";
// The table of rewrites: only the rows in view are in the document.
(() => {
  const source = document.getElementById("rewrites-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  source.remove();
  const byId = (id) => document.getElementById(id);
  const view = byId("window"), sizer = byId("sizer"), grid = byId("grid");
  const SLOT = /(\{\{|\}\}|\{[A-Za-z][\w.\[\]-]*\})/;
  const rows = data.rows.map((row) => {
    let text = "";
    for (let at = 6; at < row.length; at += 2) if (row[at] !== 1) text += row[at + 1];
    const [run, task, origin, prompt, heat, id] = row;
    return { run, task, origin, prompt, heat: heat === null ? "" : String(heat), id, text, row, hay: "" };
  });
  let found = rows, height = 112, active = 0, waiting = false;
  const shown = new Map();

  // Text goes in as text nodes only.
  function add(parent, name, text, cls) {
    const node = document.createElement(name);
    if (text !== undefined) node.textContent = text;
    if (cls) node.className = cls;
    parent.append(node);
    return node;
  }
  function slots(parent, text) {
    for (const part of text.split(SLOT)) {
      if (!part) continue;
      if (part[0] === "{" && part !== "{{") add(parent, "code", part, "slot");
      else parent.append(part);
    }
  }
  function changes(parent, row) {
    let gone = false;
    for (let at = 6; at < row.length; at += 2) {
      const kind = row[at];
      const text = row[at + 1], words = kind === 0 ? text : text.trimEnd();
      const tight = kind === 2 && gone ? "tight" : "";
      slots(kind === 0 ? parent : add(parent, kind === 1 ? "del" : "ins", undefined, tight), words);
      gone = kind === 1 && words === text;
      parent.append(text.slice(words.length));
    }
  }
  function how(one) {
    const heat = one.heat === "" ? "" : "T\u00a0" + one.heat;
    const run = data.runs.length > 1 ? data.runs[one.run] : "";
    return [[data.prompts[one.prompt], heat].filter(Boolean).join(", "), run].filter(Boolean).join("\n");
  }
  function made(index) {
    const one = found[index], node = document.createElement("div");
    node.className = "row";
    node.setAttribute("role", "row");
    node.setAttribute("aria-rowindex", index + 2);
    node.tabIndex = index === active ? 0 : -1;
    node.dataset.index = index;
    node.style.transform = "translateY(" + index * height + "px)";
    const cell = (fill) => { const c = add(node, "div"); c.setAttribute("role", "gridcell"); fill(c); };
    cell((c) => c.append(data.tasks[one.task]));
    cell((c) => slots(c, data.origins[one.origin]));
    cell((c) => changes(c, one.row));
    cell((c) => { c.className = "quiet"; c.append(how(one)); });
    return node;
  }
  function draw() {
    waiting = false;
    const first = Math.max(0, Math.floor(view.scrollTop / height) - 4);
    const last = Math.min(found.length, Math.ceil((view.scrollTop + view.clientHeight) / height) + 4);
    for (const [index, node] of shown)
      if ((index < first || index >= last) && node !== document.activeElement) {
        node.remove();
        shown.delete(index);
      }
    for (let index = first; index < last; index++)
      if (!shown.has(index)) {
        const node = made(index);
        shown.set(index, node);
        sizer.append(node);
      }
  }
  function soon() {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  }
  function again() {
    shown.clear();
    sizer.replaceChildren();
    height = matchMedia("(max-width: 46rem)").matches ? 224 : 112;
    sizer.style.height = found.length * height + "px";
    grid.setAttribute("aria-rowcount", found.length + 1);
    active = Math.min(active, Math.max(0, found.length - 1));
    draw();
  }
  const pickers = { run: byId("by-run"), task: byId("by-task"), prompt: byId("by-prompt"), heat: byId("by-heat") };
  function search() {
    const words = byId("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const picked = Object.entries(pickers).filter(([, p]) => p && p.value !== "");
    found = rows.filter((one) => {
      for (const [key, picker] of picked) if (String(one[key]) !== picker.value) return false;
      if (!words.length) return true;
      one.hay ||= (one.text + "\n" + data.origins[one.origin] + "\n" + data.tasks[one.task] + "\n" + one.id).toLowerCase();
      return words.every((word) => one.hay.includes(word));
    });
    active = 0;
    view.scrollTop = 0;
    again();
    byId("found").textContent = found.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " rewrites";
  }
  function go(index) {
    active = Math.max(0, Math.min(found.length - 1, index));
    const top = active * height;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + height > view.scrollTop + view.clientHeight) view.scrollTop = top + height - view.clientHeight;
    draw();
    for (const [at, node] of shown) node.tabIndex = at === active ? 0 : -1;
    shown.get(active)?.focus({ preventScroll: true });
  }
  const dialog = byId("whole");
  function open(index) {
    const one = found[index], list = byId("whole-list");
    active = index;
    list.replaceChildren();
    const item = (name, fill) => { add(list, "dt", name); const dd = add(list, "dd", undefined, "text"); fill(dd); };
    item("Rewrite", (d) => slots(d, one.text));
    item("Origin", (d) => slots(d, data.origins[one.origin]));
    item("What changed", (d) => changes(d, one.row));
    item("Task", (d) => d.append(data.tasks[one.task]));
    item("Meta-prompt and temperature", (d) => d.append(how(one)));
    item("Id", (d) => d.append(one.id));
    dialog.showModal();
  }
  dialog.addEventListener("close", () => go(active));
  byId("close").addEventListener("click", () => dialog.close());
  sizer.addEventListener("click", (event) => {
    const node = event.target.closest(".row");
    if (node && !String(getSelection())) open(Number(node.dataset.index));
  });
  sizer.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(view.clientHeight / height) - 1);
    const to = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page,
      Home: 0, End: found.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); go(to); }
    else if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(active); }
  });
  sizer.addEventListener("focusin", (event) => {
    const node = event.target.closest(".row");
    if (node) active = Number(node.dataset.index);
  });
  view.addEventListener("scroll", soon, { passive: true });
  byId("words").addEventListener("input", search);
  for (const picker of Object.values(pickers)) picker?.addEventListener("change", search);
  addEventListener("resize", again);
  search();
})();
