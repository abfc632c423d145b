"""Whether a fix ever migrates half a stage, on a folder of real files, for each provider.

usage: stages.py FOLDER [PROVIDER ...]      nothing in FOLDER is written

With `unhardened-image` alone and safe fixes, every stage of every Dockerfile is looked at. Where the image at its root
moved, no rule on readiness may find an error on the new text; where it did not, no byte of the stage may differ.
Prints the counts, and each fault; exits with 1 if there is one.
"""

import sys
from pathlib import Path

from echo_migrate.dockerfile.parser import read
from echo_migrate.engine.check import examine
from echo_migrate.engine.fix import fix_source
from echo_migrate.files.source import Source, Unreadable
from echo_migrate.formats import dockerfile, recognised
from echo_migrate.images import catalog
from echo_migrate.images import providers as vendors
from echo_migrate.model import Result
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Settings

GUARDS = tuple(rule for rule in RULES.values() if rule.blocks)


def stages(text: str) -> list[str]:
    """The text of each stage, cut at its FROM."""
    starts = [step.start for step in read(text).instructions if step.verb == "from"]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=False)]


def faults(result: Result, settings: Settings) -> list[str]:
    path, format = result.source.path, recognised(result.source.path, result.source.text)
    assert format is not None
    registry = f"{settings.catalog.registry}/"
    errors = [
        f"{path}: {finding.message}"
        for finding in examine(result.fixed, format, settings._replace(rules=GUARDS))[0]
        if finding.level == "error" and registry in finding.message and "would move" not in finding.message
    ]
    moved = [outcome for outcome in result.outcomes if outcome.state == "migrate"]
    if format is dockerfile and all(one.image.ref.spans for one in moved):
        places = [(one.image.start, one.image.end) for one in moved]
        old, new = stages(result.source.text), stages(result.fixed.text)
        starts = [step.start for step in read(result.source.text).instructions if step.verb == "from"]
        for start, before, after in zip(starts, old, new, strict=True):
            inside = any(start <= place < start + len(before) for place, _ in places)
            if before != after and not inside:
                errors.append(f"{path}: a stage changed in which no image moved")
    return errors


def main(folder: str, *providers: str) -> int:
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    found = 0
    for provider in providers or vendors.providers():
        settings = Settings(catalog.load(provider), (RULES["unhardened-image"],), apply=True)
        counts = {"files": 0, "changed": 0, "moved": 0, "held": 0}
        for path in files:
            try:
                source = Source.read(str(path))
            except Unreadable:
                continue
            format = recognised(source.path, source.text)
            if format is None:
                continue
            result = fix_source(source, format, settings)
            counts["files"] += 1
            counts["changed"] += result.fixed is not result.source
            counts["moved"] += sum(one.state == "migrate" for one in result.outcomes)
            counts["held"] += sum("stands against it" in one.reason for one in result.outcomes)
            said = faults(result, settings)
            found += len(said)
            for fault in said:
                print(fault)
        print(f"{provider}: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    print(f"{found} faults")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
