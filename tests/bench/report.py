"""The page of a report of many references: its size, how long it takes to make, and to load in Chromium.

usage: report.py [REFERENCES]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from echo_migrate.reports.migration import render
from tests.chromium import chromium
from tests.test_report import document, row

RUNS = 5
DRAWN = """
const [page] = performance.getEntriesByType("navigation");
return [page.loadEventEnd, performance.getEntriesByName("first-contentful-paint").map((one) => one.startTime)[0] || 0];
"""


def main(references: int = 5_000) -> None:
    rows = [row(number) for number in range(1, references + 1)]
    render("html", document(rows[:1]))  # jinja2 is loaded
    begin = time.perf_counter()
    text = render("html", document(rows))
    made = time.perf_counter() - begin
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        path = Path(folder, "report.html")
        path.write_text(text, encoding="utf-8")
        loads, filters = [], []
        for _ in range(RUNS):
            browser.open(path)
            browser.wait("return performance.getEntriesByName('first-contentful-paint').length")
            loads.append(max(browser.run(DRAWN)))
            filters.append(
                browser.run(
                    "const begin = performance.now(); history.replaceState(null, '', '#state=migrate');"
                    "dispatchEvent(new HashChangeEvent('hashchange')); document.body.offsetHeight;"
                    "return performance.now() - begin;"
                )
            )
    print("| references | file MB | made in s | loaded and painted in ms | filtered in ms |\n|---|---|---|---|---|")
    times = f"{statistics.median(loads):.0f} ({max(loads):.0f}) | {statistics.median(filters):.0f} ({max(filters):.0f})"
    print(f"| {references:,} | {len(text.encode()) / 1e6:.2f} | {made:.1f} | {times} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
