"""Function calls, domain `home`: heating, light, music."""

from typing import Final

from tasks.example_data.function_calls.function import Function, Parameter
from tasks.example_data.function_calls.times import TIME, time
from tasks.example_data.function_calls.values import TEXT, chosen, copied, number

_ROOM: Final = copied("{room}")
_COLOURS: Final = {name: name for name in ("red", "blue", "green", "yellow", "white", "purple", "orange", "pink")}
_SHARE: Final = {"type": "integer", "minimum": 1, "maximum": 100}

HOME: Final = (
    Function(
        name="set_thermostat",
        description="Heat a room to a temperature in degrees Celsius.",
        domain="home",
        parameters={
            "room": Parameter(TEXT, _ROOM),
            "temperature": Parameter({"type": "integer", "minimum": 5, "maximum": 30}, number(14, 28)),
            "start": Parameter(TIME, time, required=False),
        },
        short=(
            "{do} [set|heat|warm|turn] the {room} to {temperature} degrees",
            "{do} make it {temperature} degrees in the {room}",
            "{room} {temperature} degrees",
        ),
        long=(
            "{do} [set|heat] the {room} to {temperature} degrees, [start|starting|beginning] {start}",
            "{start} it should be {temperature} degrees in the {room}",
            "i want the {room} at {temperature} degrees when i [come home|get up] {start}",
        ),
        incomplete={
            "temperature": ("{do} [heat|warm up] the {room} [{start}|]",),
            "room": ("{do} [set the heating|turn the heating] to {temperature} degrees [{start}|]",),
        },
    ),
    Function(
        name="set_light",
        description="Set the light of a room.",
        domain="home",
        parameters={
            "room": Parameter(TEXT, _ROOM),
            "brightness": Parameter(_SHARE, number(10, 95, step=5)),
            "colour": Parameter({"type": "string", "enum": sorted(_COLOURS)}, chosen(_COLOURS), required=False),
        },
        short=(
            "{do} [dim|set|turn] the {room} light to {brightness} percent",
            "{do} [set|turn] the lights in the {room} to {brightness}%",
        ),
        long=(
            "{do} make the light in the {room} {colour} at {brightness} percent",
            "{do} [set|turn] the {room} lights to {colour} with {brightness}% brightness",
            "{colour} light in the {room}, {brightness} percent [bright|brightness]",
        ),
        incomplete={
            "brightness": ("{do} [dim|change] the light in the {room}",),
            "room": ("{do} [dim|set|turn] the light to {brightness} percent",),
        },
    ),
    Function(
        name="play_music",
        description="Play a song.",
        domain="home",
        parameters={
            "song": Parameter(TEXT, copied("{song}")),
            "artist": Parameter(TEXT, copied("{artist}"), required=False),
            "room": Parameter(TEXT, _ROOM, required=False),
        },
        short=(
            "{do} [play|put on] {song}",
            "{do} [play|put on] {song} by {artist}",
            "[i want|i would like|i feel like i want|time] to [hear|listen to] {song} by {artist}",
        ),
        long=(
            "{do} [play|put on] {song} by {artist} in the {room}",
            "in the {room}, {do} [play|put on] {song} by {artist}",
            "i am in the {room}, {do} [play|put on] the song {song} by {artist}",
            "{artist} [did|made|sang] a song called {song}, {do} play it in the {room}",
        ),
        incomplete={"song": ("{do} [play|put on] [a song|something|some music] by {artist} [in the {room}|]",)},
    ),
)
