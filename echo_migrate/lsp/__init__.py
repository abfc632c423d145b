"""The language server: findings, fixes and targets in an editor. The extra ``lsp``; started by ``echo-migrate lsp``."""
