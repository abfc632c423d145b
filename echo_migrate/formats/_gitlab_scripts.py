"""What the jobs of a GitLab pipeline of several files run in the images of one of them.

Follows docs.gitlab.com, "Use CI/CD configuration from other files" (Merge method for ``include``): mappings of the same
name are merged key by key. Which file wins is not settled here: each version of a key is taken into account.
"""

from itertools import islice, product

from echo_migrate.files.yaml import YamlNode, effective, is_scalar, sequence
from echo_migrate.formats._gitlab_jobs import GLOBAL, SCRIPTS, Keys

_MOST_PARENTS = 30
_MOST_RUNS = 50
_MOST_LINES = 2_000
_DEEPEST = 10

Script = list[YamlNode | None]


class Scripts:
    """What each job runs in an image, by the ID of the image's node, a list for each way in which the files, given as
    their mappings, may be merged. Unless ``certain``, any of the files may be left out."""

    def __init__(self, tops: list[Keys], certain: bool) -> None:
        self.tops, self.certain = tops, certain
        self.of: dict[int, list[Script]] = {}
        default = [effective(top["default"]) for top in tops if "default" in top]
        for name in dict.fromkeys(name for top in tops for name in top):
            if name not in GLOBAL and not name.startswith("."):
                self._note([*self._chain(name), default, tops])

    def _chain(self, name: str) -> list[list[Keys]]:
        """Return the versions of a job, and of those that any version extends, the nearest first."""
        chain: list[list[Keys]] = []
        waiting, seen = [name], set[str]()
        while waiting and len(chain) < _MOST_PARENTS:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                chain.append([effective(top[name]) for top in self.tops if name in top])
                extended = [keys["extends"] for keys in chain[-1] if "extends" in keys]
                waiting += [one.value for node in extended for one in (node, *sequence(node)) if is_scalar(one)]
        return chain

    def _note(self, chain: list[list[Keys]]) -> None:
        """Note what a job runs, given the versions of its keys, of those that it extends, and of those for all jobs."""
        if any("trigger" in keys for versions in chain[:-2] for keys in versions):
            return
        images = self._versions(chain, "image")
        scripts = [self._versions(chain, part) or [None] for part in SCRIPTS]
        apart: list[Script] = []
        choices = list(islice(product(*scripts), _MOST_RUNS + 1))
        if len(choices) > _MOST_RUNS:  # what one version installs must not stand for the others
            choices = [(one,) for versions in scripts for one in versions]
        runs = [[line for one in choice for line in self._lines(one, apart)] for choice in choices]
        for image in images:
            self.of.setdefault(id(image), []).extend([*runs, *apart])

    def _versions(self, chain: list[list[Keys]], key: str) -> list[YamlNode | None]:
        """Return the values that a key of a job may have; with None, where all files that set it may be left out."""
        found: list[YamlNode | None] = []
        settled = True
        for versions in chain:
            here = [meant for keys in versions if key in keys for meant in self._meant(keys[key])]
            found += here
            extended = {id(keys["extends"]) for keys in versions if "extends" in keys}
            settled = settled and len(extended) < 2
            if here and settled and self.certain:
                return found
        return [*found, None]

    def _meant(self, node: YamlNode) -> list[YamlNode]:
        """Return what a node may be: itself, or what ``!reference`` stands for in any file."""
        waiting, found, seen = [node], list[YamlNode](), set[int]()
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if not node.tag.startswith("!reference"):
                found.append(node)
                continue
            below: list[YamlNode] = []
            level = self.tops
            for step in sequence(node):
                below = [keys[step.value] for keys in level if is_scalar(step) and step.value in keys]
                level = [effective(one) for one in below]
            waiting += below
        return found

    def _lines(self, script: YamlNode | None, apart: list[Script]) -> Script:
        """Return the lines of a script. What a reference stands for that has several versions is none of them, and each
        of its lines is put ``apart``."""
        found: Script = []
        waiting = [(script, 0)]
        for _ in range(_MOST_LINES):
            if not waiting:
                break
            node, depth = waiting.pop()
            meant = self._meant(node) if node is not None else []
            if len(meant) > 1:
                apart += [[each] for one in meant for each in (one, *sequence(one)) if is_scalar(each)]
            elif meant and is_scalar(meant[0]):
                found.append(meant[0])
            elif meant and depth < _DEEPEST:
                waiting += [(one, depth + 1) for one in reversed([*sequence(meant[0])])]
        return found
