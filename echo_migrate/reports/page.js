"use strict";
const element = (name, text, parent) => {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
const link = (address, text, parent) => {
  const made = element("a", text, parent);
  made.href = address;
  made.rel = "noreferrer noopener";
  return made;
};

// The list of a page: its rows a part at a time, as the fragment of the address, which the controls write, filters
// them. `filters` are names and heads of values that are chosen from, `values(row, name)` are those of a row, and
// `word(name, value)` is how one is told; `weight(row)` is what a row counts there. `searched(row)` is the text that is
// searched, and `sorted` has what each column is sorted by. `line(row, parent)` makes the cells of a row, and
// `told(matching, shown)` says what is shown. `printed` is how many rows are printed.
const listing = ({ rows, filters, values, word, weight, searched, sorted, line, told, printed }) => {
  const STEP = 100;
  const MOST = 1000;
  const body = document.querySelector("#rows tbody");
  const form = document.getElementById("filters");
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  const selects = new Map();
  let texts = null;
  let matching = rows;
  let drawn = 0;
  let order = null;

  const asked = () => {
    const found = new Map();
    const fragment = location.hash.slice(1);
    if (!fragment.includes("=")) return found;
    for (const [name, value] of new URLSearchParams(fragment.replaceAll("+", "%2B"))) {
      if (value) found.set(name, [...(found.get(name) || []), value]);
    }
    return found;
  };

  const draw = (count) => {
    const part = document.createDocumentFragment();
    for (const row of matching.slice(drawn, drawn + count)) line(row, element("tr", "", part));
    body.append(part);
    drawn = Math.min(drawn + count, matching.length);
    more.hidden = drawn >= matching.length;
    more.textContent = "Show " + Math.min(STEP, matching.length - drawn) + " more";
    told(shown, matching, drawn);
  };

  const filter = () => {
    const given = asked();
    const wanted = [...given].filter(([name]) => name !== "text").map(([name, list]) => [name, new Set(list)]);
    const text = (given.get("text") || [""])[0];
    const part = text.toLowerCase();
    if (part && !texts) texts = rows.map((row) => searched(row).toLowerCase());
    matching = rows.filter((row, number) =>
      wanted.every(([name, list]) => values(row, name).some((value) => list.has(value))) &&
      (!part || texts[number].includes(part)));
    if (order) {
      const keys = new Map(matching.map((row) => [row, sorted[order.key](row)]));
      const before = (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : 0);
      matching.sort((a, b) => (order.down ? before(b, a) : before(a, b)));
    }
    body.replaceChildren();
    drawn = 0;
    draw(STEP);
    for (const [name, select] of selects) {
      const list = given.get(name) || [];
      const several = list.length > 1 ? list.map((value) => word(name, value)).join(", or ") : "";
      select.querySelector("option.several")?.remove();
      if (several) {
        const option = element("option", several);
        option.className = "several";
        option.value = "\0";
        select.append(option);
      }
      select.value = several ? "\0" : list[0] || "";
    }
    if (document.activeElement !== search) search.value = text;
    reset.hidden = given.size === 0;
  };

  const ask = (name, value) => {
    const found = asked();
    if (value) found.set(name, [value]);
    else found.delete(name);
    const parts = [...found].flatMap(([key, list]) => list.map((one) => key + "=" + encodeURIComponent(one)));
    history.replaceState(null, "", "#" + (parts.join("&") || "state="));
    filter();
  };

  const control = (text, made) => {
    const label = element("label", text, form);
    label.append(made);
    return made;
  };
  const search = control("Search", element("input"));
  search.type = "search";
  search.addEventListener("input", () => ask("text", search.value));
  for (const [name, head] of filters) {
    const counts = new Map();
    for (const row of rows) for (const value of values(row, name)) counts.set(value, (counts.get(value) || 0) + weight(row));
    if (counts.size < 2 && name !== "state") continue;
    const select = control(head, element("select"));
    element("option", "all", select).value = "";
    for (const [value, count] of [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, MOST)) {
      element("option", word(name, value) + " (" + count + ")", select).value = value;
    }
    select.addEventListener("change", () => select.value !== "\0" && ask(name, select.value));
    selects.set(name, select);
  }
  const reset = element("button", "Show all", form);
  reset.type = "button";
  reset.addEventListener("click", () => {
    history.replaceState(null, "", "#state=");
    filter();
    search.focus();
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  for (const head of document.querySelectorAll("#rows th")) {
    const button = element("button", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of document.querySelectorAll("#rows th")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      order = { key: head.dataset.key, down };
      filter();
    });
  }
  more.addEventListener("click", () => {
    const before = drawn;
    draw(STEP);
    const next = body.children[before];
    next.tabIndex = -1;
    next.focus();
  });
  addEventListener("hashchange", () => {
    filter();
    if (location.hash.includes("=")) {
      const section = document.getElementById("references");
      section.scrollIntoView();
      section.focus({ preventScroll: true });
    }
  });
  addEventListener("beforeprint", () => {
    draw(printed);
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  filter();
};
