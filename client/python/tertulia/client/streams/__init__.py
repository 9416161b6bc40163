"""Event streams that resume by themselves."""
