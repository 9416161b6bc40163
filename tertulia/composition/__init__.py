"""The composition of each process: which implementation is behind each port."""
