"""Moves a test into namespaces of its own, which end with it, and what is in them."""

import os
import shutil
import subprocess
import sys


def move_inside(variable, kind, *tools):
    """Runs this program again in new namespaces; `kind` is what unshare takes, `variable` is set in
    the environment of a test that has moved. Returns whether it has: False without root, or without
    unshare or one of the tools."""
    if os.environ.get(variable):
        return True
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", *tools)):
        return False
    if subprocess.run(["unshare", kind, "true"], capture_output=True, check=False).returncode:
        return False
    os.environ[variable] = "1"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", kind, sys.executable] + sys.argv)
