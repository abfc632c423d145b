"""How many instructions the program needs for a text of each shape, and for one four times as long.

usage: growth.py [WORDS OF SHAPES ...]       needs valgrind; takes half a minute a shape

Instructions are callgrind's, of the whole process, less those of a tiny text; they do not depend on what else the
machine is doing.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.shapes import SHAPES, Shape

SMALL = 4000
"""Characters of the smaller text."""


def instructions(name: str, text: str) -> int:
    """Return how many instructions a check of one file takes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-m", "echo_migrate"]
        words += ["check", "--quiet", "--no-config", "--select", "all", name]
        said = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False).stderr
    found = re.search(r"Collected : (\d+)", said)
    if not found:
        raise SystemExit(said)
    return int(found[1])


def growth(name: str, shape: Shape) -> str:
    """Return the figures of a shape in a line."""
    each = (len(shape(40)) - len(shape(20))) / 20
    count = max(10, int(SMALL / each))
    tiny, small, large = (instructions(name, shape(size)) for size in (3, count, 4 * count))
    factor = (large - tiny) / max(1, small - tiny)
    sizes = len(shape(count)), len(shape(4 * count))
    return f"{sizes[0]:>6} B {small / 1e6:6.0f} M   {sizes[1]:>6} B {large / 1e6:6.0f} M   x{factor:.2f}"


if __name__ == "__main__":
    for title, (file, shape) in SHAPES.items():
        if len(sys.argv) == 1 or any(word in title for word in sys.argv[1:]):
            print(f"{title:46} {growth(file, shape)}", flush=True)
