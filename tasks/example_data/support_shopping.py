"""Support assistant, domain shopping."""

from typing import Final

from tasks.example_data.grammar import Contrast, Domain, Intent

SHOPPING: Final = Domain(
    name="shopping",
    intents=(
        Intent(
            "exchange_for_larger",
            (
                "the {garment} [is|are] too [tight|small|snug|short], i need a bigger size",
                "{ask} send me the next size up of the {garment}",
                "i can not [squeeze|get|fit] into the {garment}, is there something roomier",
                "the {garment} shrank in the wash, {wish} go up a size",
                "{ask} exchange the {garment}, [it pinches|i can hardly breathe in it|it is far too small on me]",
                "one size bigger for the {garment} [please|] and i send this back",
            ),
        ),
        Intent(
            "exchange_for_smaller",
            (
                "the {garment} [is|are] too [loose|big|wide|baggy], i need a tighter size",
                "{ask} send me the next size down of the {garment}",
                "i am swimming in the {garment}, is there something narrower",
                "i lost weight and {wish} go down a size with the {garment}",
                "{ask} exchange the {garment}, [it slips off|it keeps sliding down|it is far too big on me]",
                "one size down for the {garment} [please|] and i send this back",
            ),
        ),
        Intent(
            "cancel_order",
            (
                "{ask} cancel [my|the] order {order}",
                "i changed my mind about [the {product}|order {order}], stop it before it ships",
                "i do not need the {product} any more, call the order off",
                "is it too late to take back [my order|order {order}] of {past}",
                "{wish} withdraw from [the purchase|my purchase] of the {product}",
                "i ordered the {product} by mistake, undo it",
                "i found the {product} cheaper elsewhere, scrap my order",
                "i can not wait for the {product} any longer, forget order {order}",
                "do not ship order {order}, i have no use for it now",
            ),
        ),
        Intent(
            "change_address",
            (
                "{ask} change the [delivery|shipping] address of order {order}",
                "i typed the wrong street for [the {product}|order {order}]",
                "{ask} send [my package|the {product}|order {order}] to {street} instead",
                "i moved to {city}, my order must go to the new place",
                "the [shipping|delivery] details of order {order} are wrong, it should be {street}",
                "can the {product} be delivered to [my office|my neighbor|{street}]",
                "{wish} redirect [my parcel|order {order}] to {city}",
                "order {order} goes to my old flat, i live at {street} now",
                "the {product} is a gift, ship it to {person} at {street}",
            ),
        ),
        Intent(
            "track_order",
            (
                "where is my [order|package|parcel] [{order}|]",
                "when will [the {product}|order {order}] [arrive|get here|be delivered]",
                "{ask} track [order {order}|my parcel|the {product} i bought]",
                "has [the {product}|order {order}] shipped yet",
                "the {product} should have been here {past}, where did it go",
                "tracking says [nothing|delayed|on its way] for order {order}, what is the status",
                "how many more days until my {product} [comes|arrives]",
                "order {order} was [paid|confirmed] {past} and nothing has come",
                "i want to know which [courier|carrier] has the {product} now",
                "my neighbor got her {product}, mine is still not here",
                "i changed the address {past}, is order {order} on its way to the new place",
                "the {garment} i exchanged {past}, have you sent the new one",
            ),
        ),
        Intent(
            "refund_status",
            (
                "when do i get my money back for the {product}",
                "i returned the {product} {past} and the refund is not there",
                "what is the status of [my|the] refund [of {amount}|for order {order}]",
                "have you refunded [order {order}|the {product}|{amount}] yet",
                "{shop} has the returned {product}, where is my {amount}",
                "how long does a refund [take|need] for a returned {product}",
                "i sent the {product} back, you still owe me {amount}",
                "order {order} was cancelled {past}, when is the money back",
                "i do not see the {price} on my card although the {product} went back {past}",
                "is my refund [stuck|processed|approved|on its way]",
                "the {garment} did not fit and i returned it, where is my money",
                "you promised to pay back {amount} {past}",
            ),
        ),
        Intent(
            "product_availability",
            (
                "do you have the {product} in [stock|{color}|your {city} store]",
                "is the {product} available [in {color}|in {city}|again|]",
                "when will the {product} be back in stock",
                "{ask} check whether your {city} shop carries the {product}",
                "is the {color} {product} sold out [for good|everywhere|]",
                "how many of the {color} {product} are left",
                "can i still buy [the|a] {product} in {color}",
                "i would order the {product} but the page says sold out, when can i",
                "[which|what] [colors|sizes] does the {garment} come in",
                "do you sell [{color} |]{product} parts",
                "is there a larger {garment} in {color} on the shelves in {city}",
                "does {shop} still make the {product}",
            ),
        ),
    ),
    contrasts=(
        Contrast(
            ("exchange_for_larger", "exchange_for_smaller"),
            ("[the|a] [small|smaller] {one}", "[the|a] [large|larger] {one}"),
            (
                "{ask} [exchange|swap|trade] {x} [i bought {past}|] for {y}",
                "i [have|ordered|got] {x} but [need|want] {y}",
                "{ask} send me {y} and take {x} back",
                "{ask} take {x} back and [give|get|send] me {y}",
                "{ask} replace {x} with {y}",
                "{wish} have {y} instead of {x}",
            ),
        ),
        Contrast(
            ("cancel_order", "change_address"),
            (
                "[cancel|stop|call off] [my|the|this] order[ {order}|]",
                "[change|update|correct] [my|the|its] [delivery|shipping|] address",
            ),
            (
                "{ask} {x} [now|today|for me], do not [even|go and|try to] {y}",
                "do not [even|go and|try to] {y}, [just|please|simply] [go and|try to] {x}",
                "i do not want to {y}, i want to {x}",
                "i want to {x}, i do not want to {y}",
                "there is no need to [even|go and|try to] {y}, [just|please] [go and|try to] {x}",
                "rather than [go and|try to] {y}, please [go and|try to] {x}",
                "{ask} {x} for me rather than [go and|try to] {y}",
            ),
        ),
    ),
)
