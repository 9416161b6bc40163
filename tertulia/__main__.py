"""`python -m tertulia`."""

from .cli import main

if __name__ == "__main__":
    main()
