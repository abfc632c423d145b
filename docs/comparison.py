"""Write the tables of docs/compare.md: ``python docs/comparison.py [FOLDER]`` compares the examples, and a FOLDER,
a clone of github:GoogleCloudPlatform/microservices-demo."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "compare.md"
TODAY = "2026-11-26"


def table(folder: str) -> str:
    """Return what compare prints of a folder, in Markdown."""
    command = [sys.executable, "-m", "echo_migrate", "compare", "--no-config", "--output-format", "markdown"]
    command += ["--today", TODAY, folder]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def with_table(page: str, name: str, text: str) -> str:
    """Return the page with the text between the marks of a name."""
    marks = f"<!-- {name} -->", f"<!-- /{name} -->"
    return re.sub(rf"(?s){marks[0]}.*?{marks[1]}", lambda _: f"{marks[0]}\n\n{text}\n{marks[1]}", page)


if __name__ == "__main__":
    page = with_table(PAGE.read_text(), "examples", table("tests/examples"))
    if sys.argv[1:]:
        page = with_table(page, "microservices-demo", table(sys.argv[1]))
    PAGE.write_text(page)
