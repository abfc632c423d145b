"""A run: from paths to results, in one process or several, with limits and error handling for each file."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from echo_migrate.dockerfile.stages import Stage
from echo_migrate.engine.check import at_its_level, check
from echo_migrate.engine.fix import fix_source
from echo_migrate.files.budget import Spent, bounded
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.plugins import PluginFailed
from echo_migrate.files.source import Inaccessible, Source, TooMuch, Traced, Unreadable
from echo_migrate.files.workspace import begin
from echo_migrate.formats import NO_REQUEST, Format, named, on_clusters, recognised, targets
from echo_migrate.images.reference import untagged
from echo_migrate.model import Finding, Image, Migration, Problem, Result
from echo_migrate.model.reasons import Reason, because
from echo_migrate.rules import RULES
from echo_migrate.rules._rule import Context, Settings, by_kind
from echo_migrate.rules.unreadable_file import unreadable_file

if TYPE_CHECKING:
    from echo_migrate.engine.discover import Discovery

_STAGE = lazy_regex(r"(?im)^[ \t]*FROM[ \t][^\n]*[ \t]AS[ \t]+(\S+)")


_REFERENCE = lazy_regex(
    r"(?im)^[ \t]*(?:-[ \t]+)?(?:FROM[ \t]+(?:--\S+[ \t]+)?|[\"']?image[\"']?[ \t]*[:=][ \t]*)[\"']?([^\s\"'#,}]+)"
)
"""A line that may name an image, in a file that could not be read."""


MANY = 200
"""The number of files for which a run uses several processes; for fewer, starting them takes longer than it saves."""


def unreadable(path: str, reason: str, settings: Settings) -> Result:
    """Return the result for a file that is no text."""
    source = Source(path, "")
    settings = settings.within(path)
    context = Context(source, settings, {})
    found = check(by_kind(settings.rules), {Problem: [Problem(0, 0, reason)]}, context)
    return Result(source, tuple(at_its_level(finding, settings) for _, _, finding in found), (), source)


def unread(source: Source, reason: str) -> Result:
    """Return the result for a file that should have been read and was not: an error, whatever rules are selected.

    References found in the lines of its text need review.
    """
    finding = Finding(0, 0, reason, level="error", rule=unreadable_file.id)
    local = {"scratch", *(match[1].lower() for match in _STAGE.finditer(source.text))}
    images = [
        Image(Traced.of(source.text, *match.span(1)), "unread", *match.span(1))
        for match in _REFERENCE.finditer(source.text)
        if match[1].lower() not in local
    ]
    outcomes = tuple(Migration(image, "needs-person", reasons=(because("left-unread"),)) for image in images)
    return Result(source, (finding,), outcomes, source, kind="unread")


def fix_path(path: str, settings: Settings) -> Result | None:
    """Return the result for a file on disk, whatever its content; None if it has no known format, and is of no kind
    that names images."""
    try:
        source = Source.read(path)
    except Inaccessible as error:
        return unread(Source(path, ""), f"this file {error}")
    except Unreadable as error:
        return unreadable(path, str(error), settings) if named(path) else None
    return check_safely(source, settings) or _not_read(source)


def _not_read(source: Source) -> Result | None:
    """Return the result for a file that no format recognises, if it is of a kind that names images."""
    from echo_migrate.files.unread import unread_kind  # most files have a format

    kind = unread_kind(source.path, source.text)
    empty = Source(source.path, "")
    return Result(empty, (), (), empty, not_read=kind) if kind else None


def check_safely(source: Source, settings: Settings, otherwise: Format | None = None) -> Result | None:
    """Return the result of ``fix_source``; None if the format is not known and ``otherwise`` is not given.

    Time and memory are limited, and an internal error is a finding, so that one file never ends a run.
    """
    try:
        with bounded():
            format = recognised(source.path, source.text) or otherwise
            return fix_source(source, format, settings.within(source.path)) if format else None
    except (Spent, TooMuch, PluginFailed) as error:
        return unread(source, f"this file was left unread: {error}")
    except RecursionError:
        return unread(source, "this file was left unread: it is nested too deep")
    except MemoryError:
        return unread(source, "this file was left unread: it needs more memory than there is")
    except Exception as error:
        return unread(source, f"this file ran into a fault of echo-migrate ({type(error).__name__}: {error})")


def images_in(source: Source, otherwise: Format | None = None) -> list[Image]:
    """Return the images that a file names, without what rules ask of it; none if it cannot be read."""
    with contextlib.suppress(Exception, Spent), bounded():
        format = recognised(source.path, source.text) or otherwise
        nodes = format.parse(source, NO_REQUEST) if format else ()
        return [node for node in nodes if isinstance(node, Image)]
    return []


def images_of(paths: Iterable[str]) -> Iterator[Image]:
    """Yield the images that files on disk name; files that cannot be read are left to the run itself."""
    begin()
    for path in paths:
        with contextlib.suppress(Unreadable):
            yield from images_in(Source.read(path))


def run(paths: list[str], settings: Settings, jobs: int = 0) -> Iterable[Result | None]:
    """Return the results of ``fix_path`` in the order of the paths, from several processes for ``MANY`` paths or more.

    ``jobs`` is the number of processes, 0 for one per processor. It is limited to the number of processors: more are
    not faster, and each has its own memory limit.
    """
    begin()
    wanted = any(Stage in rule.kinds for rule in settings.rules)
    if wanted:
        settings = settings._replace(targets=targets(paths), clusters=on_clusters(paths))
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = min(jobs or processors, max(processors, 2))
    if jobs == 1 or len(paths) < MANY:
        return (fix_path(path, settings) for path in paths)
    return _shared(paths, settings, jobs)


def not_entered(found: "Discovery", settings: Settings) -> Iterator[Result]:
    """Yield a result for each file that must not be read, and for each folder that could not be entered."""
    for path, reason in found.refused.items():
        yield unreadable(path, reason, settings)
    for path, reason in sorted(found.closed.items()):
        yield unread(Source(path, ""), f"this folder {reason}")


def with_missing_logins(results: Iterable[tuple[str, Result | None]], settings: Settings) -> Iterator[Result]:
    """Yield the results, and at the end what they lack of logins; if logins are added, files that may pull the images
    of others come last, when these are known."""
    yaml = list[tuple[str, Result | None]]()
    without, pulling = list[str](), list[str]()
    staged = dict[str, tuple[str, frozenset[int]]]()
    used = in_use = False
    for path, result in results:
        at = [one.state for one in result.outcomes if one.at(settings.catalog.registry)] if result else []
        used, in_use = used or bool(at), in_use or "hardened" in at
        if result and result.kind in _SAY_PULLS and (at or _is_known_whole(result)):
            (pulling if at else without).append(path)
        if result and result.kind == "dockerfile" and len(result.outcomes) > 1:
            may = {one.image.start for one in result.outcomes if one.at(settings.catalog.registry) or not _is_told(one)}
            if len(may) < len(result.outcomes):
                staged[path] = (result.source.text, frozenset(may))
        is_yaml = bool(settings.catalog.login) and path.endswith((".yml", ".yaml"))
        if is_yaml and settings.add_logins:
            from echo_migrate.engine.registry_login import is_pipeline, with_logins

            if is_pipeline(path):
                yaml.append((path, result))
                continue
            result = with_logins(result, path, settings, in_use=in_use)
        elif is_yaml:
            yaml.append((path, result))
        if result is not None:
            yield result
    if settings.add_logins and yaml:
        from echo_migrate.engine.registry_login import with_logins
        from echo_migrate.engine.workflow_logins import Built

        for path, result in yaml:
            result = with_logins(result, path, settings, used, in_use, Built.of(pulling, without, staged))
            if result is not None:
                yield result
    elif used and yaml:
        from echo_migrate.engine.registry_login import login_results
        from echo_migrate.engine.workflow_logins import Built

        done, paths = [result for _, result in yaml if result], [path for path, _ in yaml]
        yield from login_results(done, paths, settings, in_use, Built.of(pulling, without, staged))


_SAY_PULLS = ("bake", "compose", "dockerfile")
"""Kinds of files that say what a build, or the start of services, pulls."""


def _is_known_whole(result: Result) -> bool:
    """Return whether such a file says whether it pulls images of the provider: it is no template, and no variable,
    which a build may set, is a part of an image, or only of the tag of one that the provider has in no version."""
    return (bool(result.outcomes) or result.kind != "dockerfile") and all(map(_is_told, result.outcomes))


def _is_told(move: Migration) -> bool:
    image = move.image
    nowhere = move.state == "first-party" or any(map(_in_no_version, move.reasons))
    ref = image.ref.cut(0, len(untagged(image.ref.value))) if nowhere else image.ref
    open_to_others = image.not_editable or (image.unsettled and not nowhere) or "$" in ref.value
    return not open_to_others and not any(start < image.start or end > image.end for start, end in ref.spans)


def _in_no_version(reason: Reason) -> bool:
    """Return whether a reason says that the provider does not have an image, whatever the tag."""
    of_one_line = ":" in dict(reason.values).get("name", "")
    return reason.id == "unknown-image" or (reason.id == "not-offered" and not of_one_line)


CHUNK = 32

_settings: Settings | None = None


_START = "fork" if sys.platform == "linux" else "spawn"
"""How processes are started: with this one as their parent, and on Linux with all that is loaded. A server that forks
them, Python's default from 3.14, would be their parent, and outlive a run that is killed."""


