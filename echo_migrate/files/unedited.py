"""Files that are not edited by hand, or not alone: vendored ones, backups, test fixtures and snapshots, what a program
has generated or embeds, the sources of Docker official images, what public documentation is made from, and workflows
of another repository."""

import contextlib
import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Literal

from echo_migrate.files.generated import is_generated
from echo_migrate.files.lazy_regex import lazy_regex
from echo_migrate.files.named import inside
from echo_migrate.files.source import Unreadable, contents
from echo_migrate.files.tree import absolute, names_in
from echo_migrate.files.workspace import of_a_run

Unedited = Literal["vendored", "fixture", "generated", "official", "embedded", "example", "backup", "foreign"]

_FIXTURES = lazy_regex(
    r"__(?:fixtures|golden|snapshots)__|_?fixtures|goldens?|test[-_]?(?:data|files|fixtures?|resources)|\.(?:chainsaw|kyverno)-test"
)
_TEST_CASES = lazy_regex(r"(?:chainsaw|kyverno)-test\.ya?ml|\d\d-assert\.ya?ml")
"""What lies beside the input and the expected output of a test of cluster policies (Chainsaw, Kyverno, KUTTL)."""

_TESTS = frozenset(
    ("__tests__", "test", "testing", "tests", "integration", "e2e", "bench", "benchmark", "benchmarks", "evals")
)
_INPUT = lazy_regex(
    r"(?i)resources|samples|inputs?|corpus|(?:test)?cases|(?!use[-_])[\w-]+[-_]cases|checks|data|dockerfiles|example(?:s|_.+)?|fixture"
    r"|expected(?:[-_]?(?:outputs?|results?))?"
)
"""Folders below one of tests, or of benchmarks, that hold what these read or compare with."""
_CHANGED = frozenset(("before", "after"))
"""The same, where both lie side by side: what a test changes, and the result. One alone may hold what a test starts."""
_PACKAGED = (".groovy", ".java", ".kt", ".scala")
"""Endings of code whose folders are the names of packages (org/springframework/samples)."""

_ENVIRONMENTS = frozenset(("clusters", "environments", "env", "envs", "overlays", "stages"))
"""Folders in which a folder of a test's name is a place that is deployed to."""

_EXPECTED = lazy_regex(r"expected(?:[-_]?(?:outputs?|results?))?")
"""Folders whose manifests something is compared with, wherever they are."""

_INPUT_FILE = lazy_regex(
    r"(?i)(?:(?:resources?|samples?|inputs?|cases?)|(?:failing|passing)[-_]tests?(?:\.[\w-]+)*)\.ya?ml"
)
"""Files there that are such a folder in one, or what a test must refuse or let pass."""

_BACKUP = lazy_regex(
    r"(?i)(?:.*[-_.])?(?:backups?|bak|old|archived?)(?:[-_.].*)?(?:19|20)\d\d[-_.]?(?:0\d|1[0-2])[-_.]?(?:[0-2]\d|3[01])?(?:\D.*)?"
    r"|(?:.*[-_.])?(?:19|20)\d\d[-_.]?(?:0\d|1[0-2])[-_.]?(?:[0-2]\d|3[01])?[-_.](?:backups?|bak|old|archived?)",
    needs=("backup", "bak", "old", "archive"),
    of_files=True,
)
"""A folder or file that was kept under a date when it was replaced."""

_PUT_ASIDE = lazy_regex(
    r"(?i)(?:.*[-_.])?(?:(?:docker|container)file|compose)(?![a-z])"
    r"(?:.*[-_.](?:bak|old|orig)\d*|.*[ ]copy(?:[ ][\d()]+)?|[.]ok|.*__)(?:\.ya?ml)?",
    needs=("bak", "old", "orig", " copy", ".ok", "__"),
    of_files=True,
)
"""A Dockerfile or compose file that was kept when it was replaced, or that a file manager copied: no build looks for
such a name."""

_CI = frozenset((".circleci", ".github", ".gitlab", ".woodpecker"))
_SCHEMAS = frozenset(("linter", "parser", "schema", "schemas"))
"""Folders of what reads pipelines: a pipeline below one is an input of its tests."""

_OFFICIAL = ("generate-stackbrew-library.sh", "stackbrew-library")
"""What lies at the top of the sources of Docker official images, whose bases must be official images."""

_THIRD_PARTY = frozenset(("third_party", "third-party", "3rdparty"))
_VENDORED = ("modules.txt", "github.com", "autoload.php", "bundle", "cache")
"""What lies in a folder ``vendor`` that is of Go (also of what came before modules), Composer, Bundler."""

