// The client of the extension against the real server, outside the editor: `npm test`, with echo-migrate on the PATH or
// ECHO_MIGRATE as the words that start the server, in JSON.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import {
  CodeActionRequest, createProtocolConnection, DidOpenTextDocumentNotification, ExitNotification, InitializedNotification,
  InitializeRequest, PublishDiagnosticsNotification, ShutdownRequest, StreamMessageReader, StreamMessageWriter,
  type PublishDiagnosticsParams,
} from "vscode-languageserver-protocol/node.js";

import { commandOf, LANGUAGES, selector } from "./client.js";
import manifest from "../package.json";

test("the server answers the client of the extension", async () => {
  const { command, args } = commandOf(JSON.parse(process.env.ECHO_MIGRATE ?? "null"));
  const folder = mkdtempSync(join(tmpdir(), "echo-migrate-"));
  mkdirSync(join(folder, ".git"));
  const server = spawn(command, args, { cwd: folder, stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => server.once("exit", resolve));
  const connection = createProtocolConnection(new StreamMessageReader(server.stdout), new StreamMessageWriter(server.stdin));
  const told = new Promise<PublishDiagnosticsParams>((resolve) =>
    connection.onNotification(PublishDiagnosticsNotification.type, resolve),
  );
  connection.listen();
  const root = pathToFileURL(folder).toString();
  const workspaceFolders = [{ uri: root, name: "work" }];
  const answer = await connection.sendRequest(InitializeRequest.type, {
    processId: process.pid, rootUri: root, capabilities: {}, workspaceFolders,
  });
  assert.ok(answer.capabilities.codeActionProvider);
  await connection.sendNotification(InitializedNotification.type, {});
  const uri = `${root}/Dockerfile`;
  const textDocument = { uri, languageId: LANGUAGES[0], version: 1, text: "FROM node:22-slim\n" };
  await connection.sendNotification(DidOpenTextDocumentNotification.type, { textDocument });
  const { diagnostics, version } = await told;
  assert.equal(version, 1);
  assert.deepEqual(diagnostics.map((one) => one.code), ["unhardened-image"]);
  const actions = await connection.sendRequest(CodeActionRequest.type, {
    textDocument: { uri }, range: diagnostics[0].range, context: { diagnostics },
  });
  assert.ok(actions?.some((one) => one.title === "unhardened-image: use reg.echohq.com/node:22-slim"));
  await connection.sendRequest(ShutdownRequest.type);
  await connection.sendNotification(ExitNotification.type);
  assert.equal(await ended, 0);
});

test("a setting that is no command is the default", () => {
  for (const wrong of [undefined, null, "echo-migrate lsp", [], [1]]) {
    assert.deepEqual(commandOf(wrong), { command: "echo-migrate", args: ["lsp"] });
  }
  assert.deepEqual(commandOf(["uvx", "x"]), { command: "uvx", args: ["x"] });
});

test("each language that starts the extension is one that the server is told of", () => {
  assert.deepEqual(manifest.activationEvents, LANGUAGES.map((language) => `onLanguage:${language}`));
  assert.equal(selector().length, 2 * LANGUAGES.length);
});
