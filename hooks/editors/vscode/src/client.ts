// What the extension asks of the server: which command starts it, and for which texts. No import of vscode, so that it
// runs outside the editor too.

export const LANGUAGES = [
  "dockerfile", "dockercompose", "yaml", "github-actions-workflow", "jsonc", "json", "makefile", "shellscript",
  "terraform", "hcl", "groovy", "python",
];

export interface Command {
  command: string;
  args: string[];
}

/** Return the command of a setting; the default if it is none. */
export function commandOf(setting: unknown): Command {
  const words = Array.isArray(setting) && setting.length > 0 && setting.every((word) => typeof word === "string")
    ? (setting as string[])
    : ["echo-migrate", "lsp"];
  return { command: words[0], args: words.slice(1) };
}

/** Return the texts that the server is told of: files and those that are not saved yet. */
export function selector(): { scheme: string; language: string }[] {
  return LANGUAGES.flatMap((language) => ["file", "untitled"].map((scheme) => ({ scheme, language })));
}