_VENDIR = ("vendir.yml", "vendir.yaml")
_INSTALLED = lazy_regex(r"(?:^|/)(?:ruby/\d[\d.]*/(?:bundler/)?gems|\.ansible/(?:collections|roles))/")
"""Where Bundler installs gems, whatever folder it is given, and Ansible Galaxy what a project takes over
(docs.ansible.com, "Galaxy User Guide")."""

_RELEASE = lazy_regex(r"[A-Za-z][\w.]{0,60}(?:-[A-Za-z][\w.]{0,60}){0,5}-v?\d{1,4}\.\d{1,4}\.\d{1,4}")
_LICENSES = frozenset(("COPYING", "LICENSE", "LICENSE.md", "LICENSE.txt"))
_SHIPPED = frozenset(("manifests", "samples"))
"""The folder that the archive of a release unpacks to (``istio-1.27.0``), and what lies there besides the programs in
``bin``: its license, and what is applied as it is. A folder of an own service may have one of these."""

_EARLIER = lazy_regex(
    r"(?:^|/)(?:versioned_docs/version-[^/]{1,100}"
    r"|docs?(?:[-_][\w-]{1,80})?/(?:[^/]{1,100}/){0,3}?versions/v?\d{1,4}(?:\.\d{1,4}){1,2}|\.history)/"
)
"""The documents of an earlier release, kept beside those of the next (docusaurus.io, "Versioning"), and what files were
before they were saved (marketplace.visualstudio.com, "Local History")."""

_SITE = "_site"
"""Where Jekyll and Eleventy write the site that they make."""

_EXAMPLES = lazy_regex(
    r"examples/(?:actions|data-sources|ephemeral-resources|functions|list-resources|provider|resources)/"
)
"""What the documentation of a Terraform provider is generated from (hashicorp/terraform-plugin-docs)."""

_TEMPLATES = ("Dockerfile.template", "Dockerfile.tmpl", "Dockerfile.j2", "Dockerfile.jinja2", "Dockerfile.in")
_VERSIONS = ("apply-templates.sh", "versions.json", "versions.yaml", "versions.yml")
"""What lies above Dockerfiles that are made of a template, one for each version."""

_WRITES = lazy_regex(r"(?m)^(?:from|import)[ \t]+hera\b", needs=("hera",))
"""How a Python program begins that the manifest of the same name beside it is compiled from (Hera, for Argo Workflows):
``exit_handler.py`` makes ``exit-handler.yaml`` (https://hera.readthedocs.io)."""

_ARGO = "argoproj.io/"
"""The group in the ``apiVersion`` of all that it writes."""

_MOST_FOLDERS = 64
"""The maximum number of folders, and of files in one of them, that are searched for what makes or embeds a file."""

_EMBEDS = lazy_regex(r"(?m)^//go:embed[ \t]+([^\r\n]{1,1000})")

_GOLDEN = lazy_regex(
    r"(?i)(?:.*\.)?(?:golden|snap|snapshot)(?:\.\w+)?|expected(?:[-_]?(?:outputs?|results?))?\.(?:ya?ml|json)",
    needs=("golden", "snap", "expected"),
)
_RESULT = lazy_regex(
    r"(?i)(?!.*(?:compose|dockerfile|containerfile))(.+)\.(expected|upstream)\.ya?ml", needs=("expected", "upstream")
)
"""What a test compares with, if it lies below a folder of tests, or what it is compared with, beside it."""

_HEAD = 3000
"""Characters in which a file tells that it is generated."""

_GENERATED_FILE = lazy_regex(r"(?i).+\.gen(?:erated)?\.(?:ya?ml|json)")
"""What tells by its name that a program has made it."""

_OF_CHARTS = ("Chart.yaml", "requirements.yaml")

_SCRIPT = lazy_regex(r"(?i).+\.(?:ba|k|z)?sh")
_COMMENTS = lazy_regex(r"(?:\ufeff?[ \t]*(?:#[^\n]*|(?:set|shopt)[ \t][^\n<]*)?\n)*")
"""What a script tells of itself: what stands behind its first command may be a part of what it writes."""

_AS_VENDORED = lazy_regex(
    r"(?:^|\n)[ \t]*(?:#|//|/?\*|;|<!--)[^\n]{0,300}?\bVENDORED\b"
    r"(?:[^\n]*\n[ \t]*(?:#|//|\*|;)){0,6}[^\n]{0,300}?\b(?:DO NOT (?:EDIT|MODIFY)(?! the next)|UNMODIFIED)\b"
)


