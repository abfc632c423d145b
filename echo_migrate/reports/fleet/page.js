"use strict";
(() => {
  const { texts, owners, states, rows, repositories } = JSON.parse(document.getElementById("data").textContent);
  const [REPOSITORY, OWNERS, STATE, UPSTREAM, REASON, COUNT] = [0, 1, 2, 3, 4, 5];
  const STEP = 100;
  const HEADS = { repository: "Repository", owner: "Owner", state: "State", upstream: "Upstream image", reason: "Reason" };
  const body = document.querySelector("#rows tbody");
  const form = document.getElementById("filters");
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  const known = new Map(repositories.map((one) => [one[0], one]));
  const value = {
    repository: (row) => texts[row[REPOSITORY]],
    state: (row) => states[row[STATE]][0],
    upstream: (row) => texts[row[UPSTREAM]],
    reason: (row) => texts[row[REASON]],
    owner: (row) => owners[row[OWNERS]].join(" "),
    count: (row) => row[COUNT],
  };
  const inputs = new Map();
  let matching = rows;
  let drawn = 0;
  let order = null;

  const element = (name, text, parent) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };
  const asked = () => {
    const found = new Map();
    const fragment = location.hash.slice(1);
    if (!fragment.includes("=")) return found;
    for (const [name, given] of new URLSearchParams(fragment.replaceAll("+", "%2B"))) {
      if (given) found.set(name, [...(found.get(name) || []), given]);
    }
    return found;
  };

  const draw = (count) => {
    const part = document.createDocumentFragment();
    for (const row of matching.slice(drawn, drawn + count)) {
      const line = element("tr", "", part);
      const name = value.repository(row);
      const [, url, revision] = known.get(name) || ["", "", ""];
      const first = element("td", "", line);
      if (url) {
        const link = element("a", name, first);
        link.href = url;
        link.rel = "noreferrer noopener";
      } else first.append(name);
      if (revision) element("small", revision, first);
      const state = element("td", "", line);
      element("span", "", state).className = "key " + value.state(row);
      state.append(states[row[STATE]][1]);
      element("code", value.upstream(row), element("td", "", line));
      element("td", value.reason(row), line);
      element("td", value.owner(row), line);
      element("td", String(row[COUNT]), line).className = "count";
    }
    body.append(part);
    drawn = Math.min(drawn + count, matching.length);
    more.hidden = drawn >= matching.length;
    more.textContent = "Show " + Math.min(STEP, matching.length - drawn) + " more";
    const sum = matching.reduce((total, row) => total + row[COUNT], 0);
    const places = new Set(matching.map((row) => row[REPOSITORY])).size;
    shown.textContent = sum + " references in " + places + (places === 1 ? " repository" : " repositories") +
      (drawn < matching.length ? ", the first " + drawn + " of " + matching.length + " rows shown" : "");
    shown.dataset.count = sum;
  };

  const filter = () => {
    const wanted = asked();
    const tests = [];
    for (const [name, given] of wanted) {
      if (name === "owner") {
        const sets = new Set(owners.flatMap((list, number) => (list.some((one) => given.includes(one)) ? [number] : [])));
        tests.push((row) => sets.has(row[OWNERS]));
      } else if (name === "text") {
        const text = given[0].toLowerCase();
        const found = new Set(texts.flatMap((one, number) => (one.toLowerCase().includes(text) ? [number] : [])));
        const sets = new Set(owners.flatMap((list, number) => (list.join(" ").toLowerCase().includes(text) ? [number] : [])));
        tests.push((row) => found.has(row[REPOSITORY]) || found.has(row[UPSTREAM]) || found.has(row[REASON]) || sets.has(row[OWNERS]));
      } else if (value[name]) tests.push((row) => given.includes(value[name](row)));
      else tests.push(() => false);
    }
    matching = rows.filter((row) => tests.every((test) => test(row)));
    if (order) {
      const before = (a, b) => {
        const [one, other] = [value[order.key](a), value[order.key](b)];
        return one < other ? -1 : one > other ? 1 : 0;
      };
      matching.sort((a, b) => (order.down ? before(b, a) : before(a, b)));
    }
    body.replaceChildren();
    drawn = 0;
    draw(STEP);
    for (const [name, input] of inputs) {
      const given = wanted.get(name) || [];
      if (document.activeElement === input) continue;
      if (input.tagName === "INPUT") input.value = given[0] || "";
      else input.value = given.length === 1 ? given[0] : given.length ? "\0" : "";
    }
    reset.hidden = wanted.size === 0;
  };

  const ask = (name, given) => {
    const found = asked();
    if (given) found.set(name, [given]);
    else found.delete(name);
    const parts = [...found].flatMap(([key, list]) => list.map((one) => key + "=" + encodeURIComponent(one)));
    history.replaceState(null, "", "#" + (parts.join("&") || "state="));
    filter();
  };
  const control = (name, head, made) => {
    const label = element("label", head, form);
    label.append(made);
    inputs.set(name, made);
    return made;
  };
  const search = control("text", "Search", element("input"));
  search.type = "search";
  search.addEventListener("input", () => ask("text", search.value));
  for (const name of ["owner", "state", "upstream", "reason"]) {
    const counts = new Map();
    for (const row of rows) {
      for (const one of name === "owner" ? owners[row[OWNERS]] : [value[name](row)]) {
        if (one) counts.set(one, (counts.get(one) || 0) + row[COUNT]);
      }
    }
    if (counts.size < 2) continue;
    const select = control(name, HEADS[name], element("select"));
    element("option", "all", select).value = "";
    const several = element("option", name === "state" ? "what is left" : "several", select);
    several.value = "\0";
    several.hidden = true;
    const words = new Map(states);
    for (const [one, count] of [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 1000)) {
      element("option", (name === "state" ? words.get(one) : one) + " (" + count + ")", select).value = one;
    }
    select.addEventListener("change", () => ask(name, select.value));
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
    if (!location.hash.includes("=")) return;
    filter();
    const section = document.getElementById("references");
    section.scrollIntoView();
    section.focus({ preventScroll: true });
  });
  addEventListener("beforeprint", () => {
    draw(2000);
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  filter();
})();
