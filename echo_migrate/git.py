"""What git says of a tree, asked so that nothing a strange repository configures is run."""

import os

_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit")
"""Neither a configured file system monitor nor an embedded bare repository may run code (git-config(1))."""


def git(folder: str, *words: str) -> bytes | None:
    """What git prints in a folder, or None where it is missing or fails."""
    import subprocess

    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        done = subprocess.run(
            [*_GIT, *words], cwd=folder, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
    except OSError:
        return None
    return None if done.returncode else done.stdout
