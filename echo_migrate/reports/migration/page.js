(() => {
  const { texts, rows, rules, filters, words } = JSON.parse(document.getElementById("data").textContent);
  const [PATH, LINE, CONTEXT, REFERENCE, TARGET, LINK, RULE, REASONS, CHANGED, PROVEN, VALUES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

  const word = (dimension, value) => (words[dimension] && words[dimension][value]) || value;
  const values = (row, dimension) => (row[VALUES][dimension] || []).map((number) => texts[number]);
  const owned = new Set(rows.map((row) => values(row, "owner").join(" "))).size > 1;

  const line = (row, parent) => {
    const state = values(row, "state")[0];
    const first = element("td", "", parent);
    element("span", "", first).className = "key " + state;
    first.append(word("state", state));
    const image = element("td", "", parent);
    element("code", texts[row[REFERENCE]], image);
    if (texts[row[TARGET]]) element("small", "", image).append("→ ", element("code", texts[row[TARGET]]));
    const where = element("td", "", parent);
    const place = texts[row[PATH]] + ":" + row[LINE];
    if (texts[row[LINK]]) link(texts[row[LINK]], place, where);
    else where.append(place);
    element("small", texts[row[CONTEXT]] + ", " + word("purpose", values(row, "purpose")[0]), where);
    const why = element("td", "", parent);
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
    const who = element("td", owned ? values(row, "owner").join(" ") : "", parent);
    element("small", values(row, "service")[0], who);
  };

  const told = (status, matching, drawn) => {
    const files = new Set(matching.map((row) => row[PATH])).size;
    status.textContent = matching.length + " of " + rows.length + " references in " + files + " files" +
      (drawn < matching.length ? ", the first " + drawn + " shown" : "");
    status.dataset.count = matching.length;
    status.dataset.files = files;
    status.dataset.lines = new Set(matching.flatMap((row) => row[CHANGED].map((line) => row[PATH] + ":" + line))).size;
  };

  listing({
    rows,
    filters,
    values,
    word,
    weight: () => 1,
    searched: (row) => [row[PATH], row[CONTEXT], row[REFERENCE], row[TARGET], ...row[REASONS].flat()]
      .map((number) => texts[number]).concat(values(row, "owner"), values(row, "service")).join("\n"),
    sorted: {
      state: (row) => word("state", values(row, "state")[0]),
      image: (row) => texts[row[REFERENCE]],
      where: (row) => texts[row[PATH]] + "\n" + String(row[LINE]).padStart(9, "0"),
      why: (row) => (row[REASONS].length ? texts[row[REASONS][0][0]] : ""),
      who: (row) => values(row, "owner").join(" ") + "\n" + values(row, "service")[0],
    },
    line,
    told,
    printed: rows.length,
  });
})();
