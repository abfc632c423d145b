//! Starts the language server that is on the PATH of the worktree.

use zed_extension_api::{self as zed, Command, LanguageServerId, Result, Worktree};

struct EchoMigrate;

impl zed::Extension for EchoMigrate {
    fn new() -> Self {
        EchoMigrate
    }

    fn language_server_command(&mut self, _: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let command = worktree
            .which("echo-migrate")
            .ok_or("echo-migrate is not on the PATH: pipx install 'echo-migrate[lsp]'")?;
        Ok(Command { command, args: vec!["lsp".into()], env: worktree.shell_env() })
    }
}

zed::register_extension!(EchoMigrate);
