"""Docker's credential helpers: programs ``docker-credential-NAME`` that the user's configuration names.

Their protocol is that of docker/docker-credential-helpers: ``get``, the server on standard input, JSON on standard
output.
"""

import contextlib
import json
import os
import re
import signal
import subprocess

from echo_migrate.registry.errors import RegistryError
from echo_migrate.registry.names import printable

_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_SECONDS = 30
"""Until a helper must have answered; some ask the user for a password or a fingerprint."""

_NONE = (b"credentials not found", b"no credentials", b"not found in native keychain")
"""What helpers write, with exit code 1, where they have no login (credentials/error.go, and those of clouds)."""


def get(helper: str, server: str) -> tuple[str, str] | None:
    """Return the user name and the secret that a helper has for a server, None if it has none.

    Raises ``RegistryError`` if there is no such program or it fails; what it wrote is not shown.
    """
    name = f"docker-credential-{helper}"
    program = _program(name) if _NAME.fullmatch(helper) else None
    if program is None:
        raise RegistryError(f"{printable(name)}, which the Docker configuration names, is not on PATH", "install it")
    code, output = _run([program, "get"], server.encode(), name)
    if code != 0:
        if any(words in output.lower() for words in _NONE):
            return None
        raise RegistryError(f"{name} failed with exit code {code}", f"run it: echo {printable(server)} | {name} get")
    try:
        data = json.loads(output)
    except (ValueError, RecursionError):
        data = None
    username, secret = (data.get("Username"), data.get("Secret")) if isinstance(data, dict) else (None, None)
    if not isinstance(username, str) or not isinstance(secret, str):
        raise RegistryError(f"{name} did not answer with a login")
    return (username, secret) if secret else None


def _program(name: str) -> str | None:
    """Return the path of a program in an absolute folder of PATH that is not part of the tree in the working folder."""
    tree = os.path.realpath(os.curdir)
    home = os.path.realpath(os.path.expanduser("~"))
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        if not os.path.isabs(folder) or not os.path.isfile(path) or not os.access(path, os.X_OK):
            continue
        if _inside(home, tree) or not (
            _inside(os.path.realpath(folder), tree) or _inside(os.path.realpath(path), tree)
        ):
            return path  # whoever works in the home folder, or above it, has their own programs there
    return None


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _run(words: list[str], text: bytes, name: str) -> tuple[int, bytes]:
    """Return the exit code and the output of a program, which is ended with its children after some time."""
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError:
        raise RegistryError(f"{name} cannot be started") from None
    try:
        output, _ = process.communicate(text, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise RegistryError(f"{name} gave no answer within {_SECONDS} seconds") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return process.returncode, output
