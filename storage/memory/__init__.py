"""In-memory implementations of ports, for tests and for embedding. The contract suites compare them with the real ones."""
