"""The server: what it keeps of a session, and which of its functions answers what.

One thread, so that the limits of time and memory per text hold. A text is checked as soon as it changed, one text at a
time, and requests are answered in between; changes that came while another was checked are waited for, and checked
once. What was read of the tree is kept until something changes on disk: the editor says so, or, if it cannot, it is
read again after some seconds.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from echo_migrate import __version__
from echo_migrate.files.patterns import slashed
from echo_migrate.files.tree import SKIPPED
from echo_migrate.files.workspace import begin
from echo_migrate.lsp import actions, answers, completion
from echo_migrate.lsp.analysis import Analysis, Configuration, Opened, analyse
from echo_migrate.lsp.tree import targets_below
from echo_migrate.model import Fix

_SOON = 0.01
"""Seconds after a check in which a change waits for more: those that came while it ran are checked once. A change that
comes later is checked at once: on a busy machine a wait of 10 ms ends after 30."""

_FRESH = 2.0
"""Seconds for which what was read of the tree counts with an editor that does not watch files."""

_SETTLED = 0.5
"""Seconds after a change on disk in which more are waited for."""


class Session:
    """The open texts of one editor, with what is known of each."""

    def __init__(self, server: LanguageServer, configure: Callable[[str], Configuration]) -> None:
        self.server = server
        self.configure = configure
        self.folders: list[str] = []
        self.configurations: dict[str, Configuration] = {}
        self.opened: dict[str, Opened] = {}
        self.analyses: dict[str, Analysis] = {}
        self.waiting: dict[str, None] = {}
        self.targets: dict[str, dict[str, frozenset[str]]] = {}
        self.watched = False
        self.told: set[str] = set()
        self.read = 0.0
        self.checked = 0.0
        self.timers: dict[str, asyncio.TimerHandle] = {}
        self.reading: asyncio.Task[None] | None = None

    def start(self, params: types.InitializeParams) -> None:
        """Take over the folders of the workspace; the first is the working folder, as on the command line."""
        self.enter(params.workspace_folders or [types.WorkspaceFolder(params.root_uri or "", "")])
        if self.folders and os.path.isdir(self.folders[0]):
            os.chdir(self.folders[0])
        workspace = params.capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        self.watched = bool(watching and watching.dynamic_registration)

    def enter(self, folders: Iterable[types.WorkspaceFolder]) -> None:
        """Take these folders for those of the workspace."""
        paths = [to_fs_path(folder.uri) for folder in folders if folder.uri.startswith("file:")]
        self.folders = [os.path.realpath(path) for path in paths if path]

    def analysis(self, uri: str) -> Analysis | None:
        """Return the analysis of an open text as it is now; None for one that is not open, or cannot be."""
        if uri in self.waiting:
            self._check(uri)
        return self.analyses.get(uri)

    def changed(self, opened: Opened) -> None:
        """Have a text checked soon, before those that wait already."""
        self.opened[opened.uri] = opened
        self.waiting = {opened.uri: None} | self.waiting
        self._later("check", _SOON if time.monotonic() - self.checked < _SOON else 0, self._work)

    def closed(self, uri: str) -> None:
        """Forget a text, and take its findings from the editor."""
        self.opened.pop(uri, None)
        self.waiting.pop(uri, None)
        if self.analyses.pop(uri, None):
            self.server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def disk_changed(self) -> None:
        """Check all open texts anew, with what now is on disk."""
        self._forget()
        self.waiting |= dict.fromkeys(self.opened)
        self._later("check", _SOON, self._work)
        self._later("tree", _SETTLED, self._read_tree)

    def _later(self, what: str, seconds: float, act: Callable[[], None]) -> None:
        if what not in self.timers:
            self.timers[what] = asyncio.get_running_loop().call_later(seconds, self._now, what, act)

    def _now(self, what: str, act: Callable[[], None]) -> None:
        del self.timers[what]
        act()

    def _work(self) -> None:
        """Check one of the texts that wait, and let the editor's requests come before the next."""
        uri = next(iter(self.waiting), None)
        if uri is not None:
            self._check(uri)
            if self.waiting:
                self._later("check", 0, self._work)

    def _check(self, uri: str) -> None:
        self.waiting.pop(uri, None)
        opened = self.opened.get(uri)
        if opened is None:
            return
        path = self._path(uri)
        if not self.watched and time.monotonic() - self.read > _FRESH:
            self._forget()
        encoding = types.PositionEncodingKind(self.server.workspace.position_encoding)
        found = analyse(opened, path, self._configuration(path), encoding.value)
        self.analyses[uri] = found
        shown = types.PublishDiagnosticsParams(uri, answers.diagnostics(found), opened.version)
        self.server.text_document_publish_diagnostics(shown)
        self.checked = time.monotonic()

    def _forget(self) -> None:
        begin()
        self.read = time.monotonic()
        self.configurations.clear()

    def _path(self, uri: str) -> str:
        """Return the path of a text, relative to the working folder if it is in it; a text without a file is taken to
        be there."""
        path = to_fs_path(uri) if uri.startswith("file:") else None
        if not path:
            return uri.rpartition("/")[2].rpartition(":")[2]
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        below = os.path.relpath(path)
        return slashed(path if below.startswith(os.pardir + os.sep) else below)

    def _folder(self, path: str) -> str:
        """Return the folder of the workspace that has a file, else the file's own."""
        full = os.path.abspath(path)
        above = [folder for folder in self.folders if full.startswith(folder.rstrip(os.sep) + os.sep)]
        return max(above, key=len, default=os.path.dirname(full))

    def _configuration(self, path: str) -> Configuration:
        folder = self._folder(path)
        if folder not in self.configurations:
            found = self.configure(folder)
            targets = self.targets.get(folder, {})
            self.configurations[folder] = found._replace(settings=found.settings._replace(targets=targets))
            if found.error and found.error not in self.told:
                self.told.add(found.error)
                message = types.ShowMessageParams(types.MessageType.Error, f"echo-migrate: {found.error}")
                self.server.window_show_message(message)
        return self.configurations[folder]

    def _read_tree(self) -> None:
        if self.reading is None or self.reading.done():
            self.reading = asyncio.get_running_loop().create_task(self._read_targets())
        else:
            self._later("tree", _SETTLED, self._read_tree)

    async def _read_targets(self) -> None:
        """Read what the files of the tree build, and check the open texts again if that has changed."""
        here, new = os.path.realpath("."), dict[str, dict[str, frozenset[str]]]()
        for folder in self.folders:
            exclude = self._configuration(os.path.join(folder, "Dockerfile")).exclude
            if found := await targets_below("." if folder == here else folder, exclude):
                new[folder] = found
        if new != self.targets:
            self.targets = new
            self.configurations.clear()
            self.waiting |= dict.fromkeys(self.opened)
            self._work()


