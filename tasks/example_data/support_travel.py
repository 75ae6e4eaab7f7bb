"""Support assistant, domain travel."""

from typing import Final

from tasks.example_data.grammar import Contrast, Domain, Intent

TRAVEL: Final = Domain(
    name="travel",
    intents=(
        Intent(
            "seat_upgrade",
            (
                "{ask} upgrade me on [flight {flight}|my flight to {city}|booking {booking}]",
                "what would a better seat cost on [flight {flight}|the way to {city}]",
                "can i use my points for an upgrade on {flight}",
                "{wish} sit somewhere nicer with more legroom on {flight}",
                "are there any upgrades left for [{flight}|{date}]",
                "i turn {number} on {date}, treat me to a better seat on {flight}",
                "{wish} pay {amount} on top for a nicer seat",
            ),
        ),
        Intent(
            "seat_downgrade",
            (
                "{ask} downgrade [me|my ticket] on [flight {flight}|booking {booking}]",
                "my seat to {city} is too expensive, give me a simpler one",
                "how much do i save with the cheapest class on {flight}",
                "i do not need the fancy seat on {flight}, put me in the back",
                "my company no longer pays for comfort, make booking {booking} as cheap as possible",
                "{wish} get {amount} back by sitting in a cheaper seat",
                "comfort is wasted on me, the cheapest seat on {flight} will do",
            ),
        ),
        Intent(
            "ride_cancelled_by_driver",
            (
                "my driver {person} dropped me [at the last minute|without a word|{past}]",
                "the driver never came and the app says cancelled",
                "why do your drivers keep cancelling on me in {city}",
                "the taxi to the airport called off on me {past}, {wish} complain",
                "i was left standing in {city}, the driver cancelled",
                "{person} was to drive me to the station and cancelled, what now",
                "two drivers in a row turned my booking down {past}",
            ),
        ),
        Intent(
            "ride_cancelled_by_rider",
            (
                "i cancelled my ride {past} and was charged {amount}",
                "do i pay a fee when i call off my taxi",
                "i no longer needed the car and cancelled, why the {price} fee",
                "i had to cancel my pickup in {city}, {ask} waive the fee",
                "i pressed cancel on my ride by mistake {past}",
                "my plans changed and i let the driver go, what do i owe",
                "{wish} get back the {price} fee for the ride i called off",
            ),
        ),
        Intent(
            "flight_status",
            (
                "is [flight {flight}|{flight}|my flight to {city}] [on time|late|delayed]",
                "when does [flight {flight}|{flight}|the plane from {city}] [land|leave|take off|arrive]",
                "{ask} [check|tell me] the status of [flight {flight}|{flight}]",
                "has {flight} [landed|departed|boarded] yet",
                "which gate does {flight} leave from",
                "my friend is on {flight} from {city}, when should i pick them up",
                "before i leave for the airport, is {flight} on time",
                "the board in {city} says delayed, is that my {flight}",
                "was {flight} cancelled because of the [snow|storm|strike]",
                "how late is the plane to {city}",
                "i have a seat on {flight} {when}, does it leave as planned",
            ),
        ),
        Intent(
            "baggage_allowance",
            (
                "how many [bags|suitcases] can i take [to {city}|on {flight}|]",
                "is a {number} kilo suitcase allowed on [{flight}|my flight]",
                "what does an extra [bag|suitcase] cost on [{flight}|the way to {city}]",
                "{ask} add a [bag|suitcase] to [booking {booking}|my booking]",
                "can i bring [skis|a guitar|a stroller|a bike|a surfboard] on {flight}",
                "how big may my [carry on|hand luggage|backpack] be [on {flight}|]",
                "my suitcase weighs {number} kilos, do i pay extra",
                "does [business class|economy|first class] include a second bag",
                "with an economy ticket how many suitcases are free",
                "is my {product} allowed as hand luggage",
                "what happens when my bag is {number} kilos too heavy",
                "do i have to pay for checked bags on the flight to {city}",
            ),
        ),
        Intent(
            "pet_travel",
            (
                "can i [take|bring] my {pet} [to {city}|on {flight}|on board]",
                "does my {pet} need [papers|a ticket|a carrier|shots] for {country}",
                "what does it cost to fly with a {pet}",
                "{ask} add a {pet} to [booking {booking}|my booking]",
                "is my {pet} allowed in the cabin [on {flight}|]",
                "how does a {pet} travel in the hold",
                "{wish} fly to {city} with my {pet}",
                "may my {pet} sit next to me in [economy|business class|the front rows]",
                "how big may the box of my {pet} be",
                "my {pet} weighs {number} kilos, does it fly in the hold or in the cabin",
                "does my driver take a {pet} along to the airport",
                "who looks after my {pet} during the flight to {country}",
            ),
        ),
    ),
    contrasts=(
        Contrast(
            ("seat_upgrade", "seat_downgrade"),
            ("[an|my|the] economy [seat|ticket|class seat]", "[a|my|the] business [seat|ticket|class seat]"),
            (
                "{ask} [move|change|switch] [me|us|booking {booking}] from {x} to {y}",
                "{ask} [move|change|switch] [me|us|booking {booking}] to {y} from {x}",
                "i [have|bought|paid for] {x} but [want|need|prefer] {y} [on {flight}|]",
                "{ask} give me {y} [rather than|instead of] {x} [on {flight}|]",
                "{wish} [give up|trade] {x} for {y} [on {flight}|]",
                "my booking shows {x}, it should show {y}",
            ),
        ),
        Contrast(
            ("ride_cancelled_by_driver", "ride_cancelled_by_rider"),
            ("[the|your] driver", "[the|your] [passenger|customer]"),
            (
                "it was {x} who [cancelled|called off] the ride [in {city}|{past}|], not {y}",
                "the [ride|trip] [in {city}|{past}|] was [cancelled|called off] by {x}, not by {y}",
                "{x} [cancelled|called off] the [ride|trip] [in {city}|{past}|], not {y}",
            ),
        ),
        Contrast(
            ("ride_cancelled_by_driver", "ride_cancelled_by_rider"),
            ("[the|my|your] driver", "i"),
            (
                "{x} cancelled the [ride|trip] while {y} was [waiting|on the way|ready] [in {city}|{past}|]",
                "{y} was [still waiting|already waiting] when {x} [cancelled|called it off] [in {city}|{past}|]",
                "{x} [cancelled|called off] the [ride|trip], {y} did not, [what about the {price} fee|please check]",
                "{y} did not [cancel|call it off], {x} did [in {city}|{past}|]",
            ),
        ),
    ),
)
