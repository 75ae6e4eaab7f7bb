"""Function calls: requests that no function serves, many in the words of requests that one does."""

from typing import Final

NONE: Final = "none"
"""The function of a refusal. Its reason is `unsupported`, or `incomplete` with the required parameter that is missing."""

UNSUPPORTED: Final = "unsupported"
INCOMPLETE: Final = "incomplete"

UNSUPPORTED_REQUESTS: Final = (
    # Other deeds with what the functions deal with.
    "{do} [cancel|delete|call off] [the|my] {event}",
    "{do} [cancel|move|postpone] the meeting with {person}",
    "[when|where] is [the|my] {event}",
    "who is coming to [the|my] {event}",
    "{do} [read|delete|show] [the last|my|all] [messages|emails|texts] from {person}",
    "{do} [call|ring|phone] {person}",
    "{do} [block|unblock|delete] [the number|the contact] of {person}",
    "how old is {person}",
    "what is the [email address|phone number|birthday] of {person}",
    "how much money did [{person}|{company}] send me",
    "{do} [close|open|block] my [bank account|savings account|credit card] at {company}",
    "{do} [buy|sell] [shares|stock] of {company}",
    "who [founded|owns|runs] {company}",
    "{do} [cancel|rebook|change] my flight to {town}",
    "how many people live in {town}",
    "{do} [rent a car|find a flat|look for a job|find a doctor] in {town}",
    "is {town} [bigger|older|nicer] than {town}",
    "what is the name of the mayor of {town}",
    "{do} [cancel|change] my [room|booking] at {hotel}",
    "is there a pool at {hotel}",
    "{do} [lock|unlock|open|close] the [door|window|blinds|curtains] [in|of] the {room}",
    "{do} [vacuum|tidy|clean|paint] the {room}",
    "who left the {_thing} in the {room}",
    "who [wrote|sang|recorded] {song}",
    "what is {song} by {artist} about",
    "{do} [stop|pause|skip|delete] {song}",
    "when was {artist} born",
    "{do} [remove|cross off|delete] {grocery} from [my|the] {list_name} list",
    "what is on [my|the] {list_name} list",
    "how many calories [do|have] {grocery}",
    "{do} [return|exchange|review] the {product}",
    "{do} [cancel|return|repeat|change] order {order_code}",
    "how much is a {product}",
    "{do} [repair|wash|describe] my {product}",
    "[what do people eat|is the food good|who cooks] at {restaurant}",
    "{do} [cancel|move] my table at {restaurant}",
    "{do} [stop|pause] the {timer_label} timer",
    "how long do i have to cook {grocery}",
    # Other subjects.
    "{tell} [tell|write] [me|us] a [joke|story|poem|riddle] about [{grocery}|{town}|a {product}|{_image}]",
    "{tell} [draw|paint|make] [me|us] a picture of [a {product}|{town}|{_image}|the {_thing}]",
    "what does the word {_syllable}{_surname} mean",
    "{tell} [explain|teach me] [chess|algebra|knitting|gravity|poker|jazz] with [{grocery}|{product}s|the {_thing}]",
    "{tell} [find|suggest|give me] a recipe with {grocery} and {grocery}",
    "how do i get [red wine|ink|mud|coffee|glue|oil] out of a {_kind} {_product}",
    "why is the {_thing} [so loud|making noise|always cold|leaking]",
    "{do} take a photo of the {_thing}",
    "what is {one}{digit} times {one}{digit}",
    "who won the match between {town} and {town}",
)
