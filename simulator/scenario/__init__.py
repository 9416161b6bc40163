"""What is simulated: scenarios as TOML, their arrival curves and distributions. Pure, but for reading files."""
