"""Support assistant: what it does not serve, from small talk to near misses in the words of its domains.

Each held-out split has topics that train lacks, so that recognising the topics of train is not enough.
"""

from typing import Final

from tasks.example_data.grammar import Topic

_EVERYWHERE: Final = ("train", "validation", "test")

TOPICS: Final = (
    Topic(
        "cooking",
        _EVERYWHERE,
        (
            "how long do i [boil|cook|steam] [rice|lentils|potatoes|an egg|artichokes]",
            "what can i [cook|bake] with [eggplant|leftover rice|two eggs|stale bread|pumpkin] {when}",
            "my [sourdough|pancakes|risotto|cheesecake] [turned out too dry|burned again|fell apart], why",
            "[give me|find me] a recipe for [lentil soup|apple pie|dumplings|flatbread] for {number} people",
            "can i [replace|substitute] butter with [oil|yogurt|applesauce] in [a cake|cookies]",
            "which spices go well with [lamb|cauliflower|salmon|chickpeas]",
        ),
    ),
    Topic(
        "weather",
        ("train", "test"),
        (
            "will it [rain|snow|be sunny|be windy] in {city} {when}",
            "how [cold|hot|humid] does it get in {country} in {month}",
            "do i need an umbrella in {city} {when}",
            "when does the sun set in {city} in {month}",
            "is there a storm coming to {city}",
        ),
    ),
    Topic(
        "small_talk",
        _EVERYWHERE,
        (
            "[do you ever sleep|are you a robot|how old are you|do you have feelings|what do you dream of]",
            "tell me [a joke|a story|something funny] about [cats|robots|penguins|lawyers|my boss]",
            "i [had a bad dream|am bored|feel lonely|broke up with {person}] [{past}|today], talk to me",
            "what is your favorite [movie|color|food|animal|book]",
            "my [dog|son|sister] {first_name} [turned {number}|learned to swim|won a prize] {past}, isn't that great",
            "do you think {person} likes me",
        ),
    ),
    Topic(
        "money_near_miss",
        _EVERYWHERE,
        (
            "should i buy [bitcoin|gold|shares of {shop}|bonds] with {amount}",
            "what will {amount} be worth in [yen|pesos|francs] {when}",
            "how much tax do i pay on {amount} of [rent|interest|tips]",
            "who invented [the credit card|savings accounts|paper money|the check]",
            "how do banks make money from [checking accounts|savings|cards]",
            "write [a poem|a song|a limerick] about my [savings account|credit card|empty account]",
            "can you lend {payee} {amount} to start a bakery",
        ),
    ),
    Topic(
        "shopping_near_miss",
        ("train", "validation"),
        (
            "what is a good present for [my boss|a teenager|{person}] for {amount}",
            "are {color} [sneakers|boots|jeans] still in fashion",
            "how do i wash a {color} {garment} so that it does not shrink",
            "which is better for the planet, [paper or plastic bags|leather or cotton|online shops or malls]",
            "how do i repair my [toaster|kettle|blender|printer] myself",
            "how does a package find its way across the ocean",
        ),
    ),
    Topic(
        "sports",
        ("train", "validation"),
        (
            "who won the [match|game|race] in {city} {past}",
            "how many players are in a [handball|rugby|volleyball|cricket] team",
            "how do i [train for a marathon|get better at tennis|do a handstand] in {number} weeks",
            "when does the [football|hockey|basketball] season start in {country}",
            "what is the world record in [pole vault|the 800 meters|long jump]",
        ),
    ),
    Topic(
        "science",
        ("validation",),
        (
            "why is the sky [blue|red at dusk|dark at night]",
            "how far away is [the moon|mars|the nearest star|saturn] in kilometers",
            "what do [whales|bats|spiders|jellyfish] eat",
            "how does [a magnet|photosynthesis|a microwave|a vaccine] work",
            "what is [the square root of {number}|{number} times {number}|the atomic weight of iron]",
        ),
    ),
    Topic(
        "travel_near_miss",
        ("validation",),
        (
            "which museums in {city} are [free|worth it|open on {weekday}]",
            "how do i say [thank you|good night|where is the train] in [Japanese|Turkish|Portuguese]",
            "do i need a visa for {country} if i stay {number} days",
            "why do ears hurt when a plane [lands|takes off]",
            "where can i eat [well|cheaply|vegan food] in {city} {when}",
            "how do i teach my {pet} to [sit|stay|roll over]",
        ),
    ),
    Topic(
        "music",
        ("validation", "test"),
        (
            "play [some jazz|my running playlist|something by a string quartet|the song from that film]",
            "how do i tune [a guitar|a ukulele|a violin] by ear",
            "who [composed|wrote|sang] that [opera|song] about [a swan|the sea|a barber]",
            "is it hard to learn the [cello|piano|drums] at {number}",
        ),
    ),
    Topic(
        "health",
        ("test",),
        (
            "i have [a headache|a sore throat|hiccups|back pain] since {since}, what helps",
            "how many [calories|vitamins] are in [a banana|an avocado|a bagel]",
            "how much [sleep|water|sun] does a [toddler|grown man|newborn] need",
            "is it healthy to [fast|run|drink coffee] every day",
        ),
    ),
    Topic(
        "telecom_near_miss",
        ("test",),
        (
            "how do i clean the [screen|camera|speaker] of my phone",
            "who made the first [phone call|text message|mobile network]",
            "my phone fell into the [sink|lake|soup], does rice help",
            "which app is best for [editing photos|learning chess|counting steps]",
            "how do i limit the screen time of my [son|daughter] on the tablet",
            "what does the roaming of wolves have to do with data",
        ),
    ),
    Topic(
        "garden",
        ("test",),
        (
            "when do i [prune|plant|water] my [roses|tomatoes|apple tree|lavender] in {month}",
            "what keeps [snails|moles|aphids] away from [lettuce|the lawn|my herbs]",
            "my [basil|orchid|cactus] has [brown|yellow|limp] leaves [since {since}|]",
        ),
    ),
    Topic(
        "nonsense",
        ("test",),
        (
            "[blub|asdf|lorem|wumm] [fizz|qwer|dolor|zack] [brr|hjkl|amet|plop] [gnarf|oink|xyz|tralala]",
            "the [purple|square|silent] [banana|trombone|staircase] [sings|melts|votes] [upwards|on {weekday}]",
            "{number} {number} {number} [elephants|umbrellas|spoons] {number}",
        ),
    ),
)
