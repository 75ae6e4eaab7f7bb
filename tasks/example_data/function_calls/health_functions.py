"""Function calls, domain `health`: held back from training, to land later as something new."""

from typing import Final

from tasks.example_data.function_calls.function import Function, Parameter
from tasks.example_data.function_calls.times import DATE, DURATION, TIME, date, duration, time
from tasks.example_data.function_calls.values import TEXT, chosen, copied, list_schema, several

_MEALS: Final = {"breakfast": "breakfast", "lunch": "lunch", "dinner": "dinner", "a snack": "snack"}

HEALTH: Final = (
    Function(
        name="log_workout",
        description="Note down a workout.",
        domain="health",
        parameters={
            "activity": Parameter(TEXT, copied("{activity}")),
            "duration": Parameter(DURATION, duration),
            "date": Parameter(DATE, date, required=False),
        },
        short=(
            "{do} [log|note|record] {duration} of {activity}",
            "i did {duration} of {activity}, {do} [log|note|record] it",
        ),
        long=(
            "{do} [log|note|record] {activity} {date}, {duration} in all",
            "{date} i did {activity} for {duration}, {do} [put it|write it] into my training log",
        ),
        incomplete={"duration": ("{do} [log|note|record] my {activity} [{date}|] in the training log",)},
    ),
    Function(
        name="log_meal",
        description="Note down what was eaten.",
        domain="health",
        parameters={
            "meal": Parameter({"type": "string", "enum": sorted(_MEALS.values())}, chosen(_MEALS)),
            "items": Parameter(list_schema(TEXT), several(copied("{grocery}"), (1, 2, 2, 3))),
        },
        short=(
            "i had {items} for {meal}",
            "{do} [log|note|record] {items} for {meal}",
        ),
        long=(
            "for {meal} i had {items}, {do} [log|note|record] that in the food diary",
            "{do} write into my food diary that i ate {items} for {meal}",
        ),
        incomplete={"meal": ("{do} write into my food diary that i ate {items}",)},
    ),
    Function(
        name="book_appointment",
        description="Book an appointment with a doctor.",
        domain="health",
        parameters={
            "doctor": Parameter(TEXT, copied("[Dr|Doctor] {last}")),
            "date": Parameter(DATE, date),
            "time": Parameter(TIME, time),
            "reason": Parameter(TEXT, copied("{complaint}"), required=False),
        },
        short=(
            "{do} [book|get|arrange] an appointment with {doctor} {date} {time}",
            "[i want|i need|i would like] to see {doctor} {date} {time}",
        ),
        long=(
            "{do} [book|arrange] an appointment {date} {time} with {doctor} because of {reason}",
            "i suffer from {reason}, {do} [book|arrange] an appointment with {doctor} {date} {time}",
            "{date} {time} {doctor} should look into {reason}, {do} [book|arrange] the appointment",
        ),
        incomplete={
            "doctor": ("{do} [book|arrange] a doctor's appointment {date} {time}",),
            "time": ("{do} [book|arrange] an appointment with {doctor} {date}",),
        },
    ),
)
