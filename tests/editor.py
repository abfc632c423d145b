"""An editor, as the language server sees one: pygls's client over standard input and output."""

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

ROOT = Path(__file__).parent.parent
_SECONDS = 60
_Answer = TypeVar("_Answer")


class Editor:
    """An editor with a folder open, and the server that it started."""

    def __init__(
        self, folder: Path, watches: bool = True, encodings: list[str] | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.client = LanguageClient("tests", "1")
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.count: dict[str, int] = {}
        self.shown: list[str] = []
        self.applied: list[types.WorkspaceEdit] = []
        self.watching: list[types.Registration] = []
        self.news = threading.Condition()
        self._listen()
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | (env or {})
        command = (sys.executable, "-m", "echo_migrate", "lsp", "--stdio")
        self.wait(self.client.start_io(*command, cwd=str(folder), env=environment))
        capabilities = types.ClientCapabilities(
            general=types.GeneralClientCapabilities(position_encodings=list[Any](encodings)) if encodings else None,
            workspace=types.WorkspaceClientCapabilities(
                did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=watches)
            ),
        )
        named = [types.WorkspaceFolder(folder.as_uri(), folder.name)]
        params = types.InitializeParams(capabilities, root_uri=folder.as_uri(), workspace_folders=named)
        self.server = self.wait(self.client.initialize_async(params)).capabilities
        self.client.initialized(types.InitializedParams())

    def _listen(self) -> None:
        feature: Callable[[str], Callable[[Callable[[Any], Any]], Any]] = self.client.feature
        feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self._published(params))
        feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self._news(self.shown, params.message))
        feature(types.CLIENT_REGISTER_CAPABILITY)(lambda params: self._news(self.watching, *params.registrations))
        feature(types.WORKSPACE_APPLY_EDIT)(lambda params: self._apply(params))

    def _published(self, params: types.PublishDiagnosticsParams) -> None:
        with self.news:
            self.published[params.uri] = params
            self.count[params.uri] = self.count.get(params.uri, 0) + 1
            self.news.notify_all()

    def _apply(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        self._news(self.applied, params.edit)
        return types.ApplyWorkspaceEditResult(applied=True)

    def _news(self, kept: list[Any], *new: Any) -> None:
        with self.news:
            kept.extend(new)
            self.news.notify_all()

    def wait(self, answer: Awaitable[_Answer]) -> _Answer:
        async def one() -> _Answer:
            return await answer

        return asyncio.run_coroutine_threadsafe(one(), self.loop).result(_SECONDS)

    def call(self, act: Callable[..., Any], *arguments: Any) -> None:
        """Send a notification from the loop's thread, which owns the pipe."""
        done = threading.Event()

        def send() -> None:
            act(*arguments)
            done.set()

        self.loop.call_soon_threadsafe(send)
        assert done.wait(_SECONDS)

    def uri(self, name: str) -> str:
        return name if ":" in name else (self.folder / name).as_uri()

    def open(self, name: str, text: str, language: str = "dockerfile") -> None:
        one = types.TextDocumentItem(self.uri(name), language, 1, text)
        self.call(self.client.text_document_did_open, types.DidOpenTextDocumentParams(one))

    def change(self, name: str, version: int, text: str) -> None:
        one = types.VersionedTextDocumentIdentifier(version, self.uri(name))
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.call(self.client.text_document_did_change, types.DidChangeTextDocumentParams(one, [whole]))

    def close_text(self, name: str) -> None:
        one = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(self.uri(name)))
        self.call(self.client.text_document_did_close, one)

    def save(self, name: str) -> None:
        one = types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(self.uri(name)))
        self.call(self.client.text_document_did_save, one)

    def files_changed(self, *names: str) -> None:
        events = [types.FileEvent(self.uri(name), types.FileChangeType.Changed) for name in names]
        self.call(self.client.workspace_did_change_watched_files, types.DidChangeWatchedFilesParams(events))

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds of what the server told."""
        with self.news:
            held = self.news.wait_for(holds, _SECONDS)
        assert held, f"not within {_SECONDS} s; shown: {self.shown}, findings of {len(self.published)} texts"

    def findings(self, name: str, version: int = 1, after: int = 0) -> list[types.Diagnostic]:
        """Return the diagnostics of one version of a text, once they have come; ``after`` that many earlier ones."""
        uri = self.uri(name)
        self.until(lambda: uri in self.published and self.published[uri].version == version and self.count[uri] > after)
        return list(self.published[uri].diagnostics)

    def rules(self, name: str, version: int = 1, after: int = 0) -> list[tuple[int, object]]:
        """Return the lines, from 1, and rules of the diagnostics."""
        return [(one.range.start.line + 1, one.code) for one in self.findings(name, version, after)]

    def actions(self, name: str, line: int, column: int, only: list[str] | None = None) -> dict[str, types.CodeAction]:
        """Return the changes offered at a position, from 0, by title."""
        place = types.Position(line, column)
        context = types.CodeActionContext([], only=only)
        one = types.CodeActionParams(types.TextDocumentIdentifier(self.uri(name)), types.Range(place, place), context)
        answer = self.wait(self.client.text_document_code_action_async(one)) or []
        return {action.title: action for action in answer if isinstance(action, types.CodeAction)}

    def hover(self, name: str, line: int, column: int) -> str:
        one = types.HoverParams(types.TextDocumentIdentifier(self.uri(name)), types.Position(line, column))
        answer = self.wait(self.client.text_document_hover_async(one))
        return answer.contents.value if answer and isinstance(answer.contents, types.MarkupContent) else ""

    def completions(self, name: str, line: int, column: int) -> list[types.CompletionItem]:
        one = types.CompletionParams(types.TextDocumentIdentifier(self.uri(name)), types.Position(line, column))
        answer = self.wait(self.client.text_document_completion_async(one))
        return list(answer.items) if isinstance(answer, types.CompletionList) else []

    def lenses(self, name: str) -> list[types.CodeLens]:
        one = types.CodeLensParams(types.TextDocumentIdentifier(self.uri(name)))
        answer = self.wait(self.client.text_document_code_lens_async(one))
        return list(answer or [])

    def close(self) -> int:
        """End the session and return the exit code of the server."""
        self.wait(self.client.shutdown_async(None))
        self.call(self.client.exit, None)
        process = self.client._server
        assert process is not None
        code = self.wait(asyncio.wait_for(process.wait(), _SECONDS))
        stop: Callable[[], Awaitable[None]] = self.client.stop
        self.wait(stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        return code


def applied(text: str, edits: list[types.TextEdit], units: str = "utf-16-le") -> str:
    """Return a text with edits applied as an editor does: by lines and columns of UTF-16 or other units."""
    size = 2 if units == "utf-16-le" else 1
    for edit in sorted(edits, key=lambda one: (one.range.start.line, one.range.start.character), reverse=True):
        places = []
        for place in (edit.range.start, edit.range.end):
            lines = text.split("\n")
            before = "\n".join(lines[: place.line]) + ("\n" if place.line else "")
            line = (lines[place.line] if place.line < len(lines) else "").encode(units)
            places.append(len(before) + len(line[: place.character * size].decode(units)))
        text = text[: places[0]] + edit.new_text + text[places[1] :]
    return text
