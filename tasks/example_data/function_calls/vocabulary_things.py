"""Function calls: things to buy, to listen to, to say and to plan."""

from typing import Final

THINGS: Final[dict[str, tuple[str, ...]]] = {
    "product": ("{_kind} {_product}", "{_product}", "{_kind} {_product}"),
    "_kind": (
        "[wooden|steel|small|large|black|white|folding|cordless|striped|leather|cotton|glass|round|heavy|cheap|spare]",
        "[red|blue|green|grey|yellow|waterproof|padded|wireless|portable|electric|ceramic|plain|tall|narrow|soft|tiny]",
    ),
    "_product": (
        "[lamp|mirror|kettle|tent|rug|stool|drill|ladder|backpack|keyboard|monitor|speaker|camera|toaster|blender|vase]",
        "[pillow|blanket|towel|bucket|stand|curtain|basket|hammer|saw|notebook|pen|clock|scarf|jacket|helmet|umbrella]",
        "[mug|teapot|plate|pan|jug|bowl|candle|frame|poster|doormat|crate|hose|rake|shovel|printer|tripod|cable|mat]",
    ),
    "grocery": (
        "[apples|bananas|bread|brown rice|butter|carrots|cheese|cherries|chickpeas|cinnamon|coffee|corn flakes|cream]",
        "[cucumbers|dark chocolate|eggs|flour|frozen peas|garlic|ginger|goat cheese|grapes|green tea|ham|honey|jam|leeks]",
        "[lemons|lentils|lettuce|mango|milk|mint|mushrooms|mustard|noodles|oat milk|olive oil|onions|oranges|paprika]",
        "[pasta|peanuts|pears|pepper|plums|potatoes|pumpkin|raisins|red wine|salmon|salt|sea bass|soy sauce|spinach]",
        "[sugar|sunflower oil|thyme|tofu|tomatoes|tuna|vanilla|vinegar|walnuts|yeast|yogurt|zucchini|basil|black beans]",
        "[soap|shampoo|toothpaste|sponges|light bulbs|batteries|napkins|dog food|cat litter|baking paper|matches|tape]",
    ),
    "list_name": (
        "[shopping|grocery|party|camping|holiday|weekend|packing|christmas|picnic|kitchen|office|garden|birthday|moving]",
    ),
    "service": (
        "{_craft} [work|repair|lessons|plan|training|report|session]",
        "[website|logo|menu|kitchen|garden|office|shop|poster|roof|app] [design|cleaning|check|update|photos|painting]",
    ),
    "_craft": ("[piano|yoga|garden|wall|window|roof|language|tax|data|safety|travel|bike|car|sales|cooking|swimming]",),
    "song": (
        "{_mood} {_image}",
        "{_mood} {_image}",
        "{_image} [of|in|and|without] {_image}",
        "[Dancing|Waiting|Falling|Running|Singing|Dreaming] [in|for|with|under] [the|my|your] {_image}",
    ),
    "_mood": (
        "[Paper|Broken|Silent|Electric|Golden|Midnight|Silver|Lonely|Velvet|Burning|Hollow|Distant|Neon|Gentle|Wild]",
        "[Frozen|Crimson|Second|Hidden|Restless|Yellow|Empty|Endless|Northern|Borrowed|Faded|Sleeping|Crystal|Secret]",
    ),
    "_image": (
        "[Lanterns|Rivers|Thunder|Windows|Shadows|Oceans|Gardens|Mirrors|Engines|Horses|Letters|Stars|Bridges|Rain]",
        "[Candles|Mountains|Trains|Feathers|Islands|Summer|Diamonds|Harbors|Echoes|Ashes|Violins|Wolves|Roses|Sand]",
    ),
    "artist": (
        "The [{_mood}|] [Foxes|Sparrows|Pilots|Sailors|Tigers|Brothers|Strangers|Comets|Bakers|Ravens|Twins|Owls]",
        "{first} {last}",
        "{first} {last}",
        "DJ {first}",
    ),
    "event": (
        "{_topic} {_gathering}",
        "{_topic} {_gathering}",
        "[lunch|dinner|breakfast|coffee|tennis|chess|a call|a walk|drinks] with {person}",
        "{first}'s [birthday|wedding|farewell|concert|exam|recital|graduation]",
        "[dentist|doctor|hairdresser|vet|bank|notary|visa|eye] appointment",
    ),
    "_topic": (
        "[budget|sales|design|roadmap|safety|hiring|project|product|quarterly|garden|parents|choir|book club|yoga]",
        "[marketing|science|history|poetry|cooking|school|charity|neighbourhood|security|research|launch|strategy]",
    ),
    "_gathering": (
        "[review|meeting|workshop|party|training|lecture|demo|seminar|dinner|call|picnic|fair|rehearsal|tour]",
    ),
    "subject": (
        "{_topic} [report|plan|notes|update|schedule|ideas|results|budget|agenda|photos]",
        "[Question|News|Details|Thoughts|Feedback] [about|on] the {_topic} {_gathering}",
        "[Invoice|Ticket|Contract|Order] {one}{digit}",
    ),
    "chore": (
        "[call|email|text|visit|pay|thank|pick up|invite] {person}",
        "[water|clean|fix|check|move|paint|sell|measure] the {_thing}",
        "[buy|order|return|pack|bring|wash|collect] [the|some|my|more] [{grocery}|{_thing}]",
        "[renew|cancel|sign|print|send|find|update] my [passport|lease|gym card|library card|visa|insurance|tickets|will]",
        "[take|bring|get] [the|my] [dog|cat|car|bike|kids|books|laundry|puppy] [out|back|in|home|to {first}|to {town}]",
    ),
    "_thing": (
        "[plant|oven|garage|fence|boiler|window|car|bike|roof|sofa|fridge|desk|garden hose|shed|bathroom|piano|door]",
        "[{_kind} {_product}|{_product}|washing machine|bedroom wall|front door|coffee machine|winter coat|guest bed]",
    ),
    "saying": (
        "[i am|we are|{first} is] [running late|on the way|at the door|stuck in traffic|almost there|still at {town}|ready]",
        "[i will|we will|{first} will] [be {_delay} late|bring the {_thing}|call you later|wait at {address}]",
        "[the {_thing} is|your {_thing} is] [ready|broken|gone|fixed|in the hall|too small|not here|at {first}'s place]",
        "[do not forget|please bring|can you bring|did you find|have you seen] the [{_thing}|{grocery}]",
        "[see you|meet me|let us meet] [at|near|behind] the [station|cinema|library|pool|bakery|bridge|museum] in {town}",
        "[where is|who has|when can i get] [the|my] [{_thing}|{_product}]",
        "[thanks for|i love|sorry about|good news about] the [{_topic} {_gathering}|{_thing}|{grocery}]",
        "[dinner|lunch|the {_gathering}|the {_topic} {_gathering}] [was lovely|is cancelled|moved to {town}|starts soon]",
    ),
    "_delay": ("[5|10|15|20|30|40|50|ten|twenty|thirty] minutes", "[an hour|two hours|half an hour|a bit|a little]"),
    "room": (
        "{_room}",
        "[upper|lower|big|small|old|new|back|front|east|west|main|second] {_room}",
        "room {one}{digit}",
    ),
    "_room": (
        "[living room|kitchen|bedroom|bathroom|hall|office|garage|attic|nursery|guest room|cellar|dining room|studio]",
    ),
    "timer_label": (
        "[pasta|egg|tea|laundry|nap|yoga|homework|rice|chess|cookie|roast|workout|reading|piano|break|dough|bath]",
        "{_flavour} [pie|soup|cake|bread|stew|pizza|sauce|salad|tart|jam|dumpling|pancake]",
    ),
    "_flavour": (
        "[apple|cherry|potato|onion|pumpkin|lemon|mushroom|garlic|tomato|plum|cheese|fish|bean|carrot|nut|corn]",
    ),
    "activity": (
        "[running|swimming|cycling|rowing|yoga|climbing|boxing|hiking|skating|dancing|stretching|tennis|squash|judo]",
        "[easy|hard|indoor|outdoor|morning|evening|interval|beach] [running|cycling|rowing|tennis|skating|training]",
    ),
    "complaint": (
        "[headaches|coughing|back pain|a sore throat|dizziness|hay fever|toothache|insomnia|heartburn|a stiff neck]",
        "[mild|bad|strong|constant|sudden] [headaches|coughing|back pain|knee pain|ear pain|stomach cramps|itching]",
        "pain in the [left|right] [foot|hand|knee|shoulder|hip|elbow|wrist|ankle|arm|leg]",
    ),
    "reference": (
        "[rent|dinner|gift|deposit|tickets|repair|trip|lessons|fees] [for {first}|{town}|in {town}|]",
        "[invoice|bill|contract] {one}{digit}",
    ),
    "order_code": (
        "[Amber|Basil|Cedar|Delta|Ember|Falcon|Garnet|Hazel|Indigo|Jasper|Koala|Lotus|Maple|Nectar]-{one}{digit}",
        "[Onyx|Panda|Quartz|Raven|Saffron|Tiger|Umber|Violet|Walnut|Xenon|Yarrow|Zephyr|Coral|Topaz]-{one}{digit}",
    ),
}
