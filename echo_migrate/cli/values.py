"""The types of the values of options, for type checkers alone: making the class is a 250th of a small run."""

from typing import Literal, TypedDict


class Options(TypedDict, total=False):
    """The values of the options of all commands; a command has those of its signature."""

    paths: tuple[str, ...]
    images: tuple[str, ...]
    provider: str
    registry: str
    mapping: str
    sources: tuple[str, ...]
    seen_only: bool
    fips: bool
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
    approved: tuple[str, ...]
    exceptions: tuple[str, ...]
    unsafe_fixes: bool
    add_logins: bool
    image: tuple[str, ...]
    diff: bool
    check: bool
    folder: str
    hook: bool | None
    workflow: bool | None
    yes: bool
    online: bool
    refresh: bool
    offline: bool
    deep: bool
    locked: bool
    pin: bool
    update: bool
    verify: bool
    policies: tuple[str, ...]
    history: str
    minutes: str
    scan: tuple[str, ...]
    vex: tuple[str, ...]
    from_store: str
    sbom: tuple[str, ...]
    feed: tuple[str, ...]
    compare: str
    builder: str
    build_arg: tuple[str, ...]
    secret: tuple[str, ...]
    ssh: tuple[str, ...]
    network: str
    target: str
    platform: str
    timeout: int
    pull: bool
    smoke: tuple[str, ...]
    proofs: str
    proven: bool
    blocked: bool
    apply: bool
    tests: tuple[str, ...]
    split: str | None
    label: tuple[str, ...]
    author: str
    base: str
    fork: str
    pull_request: bool
    scheduler: str
    parquet: str
    dry_run: bool