def unedited(path: str, text: str, named: Iterable[str]) -> Unedited | None:
    """Return why nobody edits a file by hand, None if there is no reason known.

    ``named`` are the files and folders that the user named: what lies above them, and a file itself, does not count.
    """
    whole = absolute(path)
    below = inside(whole, named)
    if not below:
        return None
    root = whole[: -len(below)]
    *folders, name = below.split(os.sep)
    found = _by_folders(root, tuple(folders), name.endswith(_PACKAGED))
    if found:
        return found
    if name.endswith((".yaml", ".yml")) and any(map(_EXPECTED.fullmatch, folders)):
        return "fixture"
    if _INPUT_FILE.fullmatch(name) and not _TESTS.isdisjoint(folders) and _ENVIRONMENTS.isdisjoint(folders):
        return "fixture"
    if _BACKUP.fullmatch(name) or _PUT_ASIDE.fullmatch(name):
        return "backup"
    if _is_foreign(whole, text):
        return "foreign"
    within = _within(root, tuple(folders))
    if _GOLDEN.fullmatch(name) or _has_test_cases(within[0]) or _is_result(within[0], name, folders):
        return "fixture"
    head = _head(name, text)
    if "VENDORED" in head and _AS_VENDORED.search(head):
        return "vendored"
    if (
        is_generated(head)
        or _GENERATED_FILE.fullmatch(name)
        or _SITE in folders
        or (name == "Dockerfile" and _is_made(within))
    ):
        return "generated"
    if _is_compiled(within[0], name, text):
        return "generated"
    if _EXAMPLES.match(below) and names_in(os.path.join(root, "docs")) and "go.mod" in names_in(root):
        return "example"
    if folders[:2] == ["docs", "snippets"] and "mkdocs.yml" in names_in(root):
        return "example"
    if any(_embeds(folder, path) for folder in within):
        return "embedded"
    return "official" if _is_official(root) else None


def _head(name: str, text: str) -> str:
    """Return the beginning of a file, where it tells what it is."""
    comments = _COMMENTS.match(text[:_HEAD]) if _SCRIPT.fullmatch(name) else None
    return comments[0] if comments else text[:_HEAD]


@of_a_run(4096)
def _by_folders(root: str, folders: tuple[str, ...], packaged: bool) -> Unedited | None:
    """Return why nobody edits the files in a folder, by its path from a root; ``packaged`` is for code in packages."""
    whole = "/".join((*folders, ""))
    if _INSTALLED.search(whole):
        return "vendored"
    if any(_is_filled(root, folders[:count], whole) for count in range(len(folders))):
        return "vendored"
    if _EARLIER.search(whole):
        return "backup"
    for count, folder in enumerate(folders, 1):
        here = os.path.join(root, *folders[:count])
        if folder in _THIRD_PARTY or (folder == "vendor" and _is_vendor(here)) or _is_release(folder, here):
            return "vendored"
        if (
            count > 1
            and folders[count - 2] == "charts"
            and folder in _fetched(os.path.join(root, *folders[: count - 2]))
        ):
            return "vendored"
        above = folders[: count - 1]
        changed = folder in _CHANGED and names_in(os.path.join(root, *above)) >= _CHANGED
        read = (changed or _INPUT.fullmatch(folder)) and not packaged and _below_tests(above)
        if _FIXTURES.fullmatch(folder) or read:
            return "fixture"
        if folder in _CI and not _SCHEMAS.isdisjoint(above):
            return "fixture"
        if _BACKUP.fullmatch(folder):
            return "backup"
    return None


@of_a_run(1024)
def _fetched(chart: str) -> frozenset[str]:
    """Return the names of the charts that a chart has fetched into its folder ``charts``."""
    from echo_migrate.files.fetched import charts_in  # few charts have others

    return charts_in(_text(os.path.join(chart, name)) for name in _OF_CHARTS)


def _is_filled(root: str, above: tuple[str, ...], whole: str) -> bool:
    """Return whether what lies above a folder has a configuration of vendir that fills it, by its path from a root."""
    filled = _filled(os.path.join(root, *above))
    return bool(filled) and any(f"/{whole}".startswith("/".join(("", *above, one, ""))) for one in filled)


@of_a_run(4096)
def _filled(folder: str) -> frozenset[str]:
    paths = [path for name in _VENDIR if os.path.isfile(path := os.path.join(folder, name))]
    if not paths:
        return frozenset()
    from echo_migrate.files.fetched import folders_in  # few trees have one

    return folders_in("\n---\n".join(map(_text, paths)))


