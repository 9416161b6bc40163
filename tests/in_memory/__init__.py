"""In-memory implementations of ports, for tests. The contract suites compare them with the real ones."""