def serve(configure: Callable[[str], Configuration]) -> None:
    """Serve an editor over standard input and output until it ends the session."""
    kind = types.TextDocumentSyncKind.Full  # whole texts: nothing to be applied to the wrong place
    server = LanguageServer("echo-migrate", __version__, text_document_sync_kind=kind)
    session = Session(server, configure)
    _register_changes(server, session)
    _register_requests(server, session)
    server.start_io()


def _register_changes(server: LanguageServer, session: Session) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        session.start(params)

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        session._read_tree()
        if session.watched:
            files = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher("**/*")])
            one = types.Registration("files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, files)
            await server.client_register_capability_async(types.RegistrationParams([one]))

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        one = params.text_document
        session.changed(Opened(one.uri, one.version, getattr(one.language_id, "value", one.language_id), one.text))

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        one = params.text_document
        known, change = session.opened.get(one.uri), params.content_changes[-1:]
        if known and change and isinstance(change[0], types.TextDocumentContentChangeWholeDocument):
            session.changed(known._replace(version=one.version, text=change[0].text))
        elif change:  # an editor that sends parts was not asked to: nothing true is known of its text
            session.closed(one.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(_: types.DidSaveTextDocumentParams) -> None:
        session.disk_changed()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        session.closed(params.text_document.uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        if any(SKIPPED.isdisjoint(change.uri.split("/")) for change in params.changes):
            session.disk_changed()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_workspace_folders(_: types.DidChangeWorkspaceFoldersParams) -> None:
        session.enter(list(server.workspace.folders.values()))
        session.disk_changed()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def did_change_configuration(_: types.DidChangeConfigurationParams) -> None:
        session.disk_changed()


def _register_requests(server: LanguageServer, session: Session) -> None:
    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions([*actions.KINDS]))
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        found, only = session.analysis(params.text_document.uri), params.context.only
        wanted = None if only is None else [getattr(one, "value", one) for one in only]
        return list(actions.code_actions(found, params.range, wanted)) if found else []

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        found = session.analysis(params.text_document.uri)
        return answers.hover(found, params.position) if found else None

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[*completion.TRIGGERS]))
    def complete(params: types.CompletionParams) -> types.CompletionList | None:
        found = session.analysis(params.text_document.uri)
        return completion.complete(found, params.position) if found else None

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    def code_lens(params: types.CodeLensParams) -> list[types.CodeLens]:
        found = session.analysis(params.text_document.uri)
        return list(answers.lenses(found)) if found else []

    @server.command(answers.MOVE)
    def move(*arguments: Any) -> None:
        """Move the image of a lens, if it still is where the lens was."""
        match arguments[0] if len(arguments) == 1 else arguments:
            case [str(uri), int(start), str(value), *_]:
                found = session.analysis(uri)
                one = found.at(start) if found else None
                if found and one and one.safe and one.image.ref.value == value:
                    fix = Fix(one.edits, "")
                    if actions.verified(fix, found):
                        edit = types.ApplyWorkspaceEditParams(actions.workspace_edit(fix.edits, found))
                        server.workspace_apply_edit(edit)
