"""A cross-check before a Dockerfile is written: dockerfile-parse must find the same instructions as our parser.

dockerfile-parse does not support heredocs, blank lines in a continuation, doubled escapes, ``# check=`` and a few more
(it would misread one real file in nine), so these are masked first, line by line, which keeps line numbers. Limitation:
the extent of a heredoc comes from our parser in both readings.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import accumulate, zip_longest

from echo_migrate.dockerfile.parser import Dockerfile
from echo_migrate.files.source import Source


def mismatch(source: Source, file: Dockerfile) -> str | None:
    """Return a message about the first instruction that the two parsers read differently, or None."""
    from dockerfile_parse import DockerfileParser

    data = BytesIO(_masked(source.text, file).encode("utf-8", "replace"))
    theirs = [
        (step["instruction"].lower(), step["startline"])
        for step in DockerfileParser(fileobj=data).structure
        if step["instruction"] != "COMMENT"
    ]
    ours = list(zip((step.verb for step in file.instructions), _lines_of(source.text, file), strict=True))
    for one, other in zip_longest(ours, theirs):
        if one != other:
            verb, line = one or other or ("", 0)
            return f"a second reader does not see {verb.upper()} on line {line + 1} as we do"
    return None


def _lines_of(text: str, file: Dockerfile) -> Iterator[int]:
    """Yield the line number of each instruction's first line, from 0."""
    line = position = 0
    for instruction in file.instructions:
        line += text.count("\n", position, instruction.start)
        position = instruction.start
        yield line


def _masked(text: str, file: Dockerfile) -> str:
    escape = file.escape
    lines = text.split("\n")
    starts = dict(zip(accumulate((len(line) + 1 for line in lines), initial=0), range(len(lines)), strict=False))
    for start in file.skipped:
        lines[starts[start]] = "#"
    for comment in file.comments:
        if comment.directive and not re.match(r"#\s*(syntax|escape)", comment.text.value, re.IGNORECASE):
            lines[starts[comment.below] - 1 if comment.below in starts else -1] = "# syntax=x"
    for instruction, first in zip(file.instructions, _lines_of(text, file), strict=True):
        last = first + text.count("\n", instruction.start, instruction.end)
        heredocs = (instruction.trigger or instruction).heredocs
        body = starts[heredocs[0].start] if heredocs else last + 1
        lines[body : last + 1] = ["#"] * (last + 1 - body)
        for number in range(first, body):
            content = lines[number].rstrip("\r \t")
            if content.endswith(escape * 2):
                lines[number] = content.rstrip(escape) + " x"
            elif content.endswith(escape):
                written = content[: -len(escape)]
                torn = number == first and not re.search(r"\S\s", written)  # the verb may go on in the next line
                lines[number] = f"{instruction.verb if torn else written} {escape}"
            elif number == first:
                lines[number] = content + " x"
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    if lines:
        lines[-1] = lines[-1].rstrip("\r \t").removesuffix(escape) + " x"
    return "\n".join(lines)
