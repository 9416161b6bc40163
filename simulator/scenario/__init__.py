"""Scenarios as TOML, with their arrival curves and distributions. Pure, except for reading files."""
