"""Helpers that every part uses: TOML files, instants, keyed hashes of callers, API keys, folders, optional packages."""