def _below_tests(folders: tuple[str, ...]) -> bool:
    """Return whether one of some folders is of tests, which one directly below one of environments is not."""
    return any(one in _TESTS and above not in _ENVIRONMENTS for above, one in pairwise(("", *folders)))


@of_a_run(4096)
def _within(root: str, folders: tuple[str, ...]) -> tuple[str, ...]:
    """Return a folder and those above it, down to a root, by its path from there."""
    return tuple([os.path.join(root, *folders[:count]) for count in range(len(folders), -1, -1)][:_MOST_FOLDERS])


def _is_foreign(path: str, text: str) -> bool:
    if not path.endswith((".yaml", ".yml")) or "jobs" not in text:
        return False
    from echo_migrate.files.workflows import is_foreign  # few files have jobs

    return is_foreign(path, text)


@of_a_run(64)
def _is_official(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in _OFFICIAL)


@of_a_run(1024)
def _is_vendor(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, name)) for name in _VENDORED)


def _is_release(name: str, folder: str) -> bool:
    """Return whether a folder is an unpacked release of a program of others."""
    if not _RELEASE.fullmatch(name):
        return False
    there = names_in(folder)
    return "bin" in there and not (there.isdisjoint(_LICENSES) or there.isdisjoint(_SHIPPED))


@of_a_run(4096)
def _has_test_cases(folder: str) -> bool:
    return any(map(_TEST_CASES.fullmatch, names_in(folder)))


@of_a_run(1024)
def _is_made(folders: tuple[str, ...]) -> bool:
    """Return whether a Dockerfile is made of a template: one beside it, or one above it, where versions are listed."""
    if not names_in(folders[0]).isdisjoint(_TEMPLATES):
        return True
    return any(not names_in(folder).isdisjoint(_VERSIONS) and _has_template(folder) for folder in folders)


def _has_template(folder: str) -> bool:
    templates = os.path.join(folder, "templates")
    deeper = (os.path.join(templates, name) for name in sorted(names_in(templates))[:_MOST_FOLDERS])
    return any(not names_in(one).isdisjoint(_TEMPLATES) for one in (folder, templates, *deeper))


def _is_result(folder: str, name: str, folders: list[str]) -> bool:
    """Return whether a manifest is the expected result of a test, by its name and its place, or by the name of what
    lies beside it. ``X.upstream.yaml`` beside ``X.yaml`` may be applied as well as that."""
    match = _RESULT.fullmatch(name)
    if not match:
        return False
    if not _TESTS.isdisjoint(folders) and _ENVIRONMENTS.isdisjoint(folders):
        return True
    written = (".py",) if match[2].lower() == "upstream" else (".py", ".yaml", ".yml")
    stems = (match[1], match[1].replace("-", "_"))
    return not names_in(folder).isdisjoint(f"{stem}{extension}" for stem in stems for extension in written)


def _is_compiled(folder: str, name: str, text: str) -> bool:
    """Return whether a resource of Argo is what the Python program beside it writes."""
    stem, extension = os.path.splitext(name)
    program = stem.replace("-", "_") + ".py"
    if extension not in (".yaml", ".yml") or program not in names_in(folder) or _ARGO not in text:
        return False
    return bool(_WRITES.search(_text(os.path.join(folder, program))))


def _text(path: str) -> str:
    """Return the text of a file, "" for a link and for what cannot be read."""
    with contextlib.suppress(Unreadable):
        return "" if os.path.islink(path) else contents(path).decode("utf-8", "replace")
    return ""


def _embeds(folder: str, path: str) -> bool:
    """Return whether a Go file of a folder embeds a file, by its path from there (https://pkg.go.dev/embed)."""
    patterns = _embedded(folder)
    parts = os.path.relpath(path, folder).split(os.sep) if patterns else []
    above = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return any(fnmatchcase(one, pattern) for one in above for pattern in patterns)  # * has / here


@of_a_run(4096)
def _embedded(folder: str) -> tuple[str, ...]:
    """Return the patterns of the files that the Go files of a folder embed."""
    found: list[str] = []
    for name in sorted(one for one in names_in(folder) if one.endswith(".go"))[:_MOST_FOLDERS]:
        text = _text(os.path.join(folder, name))
        found += (word.strip('"`').removeprefix("all:") for one in _EMBEDS.findall(text) for word in one.split())
    return tuple(found)
