-- echo-migrate in Neovim, from 0.7. Put it into your init.lua; `pipx install 'echo-migrate[lsp]'` brings the server.
-- Code lenses: vim.lsp.codelens.refresh(), changes: vim.lsp.buf.code_action(), hover: vim.lsp.buf.hover().
local command = { "echo-migrate", "lsp" }
local patterns = {
  "*Dockerfile*", "*Containerfile*", "*.yml", "*.yaml", "*.hcl", "*.tf", "*.sh", "*.mk", "*Makefile", "*Jenkinsfile*",
  "*.nomad", "*.container", "devcontainer.json",
}

local function folder_of(file)
  local git = vim.fn.finddir(".git", vim.fn.fnamemodify(file, ":p:h") .. ";")
  return git ~= "" and vim.fn.fnamemodify(git, ":p:h:h") or vim.fn.getcwd()
end

local clients = {} -- one server for each repository

vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
  pattern = patterns,
  callback = function(event)
    local settings = { name = "echo-migrate", cmd = command, root_dir = folder_of(event.match) }
    if vim.lsp.start then -- from 0.8
      vim.lsp.start(settings, { bufnr = event.buf })
      return
    end
    local client = clients[settings.root_dir]
    if not client or vim.lsp.client_is_stopped(client) then
      client = vim.lsp.start_client(settings)
      clients[settings.root_dir] = client
    end
    vim.lsp.buf_attach_client(event.buf, client)
  end,
})
