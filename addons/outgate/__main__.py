"""`python -m outgate` is the `outgate` command."""

import sys

from outgate.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
