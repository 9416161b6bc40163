"""The report of a run: one document, shown as JSON, HTML, JUnit, CSV, in the terminal, and compared with another."""