def _shared(paths: list[str], settings: Settings, jobs: int) -> Iterator[Result | None]:
    """Yield the results in the order of the paths. Processes receive rules by id and look them up."""
    from collections import deque
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    from echo_migrate.files.threads import awaited

    names = tuple(rule.id for rule in settings.rules)
    arguments = (settings._replace(rules=()), names, os.getpid())
    done = careful = 0
    os.environ["PYTHONSAFEPATH"] = "1"  # new processes import nothing from the working folder
    while done < len(paths):
        rest = paths[done : done + careful] if careful else paths[done:]
        workers, chunk = (1, 1) if careful else (jobs, CHUNK)
        with ProcessPoolExecutor(workers, get_context(_START), _start, arguments) as pool:
            try:
                futures = deque(pool.submit(_fix_paths, rest[i : i + chunk]) for i in range(0, len(rest), chunk))
                while futures:
                    for result in awaited(futures.popleft()):  # what was yielded is not kept
                        done += 1
                        careful = max(0, careful - 1)
                        yield result
            except (GeneratorExit, KeyboardInterrupt):
                for process in active_children():  # the pool would wait for the dozens of files that they have begun
                    process.kill()  # one that has just begun may lose a signal that it can handle
                raise
            except BrokenProcessPool:
                if careful:  # with one file at a time, it was this one
                    yield _lost(paths[done])
                    done += 1
                careful = max(careful - 1, 0) or jobs * CHUNK


def _lost(path: str) -> Result:
    """Return the result for a file whose process was killed."""
    source = Source(path, "")
    with contextlib.suppress(Unreadable):
        source = Source.read(path)
    return unread(source, "this file was left unread: its process was killed (was there too little memory?)")


def _start(settings: Settings, names: tuple[str, ...], parent: int) -> None:
    global _settings

    end_with(parent)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # a signal to all processes of the run is the parent's alone, which ends it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which a pool ends its others, once one was killed
    _settings = settings._replace(rules=tuple(RULES[name] for name in names))


def end_with(parent: int) -> None:
    """End this process once its parent has ended: its results are not needed then."""
    import threading
    import time

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _fix_paths(paths: list[str]) -> list[Result | None]:
    assert _settings is not None
    return [fix_path(path, _settings) for path in paths]
