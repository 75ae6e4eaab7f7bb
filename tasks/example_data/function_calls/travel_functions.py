"""Function calls, domain `travel`: flights, hotels, ways, weather."""

from typing import Final

from tasks.example_data.function_calls.function import Function, Parameter
from tasks.example_data.function_calls.times import DATE, date
from tasks.example_data.function_calls.values import COUNT, TEXT, chosen, copied, number

_MODES: Final = {
    "on foot": "walk",
    "by car": "drive",
    "by bike": "cycle",
    "by bus": "bus",
    "by train": "train",
    "walking": "walk",
}

TRAVEL: Final = (
    Function(
        name="search_flights",
        description="Look for flights.",
        domain="travel",
        parameters={
            "from": Parameter(TEXT, copied("{town}")),
            "to": Parameter(TEXT, copied("{town}")),
            "date": Parameter(DATE, date),
            "passengers": Parameter(COUNT, number(2, 9, words=True), required=False),
        },
        short=(
            "{tell} [find|search|show me] flights from {from} to {to} {date}",
            "[i want|i need|i have|we want] to [fly|get] from {from} to {to} {date}",
            "flights {from} to {to} {date}",
        ),
        long=(
            "{tell} [find|show me] flights to {to} from {from} {date} for {passengers} [people|passengers]",
            "{date}, {passengers} of us [want to fly|are flying] to {to} from {from}, {do} [look for|find] flights",
            "we are {passengers} people and have to get to {to} {date}, {do} [search|look for] flights from {from}",
            "the trip to {town} is off, {tell} [find|look for] flights from {from} to {to} {date}",
            "is there a flight from {from} {date} that [goes|gets me] to {to}",
        ),
        incomplete={
            "date": ("{tell} [find|show me] flights from {from} to {to}",),
            "to": ("{tell} [find|show me] flights from {from} {date}",),
            "from": ("{tell} [find|show me] flights to {to} {date}",),
        },
    ),
    Function(
        name="book_hotel",
        description="Book a room in a town.",
        domain="travel",
        parameters={
            "town": Parameter(TEXT, copied("{town}")),
            "hotel": Parameter(TEXT, copied("{hotel}"), required=False),
            "arrival": Parameter(DATE, date),
            "nights": Parameter(COUNT, number(2, 9, words=True)),
            "guests": Parameter(COUNT, number(2, 6, words=True), required=False),
        },
        short=(
            "{do} book a [hotel|room] in {town} for {nights} nights, arriving {arrival}",
            "{do} [get|reserve|find] a room in {town} {arrival} for {nights} nights",
        ),
        long=(
            "{do} book {hotel} in {town} for {guests} [people|guests] and {nights} nights, arriving {arrival}",
            "{arrival} we arrive in {town} and stay {nights} nights, {do} [book|reserve] {hotel} for {guests} [people|guests]",
            "{guests} [people|guests] need a room for {nights} nights in {town}, we come {arrival}",
            "{do} book {nights} nights at {hotel} in {town}, [check in|arrival] {arrival}",
        ),
        incomplete={
            "nights": ("{do} [book|reserve] a room in {town} [for {guests} people|], we arrive {arrival}",),
            "arrival": ("{do} [book|reserve] a [hotel|room] in {town} for {nights} nights",),
            "town": ("{do} [book|reserve] a [hotel|room] for {nights} nights, arriving {arrival}",),
        },
    ),
    Function(
        name="get_directions",
        description="Show the way to a place.",
        domain="travel",
        parameters={
            "from": Parameter(TEXT, copied("{place}"), required=False),
            "to": Parameter(TEXT, copied("{place}")),
            "mode": Parameter(
                {"type": "string", "enum": sorted(set(_MODES.values()))},
                chosen(_MODES),
                required=False,
            ),
        },
        short=(
            "{tell} [show me|find] the way to {to} [{mode}|]",
            "how do i get to {to} [{mode}|]",
            "directions to {to}",
        ),
        long=(
            "how do i get from {from} to {to} {mode}",
            "{tell} [show me|find|give me] the way from {from} to {to} [{mode}|]",
            "i am at {from} and want to go to {to} {mode}, [which way|how]",
            "{mode}, what is the [best|shortest|quickest] way to {to} from {from}",
        ),
        incomplete={"to": ("{tell} [show me|give me] directions from {from} [{mode}|]",)},
    ),
    Function(
        name="get_weather",
        description="Tell the weather.",
        domain="travel",
        parameters={
            "place": Parameter(TEXT, copied("{town}")),
            "date": Parameter(DATE, date, required=False),
        },
        short=(
            "what is the weather [like|] in {place}",
            "[how is|what is] the weather in {place} {date}",
            "weather {place} [{date}|]",
            "will it [rain|snow|be sunny|be windy] in {place} {date}",
        ),
        long=(
            "i am going to {place} {date}, [do i need an umbrella|will it rain|is it going to be cold]",
            "{date} we want to [hike|swim|sail|have a picnic] in {place}, what will the weather be",
            "{tell} [tell me|check] whether it [rains|snows|is warm] in {place} {date}",
        ),
        incomplete={"place": ("what will the weather be {date}", "will it [rain|snow] {date}")},
    ),
)
