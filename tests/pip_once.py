"""What is ``sitecustomize`` of the Python that recipes are run by: a new environment gets the pip of one made before.

``python -m venv`` has ``ensurepip`` unpack and compile pip, which takes longer than all else that a recipe installs.
Here its files are linked from ``made``, beside this Python's environment: those of the pip that the tests run with.
Nothing of ``venv`` is imported for that: which ``venv`` runs is what tests of hostile folders look at.
"""

import os
import shutil
import subprocess
import sys
import sysconfig


def _lay(python: str) -> None:
    """Put pip into the environment of an interpreter."""
    made, new = os.path.join(os.path.dirname(sys.prefix), "made"), os.path.dirname(os.path.dirname(python))
    (packages, scripts), (own_packages, own_scripts) = (
        [sysconfig.get_path(kind, "venv", {"base": base, "platbase": base}) for kind in ("purelib", "scripts")]
        for base in (made, new)
    )
    shutil.copytree(packages, own_packages, copy_function=os.link, dirs_exist_ok=True)
    for name in os.listdir(scripts):
        if name.startswith("pip"):
            with open(os.path.join(scripts, name)) as source, open(os.path.join(own_scripts, name), "w") as target:
                target.write(f"#!{python}\n{source.read().partition(chr(10))[2]}")
            shutil.copymode(source.name, target.name)


if "venv" in sys.orig_argv:
    _plain = subprocess.check_output

    def _check_output(words, *more, **options):  # type: ignore[no-untyped-def] # as it is called by venv, or any other
        if "ensurepip" not in words:
            return _plain(words, *more, **options)
        _lay(words[0])
        return b""

    subprocess.check_output = _check_output  # type: ignore[assignment]
