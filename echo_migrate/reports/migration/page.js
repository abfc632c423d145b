"use strict";
(() => {
  const { texts, rows, rules, filters, words } = JSON.parse(document.getElementById("data").textContent);
  const [PATH, LINE, CONTEXT, REFERENCE, TARGET, LINK, RULE, REASONS, CHANGED, PROVEN, VALUES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const STEP = 100;
  const body = document.querySelector("#rows tbody");
  const form = document.getElementById("filters");
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  const selects = new Map();
  let matching = rows;
  let drawn = 0;
  let order = null;

  const word = (dimension, value) => (words[dimension] && words[dimension][value]) || value;
  const values = (row, dimension) => (row[VALUES][dimension] || []).map((number) => texts[number]);
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
  const owned = new Set(rows.map((row) => values(row, "owner").join(" "))).size > 1;
  const searched = rows.map((row) =>
    [row[PATH], row[CONTEXT], row[REFERENCE], row[TARGET], ...row[REASONS].flat()]
      .map((number) => texts[number]).concat(values(row, "owner"), values(row, "service")).join("\n").toLowerCase());

  const SORTED = {
    state: (row) => word("state", values(row, "state")[0]),
    image: (row) => texts[row[REFERENCE]],
    where: (row) => texts[row[PATH]] + "\n" + String(row[LINE]).padStart(9, "0"),
    why: (row) => (row[REASONS].length ? texts[row[REASONS][0][0]] : ""),
    who: (row) => values(row, "owner").join(" ") + "\n" + values(row, "service")[0],
  };

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
    for (const row of matching.slice(drawn, drawn + count)) {
      const line = element("tr", "", part);
      const state = values(row, "state")[0];
      const first = element("td", "", line);
      element("span", "", first).className = "key " + state;
      first.append(word("state", state));
      const image = element("td", "", line);
      element("code", texts[row[REFERENCE]], image);
      if (texts[row[TARGET]]) element("small", "", image).append("→ ", element("code", texts[row[TARGET]]));
      const where = element("td", "", line);
      const place = texts[row[PATH]] + ":" + row[LINE];
      if (texts[row[LINK]]) link(texts[row[LINK]], place, where);
      else where.append(place);
      element("small", texts[row[CONTEXT]] + ", " + word("purpose", values(row, "purpose")[0]), where);
      const why = element("td", "", line);
      const list = element("ul", "", why);
      const others = row[REASONS].length > 2 ? element("details", "", why) : null;
      if (others) element("summary", row[REASONS].length - 1 + " more reasons", others);
      const rest = others ? element("ul", "", others) : list;
      row[REASONS].forEach(([message, remedy], place) => {
        const item = element("li", texts[message], place ? rest : list);
        if (texts[remedy]) element("small", texts[remedy], item);
      });
      for (const ended of values(row, "ended")) element("small", ended + " is past its end of life", why);
      for (const proof of values(row, "proof")) element("small", word("proof", proof) + ", " + texts[row[PROVEN]], why);
      for (const shown of values(row, "verified")) element("small", "lock file: " + shown, why);
      const rule = texts[row[RULE]];
      if (state === "migrate" || state === "needs-person") link(rules[rule], rule, element("small", "", why));
      const who = element("td", owned ? values(row, "owner").join(" ") : "", line);
      element("small", values(row, "service")[0], who);
    }
    body.append(part);
    drawn = Math.min(drawn + count, matching.length);
    more.hidden = drawn >= matching.length;
    more.textContent = "Show " + Math.min(STEP, matching.length - drawn) + " more";
    const files = new Set(matching.map((row) => row[PATH])).size;
    shown.textContent = matching.length + " of " + rows.length + " references in " + files + " files" +
      (drawn < matching.length ? ", the first " + drawn + " shown" : "");
    shown.dataset.count = matching.length;
    shown.dataset.files = files;
    shown.dataset.lines = new Set(matching.flatMap((row) => row[CHANGED].map((line) => row[PATH] + ":" + line))).size;
  };

  const filter = () => {
    const wanted = [...asked()].filter(([name]) => name !== "text").map(([name, given]) => [name, new Set(given)]);
    const text = (asked().get("text") || [""])[0].toLowerCase();
    matching = [];
    rows.forEach((row, number) => {
      const meets = wanted.every(([name, given]) => values(row, name).some((value) => given.has(value)));
      if (meets && (!text || searched[number].includes(text))) matching.push(row);
    });
    if (order) {
      const keys = new Map(matching.map((row) => [row, SORTED[order.key](row)]));
      const before = (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : 0);
      matching.sort((a, b) => (order.down ? before(b, a) : before(a, b)));
    }
    body.replaceChildren();
    drawn = 0;
    draw(STEP);
    for (const [name, select] of selects) {
      const given = asked().get(name) || [];
      const several = given.length > 1 ? given.map((value) => word(name, value)).join(", or ") : "";
      select.querySelector("option.several")?.remove();
      if (several) {
        const option = element("option", several);
        option.className = "several";
        option.value = "\0";
        select.append(option);
      }
      select.value = several ? "\0" : given[0] || "";
    }
    const search = form.querySelector("input");
    if (document.activeElement !== search) search.value = (asked().get("text") || [""])[0];
    reset.hidden = asked().size === 0;
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
    for (const row of rows) for (const value of values(row, name)) counts.set(value, (counts.get(value) || 0) + 1);
    if (counts.size < 2 && name !== "state") continue;
    const select = control(head, element("select"));
    element("option", "all", select).value = "";
    for (const [value, count] of [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))) {
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
    draw(rows.length);
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  filter();
})();
