"""`python -m tertulia`."""

from .command_line import imports  # noqa: F401  adds its commands
from .command_line.app import main

if __name__ == "__main__":
    main()
