"""``python -m bayesdeep``, the same as the command ``bayesdeep``."""

import sys

from bayesdeep.cli import main

if __name__ == "__main__":
    sys.exit(main())
