"""`python -m miaotui` is the command `miaotui`."""

import sys

from miaotui import require_own

if __name__ == "__main__":
    require_own()
    from flows.command_line.main import main

    sys.exit(main())
