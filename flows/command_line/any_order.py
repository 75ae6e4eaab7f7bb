"""Options between the arguments of a command, wherever a person puts them."""

import argparse
from typing import Any


class AnyOrderParser(argparse.ArgumentParser):
    """Takes `predict MODEL --json TEXT` as `predict MODEL TEXT --json`, whose texts argparse would call unrecognized.

    By itself it matches arguments of any number with what stands before the first option, be that nothing.
    """

    _reading = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, options first."""
        if self._reading:  # intermixed parsing is made of two of the ordinary kind
            return super().parse_known_args(args, namespace)
        self._reading = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._reading = False
