"""The server for coding agents: the commands as tools. The extra ``mcp``; started by ``echo-migrate mcp``."""
