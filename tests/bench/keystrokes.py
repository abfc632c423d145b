"""The time from a keystroke to the findings of the new text, as an editor sees it.

``python tests/bench/keystrokes.py``

Types ten letters a second into a Dockerfile of 200 lines, alone and in a tree with other files, over standard input and
output; prints the fastest, the median and the slowest of 100 keystrokes in milliseconds, and what of a processor the
server took for each.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.editor import Editor

STAGE = """\
FROM node:22 AS stage{0}
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends git curl \\
    && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY --chown=node:node src ./src
ENV NODE_ENV=production
USER node
CMD ["node", "src/index.js"]
"""
TEXT = "".join(STAGE.format(number) for number in range(20))


def tree(folder: Path, files: int) -> None:
    """Write a repository with that many compose files and workflows."""
    (folder / ".git").mkdir()
    (folder / ".github" / "workflows").mkdir(parents=True)
    for number in range(files):
        (folder / f"service{number}").mkdir()
        text = f"services:\n  web:\n    build:\n      context: .\n      target: stage{number % 20}\n"
        (folder / f"service{number}" / "compose.yaml").write_text(text)
        text = "on: push\njobs:\n  a:\n    steps:\n      - run: docker build -t x .\n"
        (folder / ".github" / "workflows" / f"w{number}.yml").write_text(text)


def processor(editor: Editor) -> float:
    """Return the seconds of a processor that the server has taken."""
    assert editor.client._server
    fields = Path(f"/proc/{editor.client._server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keystrokes(files: int, count: int = 100) -> tuple[list[float], float]:
    """Return the milliseconds of each keystroke, and those of a processor for one."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tree(folder, files)
        editor = Editor(folder)
        editor.open("Dockerfile", TEXT)
        editor.findings("Dockerfile")
        time.sleep(2)  # the tree is read aside once
        before = processor(editor)
        typed = "# a comment that somebody types into the file, letter by letter, and one more line with words"
        for number in range(count):
            text = TEXT + typed[: number + 1]
            began = time.perf_counter()
            editor.change("Dockerfile", number + 2, text)
            editor.findings("Dockerfile", number + 2)
            found.append(1000 * (time.perf_counter() - began))
            time.sleep(0.1)
        taken = 1000 * (processor(editor) - before) / count
        editor.close()
    return found, taken


if __name__ == "__main__":
    print(f"{TEXT.count(chr(10))} lines; ms from keystroke to findings: fastest, median, slowest; of a processor")
    for files in (0, 200):
        one, taken = keystrokes(files)
        print(f"{2 * files} other files: {min(one):.0f}, {statistics.median(one):.0f}, {max(one):.0f}; {taken:.0f}")
