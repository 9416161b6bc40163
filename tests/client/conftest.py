"""`make packages` runs the tests that build and install the clients' packages as well; they take minutes."""

import os

collect_ignore = (
    [] if os.environ.get("CLIENT_PACKAGES") else ["test_python_package.py", "test_npm_package.py"]
)
