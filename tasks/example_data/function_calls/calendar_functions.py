"""Function calls, domain `calendar`: events, meetings, reminders, timers."""

from random import Random
from typing import Final

from tasks.example_data.function_calls.function import Function, Parameter, Value, object_schema
from tasks.example_data.function_calls.times import DATE, DURATION, MINUTES, TIME, date, duration, length, time
from tasks.example_data.function_calls.values import TEXT, copied, enumeration, list_schema

_PERSON: Final = copied("{person}")
_TEAM: Final = copied("{team}")


def _attendees(random: Random) -> Value:
    """One to three people, of whom some are named with their team."""
    size = random.choice((1, 1, 2, 2, 3))
    people: dict[str, dict[str, str]] = {}
    while len(people) < size:
        name = _PERSON(random).written
        if random.random() < 0.25:
            group = _TEAM(random).written
            people[f"{name} ({group})"] = {"name": name, "team": group}
        else:
            people[name] = {"name": name}
    return Value(enumeration(list(people)), list(people.values()), copied=True)


CALENDAR: Final = (
    Function(
        name="create_event",
        description="Put an event into the calendar.",
        domain="calendar",
        parameters={
            "title": Parameter(TEXT, copied("{event}")),
            "date": Parameter(DATE, date),
            "time": Parameter(TIME, time, required=False),
            "place": Parameter(TEXT, copied("{place}"), required=False),
        },
        short=(
            "{do} [add|create|put in|enter] [an event|a calendar entry] for {title} {date}",
            "{do} [add {title} to|put {title} in|put {title} into] my calendar {date} [{time}|]",
            "new [event|calendar entry]: {title} {date}",
        ),
        long=(
            "{do} [add {title} to|put {title} in|enter {title} into] my calendar {date} {time}[,|;] the place is {place}",
            "{date} {time} there is {title} at {place}, {do} [add it to|put it in|enter it in] my calendar",
            "{do} [create|add|set up] an event {date} {time} for {title} at {place}",
            "{do} block my calendar {date} {time} for {title}",
        ),
        incomplete={
            "date": (
                "{do} [add {title} to|put {title} in|put {title} into] my calendar",
                "{do} [create|add] an event for {title} at {place}",
            ),
        },
    ),
    Function(
        name="schedule_meeting",
        description="Invite people to a meeting.",
        domain="calendar",
        parameters={
            "attendees": Parameter(
                list_schema(object_schema({"name": TEXT, "team": TEXT}, ["name"])),
                _attendees,
            ),
            "date": Parameter(DATE, date),
            "time": Parameter(TIME, time),
            "minutes": Parameter(MINUTES, length, required=False),
            "topic": Parameter(TEXT, copied("{_topic} {_gathering}"), required=False),
        },
        short=(
            "{do} [schedule|set up|arrange] a meeting with {attendees} {date} {time}",
            "[i want|i need|i would like|we have] to meet {attendees} {date} {time}",
            "meeting with {attendees} {date} {time} [{minutes}|]",
        ),
        long=(
            "{do} [schedule|arrange|plan] a meeting {date} {time} {minutes} with {attendees} about the {topic}",
            "{do} [invite|bring together] {attendees} {date} {time} to [talk about|discuss|go through] the {topic}",
            "we have to [talk about|discuss] the {topic}: {do} set up a meeting {minutes} {date} {time} with {attendees}",
            "{date} {time} i need {attendees} in one room {minutes}, {do} [schedule|set up] the meeting",
        ),
        incomplete={
            "attendees": ("{do} [schedule|set up] a meeting {date} {time} [about the {topic}|{minutes}]",),
            "time": ("{do} [schedule|set up|arrange] a meeting with {attendees} {date} [about the {topic}|]",),
            "date": ("{do} [schedule|set up|arrange] a meeting with {attendees} {time}",),
        },
    ),
    Function(
        name="set_reminder",
        description="Remind the user of something.",
        domain="calendar",
        parameters={
            "text": Parameter(TEXT, copied("{chore}")),
            "date": Parameter(DATE, date, required=False),
            "time": Parameter(TIME, time),
        },
        short=(
            "{tell} remind me {time} to {text}",
            "{tell} remind me to {text} {time}",
            "[i have|i must not forget] to {text} {time}, {tell} remind me",
        ),
        long=(
            "{tell} remind me {date} {time} to {text}",
            "{do} [set|create|add] a reminder to {text} {date} {time}",
            "[set|create] a reminder {date} {time}: {text}",
            "i have to {text} {date}, {do} [set a reminder|remind me] {time}",
        ),
        incomplete={
            "text": ("{tell} remind me [{date}|] {time}", "{do} [set|create|add] a reminder {date} {time}"),
            "time": ("{tell} remind me [{date}|] to {text}", "{do} [set|add] a reminder to {text} [{date}|]"),
        },
    ),
    Function(
        name="start_timer",
        description="Start a countdown.",
        domain="calendar",
        parameters={
            "duration": Parameter(DURATION, duration),
            "label": Parameter(TEXT, copied("{timer_label}"), required=False),
        },
        short=(
            "{do} [start|set|run] a timer for {duration}",
            "{do} count down {duration}",
            "{label} timer {duration}",
            "{do} [start|set] a {label} timer for {duration}",
            "{do} [start|set|run] a timer for {duration} for the {label}",
        ),
        long=(
            "{do} [start|set] a timer for {duration} and [call|name|label] it {label}",
            "i need {duration} for the {label}, {do} [start|set] a timer",
            "the {label} will [take|need|be ready in] {duration}, {do} [start|set] a timer for it",
        ),
        incomplete={
            "duration": ("{do} [start|set|run] a timer [for the {label}|]", "{do} [start|set] a {label} timer")
        },
    ),
)
