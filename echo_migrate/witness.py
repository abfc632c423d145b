"""A second reader: dockerfile-parse must see the instructions that we see before a Dockerfile is written.

dockerfile-parse does not know heredocs, blank lines in a continuation, doubled escapes, ``# check=`` and a few more
(it would misread one real file in nine), so these are masked first, line for line: numbers of lines stay. Its limit: how
far a heredoc reaches is our word in both readings.
"""

import re
from io import BytesIO

from echo_migrate.instructions import Dockerfile
from echo_migrate.source import Source


def disagreement(source: Source, file: Dockerfile) -> str | None:
    """Where the second reader sees another instruction than we do, or None."""
    from dockerfile_parse import DockerfileParser

    text = _masked(source.text, file)
    data = BytesIO(text.encode("utf-8", "replace"))
    theirs = [
        (step["instruction"].lower(), step["startline"] + 1)
        for step in DockerfileParser(fileobj=data).structure
        if step["instruction"] != "COMMENT"
    ]
    ours, line, position = [], 1, 0
    for instruction in file.instructions:
        line += text_lines(source.text, position, instruction.start)
        position = instruction.start
        ours.append((instruction.verb, line))
    for one, other in zip([*ours, None], [*theirs, None], strict=False):
        if one != other:
            verb, number = one or other or ("", 0)
            return f"a second reader does not see {verb.upper()} on line {number} as we do"
    return None


def text_lines(text: str, start: int, end: int) -> int:
    return text.count("\n", start, end)


def _masked(text: str, file: Dockerfile) -> str:
    """The text with what the second reader cannot know as comments, and with plain ends of lines."""
    escape = file.escape
    lines = text.split("\n")
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line) + 1
    number = {start: index for index, start in enumerate(starts)}
    for start in file.skipped:
        lines[number[start]] = "#"
    for comment in file.comments:
        if comment.directive and re.match(r"#\s*check", comment.text.value, re.IGNORECASE):
            lines[number[text.rfind("\n", 0, comment.text.start) + 1]] = f"# syntax=x"
    first = 0
    for instruction in file.instructions:
        while starts[first] < text.rfind("\n", 0, instruction.start) + 1:
            first += 1
        heredocs = (instruction.trigger or instruction).heredocs
        body = heredocs[0].body.start if heredocs else instruction.end + 1
        last = first
        while last < len(lines) and starts[last] < body and starts[last] <= instruction.end:
            content = lines[last].rstrip("\r \t")
            if content.endswith(escape) and not lines[last].startswith("#"):
                goes_on = not content.endswith(escape * 2) or content.strip() == escape
                content = content[: -len(escape)] if goes_on else content.rstrip(escape) + "x"
                lines[last] = f"{content} {escape}" if goes_on else content
            last += 1
        end = last - 1
        while end > first and lines[end].startswith("#"):
            end -= 1
        lines[end] = lines[end].rstrip("\r \t").removesuffix(escape)
        while last < len(lines) and starts[last] <= instruction.end:
            lines[last] = "#"
            last += 1
        if not lines[first].strip() or " " not in lines[first].strip():
            lines[first] += " x"
        first = max(first, last - 1)
    return "\n".join(lines)
