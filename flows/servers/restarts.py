"""When a server that died is started again: after a pause that doubles, and not for ever."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RestartPolicy:
    """Pauses of `first_pause_s`, doubling up to `longest_pause_s`; the death number `deaths_in_a_row` is the last one.

    A server that ran for `steady_s` before it died starts counting from one again. All in seconds.
    """

    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    deaths_in_a_row: int = 5
    steady_s: float = 120.0

    def deaths_after(self, deaths: int, ran_s: float) -> int:
        """How many deaths in a row it is now, after `deaths` before and a life of `ran_s`."""
        return 1 if ran_s >= self.steady_s else deaths + 1

    def pause_s(self, deaths: int) -> float | None:
        """How long to wait after this many deaths in a row; None to give up."""
        if deaths >= self.deaths_in_a_row:
            return None
        return float(min(self.first_pause_s * 2 ** (deaths - 1), self.longest_pause_s))
