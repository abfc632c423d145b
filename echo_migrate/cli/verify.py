"""The command ``verify``: whether images are signed by whom they should be, and what else is attached to them."""

import os
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple, Unpack

import click

from echo_migrate import reports
from echo_migrate.cli.online import MISSING, client
from echo_migrate.cli.options import Options
from echo_migrate.cli.output import say, tell_configuration
from echo_migrate.cli.policies import policies_of
from echo_migrate.cli.results import discovered
from echo_migrate.cli.settings import catalog_of
from echo_migrate.engine.run import images_of
from echo_migrate.images.catalog import Catalog, load
from echo_migrate.images.reference import full_name, parsed
from echo_migrate.registry import lock
from echo_migrate.registry.client import Client
from echo_migrate.registry.errors import RegistryError
from echo_migrate.registry.names import printable
from echo_migrate.registry.trust import Policy, Trust, trust_of
from echo_migrate.registry.verification import WORDS, Verified, verify

_AT_ONCE = 4
"""Images at a time: what is attached to one may take 300 MB while it is read."""


class Asked(NamedTuple):
    """An image, by its full name, with who may sign it; ``found`` is what is known of it, or the error of that."""

    name: str
    trust: Trust
    found: Verified | str = ""


def run(**options: Unpack[Options]) -> int:
    """Print what is verified of images. Returns the exit code."""
    known, policies = catalog_of(options), needed(options)
    tell_configuration(options)
    words = options["paths"] or (".",)
    paths = [word for word in words if _is_path(word)]
    named, wrong = list(_named(word for word in words if not _is_path(word))), False
    if paths:
        found = discovered(paths, options)
        wrong = bool(found.missing)
        ours = f"{known.registry}/"
        used = [*_in_use(found.files), *(_locked() if "." in paths else ())]
        named += [name for name in used if name.startswith(ours) or _trust(name, known, policies)]
    asked = [asked_of(name, known, policies) for name in dict.fromkeys(named)]
    with client(options) as asking:
        done = looked_at(asking, asked)
    for note in dict.fromkeys(note for one in done if isinstance(one.found, Verified) for note in one.found.notes):
        say(note)
    if options["output_format"] == "json":
        click.echo(reports.as_json({"version": 1, "images": list(map(_as_json, done))}))
    else:
        click.echo("\n".join(map(_as_text, done)) or "No hardened images in use: name one to verify it.")
    if wrong or any(isinstance(one.found, str) for one in done):
        return 2
    return int(any(isinstance(one.found, Verified) and one.found.missing for one in done))


def needed(options: Options) -> tuple[Policy, ...]:
    """Return the policies of the options. Raises ``click.UsageError`` for one that is none, or if a library that
    verifies is missing."""
    if not (find_spec("cryptography") and find_spec("sigstore")):
        raise click.UsageError(f"verify {MISSING}")
    return policies_of(options.get("policies", ()))


def looked_at(asking: Client, asked: list[Asked]) -> list[Asked]:
    """Return images with what is known of them."""
    return asking.at_once(lambda one: one._replace(found=_found(asking, one)), asked, _AT_ONCE)


def asked_of(name: str, known: Catalog, policies: tuple[Policy, ...]) -> Asked:
    """Return an image, by its full name or with tag and digest, as one to look at."""
    return Asked(name, _trust(name, known, policies) or Trust())


def _found(asking: Client, asked: Asked) -> Verified | str:
    try:
        name, tag, digest = _parts(asked.name)
        return verify(asking, name, digest or tag, asked.trust, tag)
    except RegistryError as error:
        return error.sentence


def _trust(name: str, known: Catalog, policies: tuple[Policy, ...]) -> Trust | None:
    """Return who may sign an image: a mirror's are signed as the provider's."""
    own = load(known.provider).registry
    mirrors = [(known.registry, own)] if known.registry != own else []
    return trust_of(_parts(name)[0], policies, mirrors)


def _parts(full: str) -> tuple[str, str, str]:
    """Return the repository's name, the tag and the digest of a full name, "" for none."""
    name, _, digest = full.partition("@")
    before, colon, tag = name.rpartition(":")
    return (before, tag, digest) if colon and "/" not in tag else (name, "", digest)


def _is_path(word: str) -> bool:
    return os.path.lexists(word) or word.startswith((".", "/"))


def _named(words: Iterable[str]) -> Iterator[str]:
    """Yield the full names of images that are named on the command line. Raises ``click.UsageError``."""
    for word in words:
        reference = parsed(word)
        if reference is None or "$" in word:
            raise click.UsageError(f"{printable(word)}: neither a file or folder nor an image")
        yield full_name(reference)


def _in_use(files: Iterable[str]) -> Iterator[str]:
    """Yield the full names of the images that files use; those with variables have none."""
    for image in images_of(list(files)):
        reference = parsed(image.ref.value)
        if reference and not image.local and "$" not in image.ref.value:
            yield full_name(reference)


def _locked() -> Iterator[str]:
    """Yield the images in the lock file of the working folder, by tag and digest. Raises ``click.UsageError``."""
    if not os.path.lexists(lock.NAME):
        return
    try:
        for name, one in lock.read(lock.NAME).items():
            if one.answer.status == "available":
                yield f"{name}@{one.answer.digest}"
    except lock.LockError as error:
        raise click.UsageError(str(error)) from None


def _as_json(one: Asked) -> dict[str, Any]:
    found = one.found if isinstance(one.found, Verified) else None
    return {
        "reference": one.name,
        "digest": found.digest if found else None,
        "vendor": one.trust.title or None,
        "error": None if found else one.found,
        "notes": list(found.notes) if found else [],
        "required": list(one.trust.require),
        "missing": list(found.missing) if found else list(one.trust.require),
        "checks": {
            kind: {
                "status": check.word,
                "by": check.by or None,
                "reason": check.reason or None,
                "formats": list(check.formats),
                "details": list(check.details),
            }
            for kind, check in (found.checks.items() if found else ())
        },
    }


def _as_text(one: Asked) -> str:
    if not isinstance(one.found, Verified):
        return f"{one.name}\n  error: {reports.printable(one.found)}"
    pinned = "@" in one.name
    lines = [one.name if pinned else f"{one.name} ({one.found.digest})"]
    for kind, check in one.found.checks.items():
        said = [*check.formats, f"by {check.by}" if check.by else "", check.reason, *check.details]
        rest = reports.printable(", ".join(filter(None, said)))
        lines.append(f"  {kind:<11}{WORDS[check.word]}{f': {rest}' if rest else ''}")
    if one.found.missing:
        missing = ", ".join(one.found.missing)
        lines.append(reports.printable(f"  error: {one.trust.source} requires {missing}, which is not verified"))
    return "\n".join(lines)
