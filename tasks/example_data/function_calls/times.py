"""Function calls: days, times of day and durations, and the few rules that make arguments of them.

Nothing here needs a calendar: a day of the year is its month and day, and "tomorrow" or "next Friday" stay what they are.
"""

from random import Random
from typing import Final

from tasks.example_data.function_calls.function import Value, object_schema

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

DATE: Final = {
    "type": "string",
    "pattern": "^(today|tomorrow|((this|next) )?(mon|tues|wednes|thurs|fri|satur|sun)day"
    "|(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]))$",
}
TIME: Final = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
MINUTES: Final = {"type": "integer", "minimum": 1}
DURATION: Final = object_schema({"hours": MINUTES, "minutes": MINUTES, "seconds": MINUTES}, ()) | {"minProperties": 1}

_DAYS_ALWAYS: Final = 28


def date(random: Random) -> Value:
    """A day with its preposition: "tomorrow", "on Friday" (friday), "next Friday", "on March 5th" (03-05)."""
    kind = random.random()
    if kind < 0.25:
        return Value(day := random.choice(("today", "tomorrow", "tomorrow")), day)
    if kind < 0.75:
        return _weekday(random)
    return calendar_date(random)


def calendar_date(random: Random) -> Value:
    """A day of the year with its preposition; the argument is MM-DD."""
    month, day = random.randint(1, 12), random.randint(1, _DAYS_ALWAYS)
    name = MONTHS[month - 1]
    written = random.choice(
        (f"on {name} {day}", f"on {name} {_ordinal(day)}", f"on the {_ordinal(day)} of {name}", f"on {day} {name}")
    )
    return Value(written, f"{month:02}-{day:02}")


def time(random: Random) -> Value:
    """A time of day with its preposition; the argument is HH:MM of 24 hours."""
    if random.random() < 0.05:
        return Value("at noon", "12:00")
    hour, minute = random.randint(8, 21), random.choice((0, 0, 0, 0, 0, 15, 30, 30, 30, 45))
    if random.random() < 0.2:
        return Value(f"at {hour}:{minute:02}", f"{hour:02}:{minute:02}")
    half = "am" if hour < 12 else "pm"
    clock = f"{(hour - 1) % 12 + 1}" + (f":{minute:02}" if minute else "")
    return Value(f"at {clock}{random.choice((' ', ''))}{half}", f"{hour:02}:{minute:02}")


def duration(random: Random) -> Value:
    """How long a timer runs: hours, minutes and seconds as the request names them."""
    hours, minutes, seconds = random.randint(1, 9), random.randint(2, 90), random.choice(range(10, 60, 5))
    kind = random.random()
    if kind < 0.55:
        return Value(f"{minutes} {random.choice(('minutes', 'minutes', 'min'))}", {"minutes": minutes})
    if kind < 0.65:
        return Value(f"{minutes} seconds", {"seconds": minutes})
    if kind < 0.75:
        return Value(f"{minutes} minutes and {seconds} seconds", {"minutes": minutes, "seconds": seconds})
    if kind < 0.8:
        return Value("half an hour", {"minutes": 30})
    return Value(f"{hours} hour{'s' * (hours > 1)} and {seconds} minutes", {"hours": hours, "minutes": seconds})


def length(random: Random) -> Value:
    """How long a meeting takes, in minutes."""
    if random.random() < 0.3:
        written, minutes = random.choice((("an hour", 60), ("half an hour", 30), ("two hours", 120), ("one hour", 60)))
        return Value(f"for {written}", minutes)
    return Value(f"for {(minutes := random.randint(3, 18) * 5)} minutes", minutes)


def _weekday(random: Random) -> Value:
    which, day = random.choice(("on", "on", "this", "next")), random.choice(WEEKDAYS)
    return Value(f"{which} {day}", day.lower() if which == "on" else f"{which} {day.lower()}")


def _ordinal(day: int) -> str:
    suffix = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{suffix}"
