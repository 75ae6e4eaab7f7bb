"""Function calls: names of people, places, companies and shops; part of each is built from syllables, so never runs out."""

from typing import Final

_DIGIT: Final = "[0|1|2|3|4|5|6|7|8|9]"
_ONE: Final = "[1|2|3|4|5|6|7|8|9]"

PEOPLE_AND_PLACES: Final[dict[str, tuple[str, ...]]] = {
    "digit": (_DIGIT,),
    "one": (_ONE,),
    "first": (
        "[Ada|Agnes|Alba|Amir|Anton|Aria|Arne|Asha|Bela|Bruno|Cara|Celia|Cem|Clara|Cyril|Dario|Dina|Edda|Elias|Emil]",
        "[Enzo|Erik|Esme|Eva|Felix|Fiona|Freya|Gita|Goran|Greta|Hanna|Hassan|Helga|Hugo|Ida|Igor|Ilse|Imran|Irma|Ivo]",
        "[Jana|Joel|Juno|Kaja|Karim|Katya|Keiko|Kenji|Lars|Layla|Leo|Lidia|Lila|Linus|Luca|Mara|Marta|Matteo|Mila|Mina]",
        "[Nadia|Naomi|Nico|Noor|Odette|Olaf|Oona|Orla|Oskar|Paula|Petra|Rafi|Ravi|Remy|Rita|Rohan|Ruben|Ruth|Samir|Selma]",
        "[Signe|Simon|Sofia|Stella|Tamar|Theo|Tilda|Timur|Tove|Umar|Ursula|Vera|Vikram|Wanda|Willa|Xenia|Yara|Yuki|Zeno|Zora]",
        "{_opening}{_close}",
    ),
    "_opening": ("[Al|Be|Ca|Da|El|Fa|Gi|Ha|Io|Ja|Ke|Le|Ma|Ne|Or|Pe|Ra|Se|Ta|Vi]",),
    "_close": ("[bin|cca|den|dra|fin|gan|la|lie|lor|min|na|nor|ric|ron|sha|tan|tis|vin|wen|zel]",),
    "last": (
        "[Adler|Bauer|Becker|Bianchi|Castro|Conti|Cruz|Dahl|Dogan|Duarte|Eriksen|Farkas|Ferrer|Fuchs|Garnier|Grant]",
        "[Haas|Horvat|Ibsen|Iyer|Jansen|Kaya|Keller|Khan|Kovacs|Kumar|Lang|Leroy|Lindt|Lopes|Maier|Marin|Mendez|Mori]",
        "[Nair|Nilsen|Nowak|Ochoa|Olsen|Ortiz|Pavlov|Pereira|Popov|Rahman|Reyes|Ricci|Rossi|Sato|Schmid|Singh|Soto|Stern]",
        "{_syllable}{_surname}",
        "{_syllable}{_surname}",
        "{_syllable}{_surname}",
    ),
    "_syllable": (
        "[Bar|Bel|Bran|Cal|Cor|Dal|Del|Dor|Fal|Fen|Gar|Gol|Hal|Har|Hol|Kal|Kel|Kor|Lan|Lor|Mal|Mar|Mer|Mor|Nor|Pal]",
        "[Per|Ral|Ran|Ros|Sal|Sel|Sol|Tal|Tar|Tor|Val|Ver|Vol|Wal|Wen|Wil|Yar|Zan|Zel|Zor]",
    ),
    "_surname": (
        "[man|berg|dini|ski|wick|sen|ova|ides|stein|well|field|mont|ano|ez|eau|kin|ley|rud|sson|tis|more|gard]",
    ),
    "person": ("{first} {last}", "{first} {last}", "{first}"),
    "email": ("{_mailbox}@{_host}.[com|org|net|io]",),
    "_mailbox": ("{first}.{last}", "{first}", "{last}"),
    "_host": ("[blue|green|red|north|west|cloud|quick|bright|home|open][mail|post|net|box|line|hub|desk|works]",),
    "town": (
        "{_town}[ford|ton|bury|ville|haven|port|mouth|stead|burg|dale|by|field|wick|bridge|holm]",
        "{_town}[ford|ton|bury|ville|haven|port|mouth|stead|burg|dale|by|field|wick|bridge|holm]",
        "[San|Santa|Port|New|Lake|Fort|Saint|Bad|North|East] {_town}[a|en|o|is|ia]",
        "[Oslo|Lima|Cairo|Porto|Turin|Kyoto|Quito|Delhi|Seoul|Tunis|Basel|Cork|Dakar|Ghent|Hanoi|Leeds|Lyon|Malmo|Nice|Riga]",
        "[Accra|Athens|Berlin|Boston|Dublin|Geneva|Jakarta|Krakow|Lagos|Lisbon|Madrid|Milan|Nairobi|Osaka|Prague|Rome|Vienna]",
    ),
    "_town": (
        "[Ash|Birch|Black|Brook|Clay|Cold|Cran|Dun|Eld|Ever|Fair|Fox|Glen|Gold|Green|Grim|Hart|Hazel|High|Iron]",
        "[Kirk|Lang|Lin|Long|Maple|Mill|Moor|North|Oak|Otter|Pine|Raven|Red|Rock|Sand|Silver|Stone|Thorn|West|Wolf]",
    ),
    "place": ("{town}", "{town}", "{address}", "[the|] {_landmark} [in {town}|of {town}|in {town}]"),
    "_landmark": (
        "[museum|stadium|main library|old harbour|central station|town hall|art school|zoo|opera|bus station]",
    ),
    "address": (
        "{one}{digit} {_street} [Street|Road|Lane|Avenue]",
        "{one} {_street} [Street|Road|Lane|Avenue|Square]",
    ),
    "_street": ("{_town}[|ton|wood|gate|hill|mead|well]", "{last}"),
    "company": (
        "{_syllable}[tec|dyne|soft|corp|lux|nova|plan|works] [Ltd|Inc|GmbH|Group|Partners]",
        "{last} [and Sons|Logistics|Studios|Foods|Bakery|Consulting|Motors]",
        "[{_town}{_surname}|{_syllable}{_surname}] [Design|Media|Energy|Systems|Dental|Legal]",
    ),
    "restaurant": (
        "[The|] [Golden|Hungry|Blue|Lazy|Little|Crooked|Smoky|Happy|Salty|Red] {_sign}",
        "[Casa|Chez|Trattoria|Bistro|Cafe|Taverna] {last}",
        "{last}'s [Kitchen|Grill|Diner|Noodles|Oysters]",
    ),
    "_sign": ("[Fork|Goose|Lantern|Kettle|Olive|Heron|Pepper|Bear|Spoon|Table|Cellar|Orchard]",),
    "hotel": (
        "[Hotel|Pension|Inn] {_town}[hof|side|view|crest]",
        "[The|] [Grand|Royal|Park|Garden|Harbour] {last}",
    ),
    "team": ("[sales|finance|marketing|legal|support|design|the board|human resources|engineering|logistics]",),
}
