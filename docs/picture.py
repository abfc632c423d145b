"""Draw what a check of the examples prints: ``python docs/picture.py`` writes docs/check.svg, which README shows."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parent.parent
WORDS = ("check", "tests/examples/shop")
COLUMNS = 104
TODAY = "2026-11-26"
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def printed() -> str:
    """Return what the check prints, with colours."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "echo_migrate", *WORDS, "--no-config", "--today", TODAY]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def drawn(text: str) -> str:
    """Return a terminal with a text in it, as SVG that loads nothing."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(f"$ echo-migrate {' '.join(WORDS)}\n{text.rstrip()}"))
    picture = console.export_svg(title="echo-migrate", theme=MONOKAI, unique_id="check")
    return "".join(f"{line.rstrip()}\n" for line in _FONT_FACE.sub("", picture).splitlines())


if __name__ == "__main__":
    (ROOT / "docs" / "check.svg").write_text(drawn(printed()))
