"""The benchmark's own failure."""


class BenchmarkError(RuntimeError):
    """No measurement came back: a measuring process crashed or hung, or its log is incomplete.

    The message ends with the tail of that process's log. It is no statement about the measured model.
    """
