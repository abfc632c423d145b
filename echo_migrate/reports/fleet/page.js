(() => {
  const { texts, owners, states, rows, repositories } = JSON.parse(document.getElementById("data").textContent);
  const [REPOSITORY, OWNERS, STATE, UPSTREAM, REASON, COUNT] = [0, 1, 2, 3, 4, 5];
  const known = new Map(repositories.map((one) => [one[0], one]));
  const words = new Map(states);
  const VALUES = {
    repository: (row) => [texts[row[REPOSITORY]]],
    owner: (row) => owners[row[OWNERS]],
    state: (row) => [states[row[STATE]][0]],
    upstream: (row) => [texts[row[UPSTREAM]]],
    reason: (row) => [texts[row[REASON]]],
  };
  const values = (row, name) => (VALUES[name] ? VALUES[name](row).filter((one) => one) : []);
  const first = (name) => (row) => values(row, name)[0] || "";

  const line = (row, parent) => {
    const [name] = values(row, "repository");
    const [, url, revision] = known.get(name) || ["", "", ""];
    const place = element("td", "", parent);
    if (url) link(url, name, place);
    else place.append(name);
    if (revision) element("small", revision, place);
    const state = element("td", "", parent);
    element("span", "", state).className = "key " + states[row[STATE]][0];
    state.append(states[row[STATE]][1]);
    element("code", texts[row[UPSTREAM]], element("td", "", parent));
    element("td", texts[row[REASON]], parent);
    element("td", owners[row[OWNERS]].join(" "), parent);
    element("td", String(row[COUNT]), parent).className = "count";
  };

  const told = (status, matching, drawn) => {
    const sum = matching.reduce((total, row) => total + row[COUNT], 0);
    const places = new Set(matching.map((row) => row[REPOSITORY])).size;
    status.textContent = sum + " references in " + places + (places === 1 ? " repository" : " repositories") +
      (drawn < matching.length ? ", the first " + drawn + " of " + matching.length + " rows shown" : "");
    status.dataset.count = sum;
  };

  listing({
    rows,
    filters: [["owner", "Owner"], ["state", "State"], ["upstream", "Upstream image"], ["reason", "Reason"]],
    values,
    word: (name, value) => (name === "state" && words.get(value)) || value,
    weight: (row) => row[COUNT],
    searched: (row) => [texts[row[REPOSITORY]], texts[row[UPSTREAM]], texts[row[REASON]], ...owners[row[OWNERS]]].join("\n"),
    sorted: {
      repository: first("repository"),
      state: first("state"),
      upstream: first("upstream"),
      reason: first("reason"),
      owner: (row) => owners[row[OWNERS]].join(" "),
      count: (row) => row[COUNT],
    },
    line,
    told,
    printed: 2000,
  });
})();
