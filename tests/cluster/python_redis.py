"""The module redis. The package of the system's own interpreter is the one that is installed: under
another one the program is started again with that."""

import os
import sys

try:
    import redis
except ImportError:
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

__all__ = ["redis"]
