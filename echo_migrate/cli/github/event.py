"""What the event that started a workflow has of a pull request.

Form: docs.github.com, "Webhook events and payloads", pull_request and workflow_run. The file is GitHub's own; names in
it (branches, repositories) are chosen by whoever opens a pull request.
"""

import json
import re
from typing import Any, NamedTuple

from echo_migrate.files.source import reason_of

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Unusable(ValueError):
    """What was given cannot be used; the message says what it is and why."""


class Event(NamedTuple):
    """``number`` is 0 where no pull request is named: then ``branch`` (owner:name) is what to look for, or empty.

    ``head`` and ``base`` are revisions; ``remote`` says that the results are of another workflow or job, and so not to
    be trusted, and that what was looked at need not lie here. ``fork``: the pull request comes from another repository.
    """

    number: int = 0
    head: str = ""
    base: str = ""
    branch: str = ""
    remote: bool = False
    fork: bool = False


def read(path: str) -> Event:
    """Return the event in a file; an empty one for events without a pull request, and without a file. Raises
    ``Unusable``."""
    if not path:
        return Event()
    try:
        with open(path, encoding="utf-8") as file:
            return of(json.load(file))
    except OSError as error:
        raise Unusable(f"{path}: cannot be read: {reason_of(error)}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(f"{path}: is no event of GitHub Actions") from None


def of(payload: Any) -> Event:
    """Return what a payload says. Raises ``Unusable`` for revisions that are none, ``KeyError`` and such for other
    forms."""
    if payload.get("pull_request") is not None:
        pull = payload["pull_request"]
        return Event(
            number=_number(pull["number"]),
            head=_revision(pull["head"]["sha"]),
            base=_revision(pull["base"]["sha"]),
            fork=_repository(pull["head"]) != _repository(pull["base"]),
        )
    if payload.get("workflow_run") is not None:
        run = payload["workflow_run"]
        owner = ((run.get("head_repository") or {}).get("owner") or {}).get("login")
        if run.get("event") != "pull_request" or not owner:
            return Event(remote=True)
        return Event(head=_revision(run["head_sha"]), branch=f"{owner}:{run['head_branch']}", remote=True)
    return Event()


def _repository(side: Any) -> str:
    """Return the repository of a side of a pull request; "" for a fork that is deleted."""
    return str((side.get("repo") or {}).get("full_name") or "")


def _revision(value: Any) -> str:
    if not isinstance(value, str) or not _SHA.fullmatch(value):
        raise Unusable("the event names a revision that is none")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Unusable("the event names a pull request that is none")
    return value
