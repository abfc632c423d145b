"""The variables that a shell hands to the commands it runs (POSIX.1-2017, export, set -a and unset)."""

from typing import NamedTuple

from echo_migrate.shell.commands import Command, Word, pair


class Exports(NamedTuple):
    """What is exported at a place of a script: ``variables``, the last value of each last, ``given``, the values of all
    that is set, the names that are exported whatever they are set to, and whether everything is (``set -a``)."""

    variables: tuple[tuple[str, Word], ...] = ()
    given: tuple[tuple[str, Word], ...] = ()
    names: frozenset[str] = frozenset()
    everything: bool = False

    def assigned(self, pairs: tuple[tuple[str, Word], ...]) -> "Exports":
        more = tuple([one for one in pairs if self.everything or one[0] in self.names])
        return self._replace(variables=self.variables + more, given=self.given + pairs)

    def declared(self, declaration: str, words: list[Word]) -> "Exports":
        """Return the state after ``export``, or after another declaration with ``-x``."""
        options = "".join([word.value for word in words if word.value[:1] == "-"])
        pairs = tuple([pair(word) for word in words if "=" in word.value])
        if "x" not in options and (declaration != "export" or "n" in options):
            return self.assigned(pairs)
        named = [word.value for word in words if word.value[:1] != "-" and "=" not in word.value]
        given = dict(self.given) if named else {}
        more = (*pairs, *((name, given[name]) for name in named if name in given))
        names = self.names.union(named, (name for name, _ in pairs))
        return Exports(self.variables + more, self.given + pairs, names, self.everything)

    def unset(self, names: set[str]) -> "Exports":
        kept, given = (tuple([one for one in pairs if one[0] not in names]) for pairs in self[:2])
        return Exports(kept, given, self.names - names, self.everything)

    def after_set(self, command: Command) -> "Exports":
        """Return the state after a ``set`` command, of which ``-a`` and ``-o allexport`` matter."""
        everything = self.everything
        for before, word in zip(("", *command.arguments), command.arguments, strict=False):
            if word in ("-", "--"):
                break
            if (word[:1] in ("-", "+") and "a" in word[1:]) or (word == "allexport" and before.endswith("o")):
                everything = (before if word == "allexport" else word)[:1] == "-"
        return self._replace(everything=everything)
