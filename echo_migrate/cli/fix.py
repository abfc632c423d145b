"""The command ``fix``: applies fixes, and writes the files."""

import os
from typing import Unpack

from echo_migrate.cli.options import Options
from echo_migrate.cli.output import print_bytes, print_patch, print_report, say
from echo_migrate.cli.program import undisturbed
from echo_migrate.cli.results import results_of, standard_input_data
from echo_migrate.cli.settings import settings_of
from echo_migrate.engine import fix
from echo_migrate.model import Result


def run(**options: Unpack[Options]) -> int:
    """Apply fixes, or print a patch. Returns the exit code."""
    settings = settings_of(options)._replace(
        apply=True, unsafe=options["unsafe_fixes"], add_logins=options["add_logins"]
    )
    dry = options["diff"] or options["check"]
    stdin = options["paths"] == ("-",)
    results, wrong = results_of(options, settings)
    if options["proven"]:
        from echo_migrate.cli.proven import with_proven

        results = with_proven(results, options, settings)
    done: list[Result] = []
    try:
        for result in results:
            with undisturbed():
                result, failed = (result, result.refused is not None) if dry or stdin else _written(result)
                done.append(result)
            wrong = wrong or failed or result.unread
    except KeyboardInterrupt as stop:
        count = 0 if dry else sum(result.fixed is not result.source for result in done)
        stop.add_note(f"{count} files are changed, every file is whole")
        raise
    changed = any(result.fixed is not result.source for result in done)
    if not dry and not stdin:
        from echo_migrate.files.write import remove_stale

        read = [result.source.path for result in done if result.kind and not result.unread]  # these are in the tree
        for folder in sorted({os.path.dirname(os.path.realpath(path)) for path in read}):
            remove_stale(folder)
    if options["diff"]:
        from echo_migrate.engine.patch import patch

        print_patch(patch(done), options["color"])
    elif stdin and not dry:
        print_bytes(standard_input_data() if not changed else done[0].fixed.data)
    if dry:
        done = [fix.undone(result) for result in done]
    printed = print_report(done, options, "fix", aside=options["diff"] or stdin)
    return 2 if wrong or not printed else int(dry and changed)


def _written(result: Result) -> tuple[Result, bool]:
    """Return the result after its file is written, and whether writing failed or the change was refused."""
    if result.fixed is result.source:
        return result, result.refused is not None
    from echo_migrate.files.write import NotWritten, write

    try:
        write(result.source, result.fixed)
    except NotWritten as error:
        say(f"{result.source.path}: {error}")
        return fix.refuse(result, str(error)), True
    return result, False
