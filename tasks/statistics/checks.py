"""The argument check that all statistics share."""


def check_between_0_and_1(value: float, name: str) -> None:
    """Raise ValueError unless 0 < `value` < 1 (NaN is refused too)."""
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value}")
