"""`python -m tertulia`."""

from .command_line import imports, replay  # noqa: F401  they add their commands
from .command_line.app import main

if __name__ == "__main__":
    main()
