"""Many repositories: each is fetched, read and forgotten, and what was found is kept."""
