"""`python -m flows.command_line`: the command line where the script `miaotui` may not be on the path."""

import sys

from flows.command_line import main

if __name__ == "__main__":  # a spawned child process imports this file, too
    sys.exit(main())
