"""Support assistant: the phrases, names and numbers that all its domains share."""

from typing import Final

_DIGITS: Final = "[0|1|2|3|4|5|6|7|8|9]"
_FROM_ONE: Final = "[1|2|3|4|5|6|7|8|9]"

FRAMES: Final = (
    *["{request}"] * 8,
    "{hello} {request}",
    "{hello} {request}",
    "{request}[,|.] {closing}",
    "{request}[,|.] {closing}",
    "{hello} {request}[,|.] {closing}",
    "{context} {request}",
    "{request}. {afterthought}",
)

PHRASES: Final[dict[str, tuple[str, ...]]] = {
    # Ways to ask. `ask` goes before a verb in its plain form, `wish` too, with the customer as the one who acts.
    "ask": (
        "[please|kindly|just|]",
        "[please|]",
        "[can|could|would|will] you [please|kindly|quickly|]",
        "i [need|want|would like] you to",
        "is it possible for you to",
        "[i was wondering|i wonder] if you could",
        "[you should|you have to|you need to]",
    ),
    "wish": (
        "i [want|would like|need|would love|have|am trying|wish] to",
        "[how|where] [do|can] i",
        "[can|may|could] i",
        "[help me|let me]",
        "is it possible to",
        "my wife and i want to",
    ),
    "hello": (
        "[hi|hello|hey|hey there|hi there|good morning|good evening|good afternoon|greetings][,|.|!|]",
        "[hi|hello|hey|dear|good morning] [team|support|{person}|folks|everyone],",
        "[hi|hello], [this is {person}|{person} here|my name is {person}|it is me again].",
        "[excuse me|sorry to bother you|quick question|one thing|question|listen|ok so],",
    ),
    "closing": (
        "[thanks|thank you|many thanks|cheers|thanks a lot|thank you so much|thanks in advance|much obliged]",
        "[please|as soon as possible|when you have a minute|today please|asap|if you do not mind]",
        "[best|regards|kind regards|yours|greetings], {person}",
        "[it is urgent|i am in a hurry|no rush|this is important|take your time]",
        "[ok|right|alright|would that work|is that fine|got it][?|]",
    ),
    "context": (
        "{trouble}[,|.| and| so]",
        "{trouble}[,|.| and| so]",
        "{life}[,|.| and]",
        "{life}[,|.| and]",
        "{trouble} and {life}[,|.]",
    ),
    "trouble": (
        "[the|your] [app|website|chat bot|help page] [does not help|keeps crashing|is down|shows an error|is slow]",
        "i have been [on hold|waiting|trying] for [{number} minutes|an hour|ages|{number} days]",
        "i [wrote|called|asked] you [{past}|twice|three times] [already|]",
        "i can not [find|see|do] [it|this|that] [in the app|online|on my phone]",
        "[nobody|no one] [answered|called back|could help me] {past}",
        "{person} from your team [told me to write here|said you can help|was no help]",
    ),
    "life": (
        "i have been [a customer|with you] for [{_one}|ten|twenty|1{_digit}] years",
        "i am [at work|on a train|on the bus|at the airport|in {city}|typing on my phone] [right now|]",
        "my {relative} {first_name} [asked me to write|usually does this|is ill|is with me]",
        "we [just|] [moved to {city}|had a baby|came back from {country}] [{past}|]",
        "i am [not good with computers|new here|[6|7]{_digit} years old|a bit confused|getting annoyed]",
        "it has been a [long|busy|strange|rough] [day|week|month]",
    ),
    "afterthought": (
        "[i hope|hopefully] [that makes sense|that is possible|you can help]",
        "[let me know|tell me|write to me|call me] [if you need more|when it is done|at {phone}|today]",
        "[i do not have much time|i need to know {when}|my [wife|husband|boss] is asking|it has been bugging me]",
        "[sorry for the trouble|sorry for my spelling|sorry if this is a silly question]",
    ),
    # Numbers.
    "amount": (
        "{price}",
        "{price}",
        "{price}",
        "[fifty|twenty|forty|ninety|sixty] [dollars|bucks|euros]",
        "[a|two|three|five] [hundred|thousand] [dollars|bucks|euros]",
    ),
    "price": (
        "[$|]{_one}{_digit}",
        "${_one}{_digit}{_digit}",
        "{_one}{_digit}{_digit} [dollars|bucks|euros|usd]",
        "{_one}{_digit} [dollars|bucks|euros|quid]",
        "${_one},{_digit}{_digit}{_digit}",
        "${_one}{_digit}.{_digit}{_digit}",
    ),
    "number": ("{_one}", "{_one}{_digit}", "[two|three|four|five|six|eight|ten|twelve|twenty]"),
    "order": (
        "[#|]{_one}{_digit}{_digit}{_digit}{_digit}",
        "[number|no] {_one}{_digit}{_digit}{_digit}",
        "[a|b|k|x]{_one}{_digit}{_digit}-{_digit}{_digit}",
    ),
    "phone": (
        "{_digit}{_digit}{_digit} {_digit}{_digit}{_digit}{_digit}",
        "555-{_digit}{_digit}{_digit}{_digit}",
        "0{_one}{_digit}{_digit}{_digit}{_digit}{_digit}{_digit}",
    ),
    "flight": ("[mq|zk|vt|qx|hy] {_one}{_digit}{_digit}", "[mq|zk|vt|qx|hy]{_one}{_digit}{_digit}{_digit}"),
    "booking": ("[r|t|w|p|n][k|d|f|h][0|3|5|7][2|4|6|8][q|v|z|j]{_digit}",),
    "gigabytes": ("{_one}{_digit} [gb|gigs|gigabytes]", "{_one} [gb|gigs|gigabytes]"),
    "_digit": (_DIGITS,),
    "_one": (_FROM_ONE,),
    # Time.
    "past": (
        "[yesterday|last night|this morning|last week|two days ago|earlier today|last month]",
        "[on|last] {weekday}",
        "{number} [days|weeks|hours] ago",
        "on {date}",
    ),
    "since": ("[yesterday|last night|this morning|last week|{weekday}|{date}]",),
    "when": (
        "[today|tomorrow|tonight|next week|next month|right now|this afternoon|this week]",
        "[on|next|this] {weekday}",
        "in {number} [days|weeks]",
        "on {date}",
    ),
    "weekday": ("[monday|tuesday|wednesday|thursday|friday|saturday|sunday]",),
    "month": ("[january|february|march|april|may|june|july|august|september|october|november|december]",),
    "date": (
        "{month} [4|5|6|7|8|9][th|]",
        "the [4|5|6|7|8|9]th [of {month}|]",
        "{_one}/[1|2]{_digit}",
        "{month} 1{_digit}",
    ),
    # Names.
    "relative": ("[wife|husband|mother|father|son|daughter|neighbor]",),
    "first_name": (
        "[Anna|Ben|Carlos|Dana|Elif|Farid|Grace|Hiro|Ines|Jonas|Kofi|Lena|Maya|Nikhil|Olga|Pablo|Quinn|Rosa|Sven|Tariq]",
        "[Uma|Viktor|Wei|Yusuf|Zoe|Tom|Julia|Marek|Priya|Leon|Sara|Omar|Nina|Emre|Chloe|Ivan|Aisha|Peter|Mei|Diego]",
    ),
    "person": (
        "{first_name}",
        "{first_name}",
        "[Mr|Mrs|Ms|Dr] [Brandt|Okafor|Silva|Tanaka|Novak|Haddad|Larsen|Moreau|Kim|Petrov|Walsh|Gupta]",
    ),
    "payee": (
        "{person}",
        "{person}",
        "my [landlord|sister|brother|boss|roommate|cousin|tenant|uncle|neighbor|friend {first_name}]",
        "the [plumber|electrician|dentist|gym|school|kindergarten|gardener|babysitter]",
    ),
    "city": (
        "[Boston|Denver|Lisbon|Oslo|Hamburg|Nairobi|Osaka|Lyon|Porto|Turin|Austin|Leeds|Krakow|Ghent|Quito|Perth|Malmo|Cork|Basel|Dakar|Bergen|Tampa|Graz|Split]",
    ),
    "country": (
        "[Japan|Spain|Kenya|Brazil|Norway|Greece|Canada|Turkey|Peru|India|Iceland|Morocco|Vietnam|Croatia|Chile|Egypt]",
    ),
    "street": (
        "{_one}{_digit} [Oak|Mill|Station|Park|Church|Hill|Lake|Garden|Bridge|King|Rose] [Street|Road|Lane|Avenue]",
    ),
    "shop": (
        "[Brightmart|Foxglove|Urban Fern|Cedar & Co|Nightowl Games|Petalbox]",
        "[Grillhaus|Mondo Shoes|Kettleworks|Snapstream|Pixelpark|Tidewater Spa]",
    ),
    "carrier": ("[Telnova|Bluewave|Orbicall|Quickcell|Norfon|Zirkel Mobile|Pinetel|Vexa]",),
    # Things.
    "my": ("[my|my|our|the|my joint|our shared|my old|the family]",),
    "account": ("[checking account|savings account|account|checking|savings|joint account]",),
    "card": ("[card|debit card|credit card|bank card|visa card|visa]",),
    "product": (
        "[headphones|toaster|desk lamp|coffee machine|backpack|tablet|keyboard|office chair|blender|camera]",
        "[tent|yoga mat|monitor|printer|rice cooker|kettle|bookshelf|electric drill|speaker|mattress]",
        "[smart watch|vacuum cleaner|mirror|suitcase set|microscope|hammock|ladder|juicer|scarf|umbrella]",
    ),
    "garment": (
        "[jacket|sweater|shirt|jeans|boots|sneakers|dress|coat|hoodie|sandals|skirt|trousers|blouse|raincoat]",
    ),
    "one": (
        "{garment}",
        "{color} {garment}",
        "one",
        "size",
        "{garment} [from {shop}|]",
        "pair of [boots|sneakers|sandals|jeans]",
    ),
    "color": ("[black|white|red|blue|green|grey|yellow|brown|silver|pink]",),
    "pet": ("[dog|cat|rabbit|parrot|puppy|hamster|old dog|turtle|kitten]",),
    "vehicle": ("[car|van|motorbike|scooter|truck|bicycle|camper]",),
}
