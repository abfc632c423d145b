"""What the command line hands to a command: the values of its options, by their names."""

from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """All options that any command has; each command has those of its signature in ``cli/__init__.py``."""

    paths: tuple[str, ...]
    images: tuple[str, ...]
    provider: str
    registry: str
    mapping: str
    seen_only: bool
    preset: str
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    per_file_ignores: tuple[str, ...]
    levels: tuple[str, ...]
    today: str
    exclude: tuple[str, ...]
    include: tuple[str, ...]
    logins: tuple[str, ...]
    variant: Literal["auto", "runtime", "dev"]
    stdin_filename: str
    jobs: int
    output: tuple[str, ...]
    output_format: str
    statistics: bool
    color: str
    quiet: bool
    verbose: bool
    config: str
    no_config: bool
    baseline: str
    diff_base: str
    fail_on: str
    unsafe_fixes: bool
    image: tuple[str, ...]
    diff: bool
    check: bool
    folder: str
    hook: bool | None
    workflow: bool | None
    yes: bool
