"""Draw the page of a report of the examples: ``python -m docs.report_picture`` writes docs/report*.png."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.chromium import chromium

ROOT = Path(__file__).parent.parent
SIZES = {"report.png": (1280, 900), "report-narrow.png": (400, 900)}
OWNERS = "* @acme/platform\n/api/ @acme/backend\n/web/ @acme/backend\n/shop/ @acme/shop\n/deploy/ @acme/operations\n"
RUNS = (("2026-09-01", ("node",)), ("2026-10-15", ("python",)), ("2026-11-27", ()))
"""The days of the history, each with the images that move after it."""


def made(folder: Path) -> Path:
    """Return the page of a copy of the examples in a folder, with owners and a history of three runs."""
    tree = folder / "shop"
    shutil.copytree(ROOT / "tests" / "examples", tree)
    (tree / "CODEOWNERS").write_text(OWNERS)
    for day, images in RUNS:
        words = ["report", ".", "--history", "../history.jsonl", "--output", "../report.html", "--today", day]
        _run(tree, *words)
        for image in images:
            _run(tree, "fix", ".", "--image", image)
    return folder / "report.html"


def _run(tree: Path, *words: str) -> None:
    command = [sys.executable, "-m", "echo_migrate", *words, "--no-config", "--quiet"]
    subprocess.run(command, cwd=tree, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        page = made(Path(temporary))
        for name, (width, height) in SIZES.items():
            browser.size(width, height)
            browser.open(page)
            (ROOT / "docs" / name).write_bytes(browser.driver.get_screenshot_as_png())
