import { workspace, type ExtensionContext } from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

import { commandOf, selector } from "./client.js";

let client: LanguageClient | undefined;

export async function activate(_: ExtensionContext): Promise<void> {
  const server = commandOf(workspace.getConfiguration("echo-migrate").get("command"));
  client = new LanguageClient("echo-migrate", "echo-migrate", server, { documentSelector: selector() });
  await client.start();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}
