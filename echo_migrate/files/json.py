"""A reader for JSON that keeps the offsets of every value, with optional comments and trailing commas.

Follows RFC 8259. With ``relaxed``, it also accepts comments and trailing commas, as Visual Studio Code (jsonc-parser,
``allowTrailingComma``) and the Dev Containers CLI do for "JSON with Comments".
"""

import re

from echo_migrate.files.values import DEEPEST, NotRead, Value

_TOKEN = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"'
    r"|[][{}:,]|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![\w.])|(?:true|false|null)(?!\w)"
)
_SPACE = re.compile(r"[ \t\r\n]*")
_RELAXED_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")


def read(text: str, relaxed: bool = False) -> Value:
    """Return the value of a JSON text. Raises ``NotRead``."""
    return _Reader(text, relaxed).whole()


class _Reader:
    """Reads from left to right; ``token`` is the next token, empty at the end of the text."""

    def __init__(self, text: str, relaxed: bool) -> None:
        self.text = text
        self.relaxed = relaxed
        self.token, self.start, self.end = "", 0, 0

    def whole(self) -> Value:
        self._next()
        node = self._value(0)
        if self.token:
            raise NotRead("has something behind its value", self.start)
        return node

    def _next(self) -> None:
        space = (_RELAXED_SPACE if self.relaxed else _SPACE).match(self.text, self.end)
        self.start = self.end = space.end() if space else self.end
        match = _TOKEN.match(self.text, self.start)
        if not match and self.start < len(self.text):
            raise NotRead("is not valid JSON", self.start)
        self.token = match[0] if match else ""
        self.end += len(self.token)

    def _take(self, *expected: str) -> str:
        if self.token not in expected or not self.token:
            raise NotRead("is not valid JSON" if self.token else "ends too soon", self.start)
        token = self.token
        self._next()
        return token

    def _value(self, depth: int) -> Value:
        if depth > DEEPEST:
            raise NotRead(f"is nested over {DEEPEST} deep", self.start)
        if self.token in ("{", "["):
            return self._many(depth)
        if self.token.startswith('"'):
            return self._string()
        if not self.token or self.token in "]}:,":
            raise NotRead("is not valid JSON" if self.token else "ends too soon", self.start)
        node = Value("other", self.token, self.start, self.end)
        self._next()
        return node

    def _string(self) -> Value:
        if not self.token.startswith('"'):
            raise NotRead("is not valid JSON" if self.token else "ends too soon", self.start)
        plain = "\\" not in self.token
        node = Value("text", self.token[1:-1] if plain else _decoded(self.token), self.start, self.end, plain)
        self._next()
        return node

    def _many(self, depth: int) -> Value:
        """Return an object or an array."""
        start, kind = self.start, self._take("{", "[")
        closing = "}" if kind == "{" else "]"
        found: list[Value | tuple[Value, Value]] = []
        while self.token != closing:
            if kind == "[":
                found.append(self._value(depth + 1))
            else:
                key = self._string()
                self._take(":")
                found.append((key, self._value(depth + 1)))
            if self.token != closing:
                self._take(",")
                if self.token == closing and not self.relaxed:
                    raise NotRead("has a comma behind its last value", self.start)
        end = self.end
        self._next()
        return Value("map" if kind == "{" else "list", tuple(found), start, end)


def _decoded(token: str) -> str:
    from json import loads

    return str(loads(token))
