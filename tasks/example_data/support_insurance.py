"""Support assistant, domain insurance: held back, to land later as a domain that the model has never seen."""

from typing import Final

from tasks.example_data.grammar import Contrast, Domain, Intent

INSURANCE: Final = Domain(
    name="insurance",
    intents=(
        Intent(
            "claim_own_fault",
            (
                "i scraped [a wall|a parked van|my garage] with my {vehicle} [in {city}|{past}|]",
                "i dented somebody's {vehicle}, does my liability cover pay",
                "i backed my {vehicle} into a [fence|lamp post|garage door] {past}",
                "it was my mistake, i damaged the {vehicle} of {payee}",
                "i ran a red light in {city} and hit a {vehicle}, what now",
            ),
        ),
        Intent(
            "claim_third_party_fault",
            (
                "somebody scratched my {vehicle} [in {city}|{past}|] and drove off",
                "my parked {vehicle} was hit [in {city}|{past}|], who pays",
                "{payee} admits to having damaged my {vehicle}",
                "a van rolled into my {vehicle} [in {city}|{past}|], the police wrote it down",
                "a stranger ran a red light in {city} and my {vehicle} is wrecked",
            ),
        ),
        Intent(
            "claim_status",
            (
                "what is the status of my claim [{order}|from {past}|about the {vehicle}]",
                "have you decided on claim {order} [yet|]",
                "{ask} check how far claim {order} has come",
                "the adjuster was here {past}, when do i hear about my claim",
                "how long until my claim of {amount} is paid out",
            ),
        ),
        Intent(
            "renew_policy",
            (
                "my [{vehicle}|home|travel] policy runs out {when}, {ask} renew it",
                "{wish} extend my policy {order} by [a year|two years|six months]",
                "does my cover for the {vehicle} renew by itself in {month}",
                "{ask} prolong the insurance of my {vehicle} [until {month}|]",
                "what will my premium be when i renew in {month}",
            ),
        ),
        Intent(
            "add_insured_driver",
            (
                "{ask} add {person} as a driver of my {vehicle}",
                "{person} just got a license, {wish} include them in my policy",
                "may {payee} drive my insured {vehicle} [in {month}|]",
                "what does it cost to put {person} on the policy of my {vehicle}",
                "is my {vehicle} covered when {payee} is at the wheel",
            ),
        ),
        Intent(
            "coverage_question",
            (
                "am i covered if [hail|a flood|a fire|a marten] damages my {vehicle}",
                "does my policy pay for a [stolen|lost|broken] {product}",
                "is [water damage|theft|a broken window] at {street} included in my home insurance",
                "what is my deductible for [glass|theft|storm] damage to the {vehicle}",
                "up to which amount is my {product} insured, {amount} or less",
            ),
        ),
    ),
    contrasts=(
        Contrast(
            ("claim_own_fault", "claim_third_party_fault"),
            ("[my|our] {vehicle}", "[the|some|that] other {vehicle}"),
            (
                "{x} [hit|struck|rammed] {y} [in {city}|{past}|]",
                "{y} was [hit|struck|rammed] by {x} [in {city}|{past}|]",
                "{x} rolled into {y} [at {street}|in {city}|{past}|]",
                "{y} was standing still when {x} [hit it|ran into it] [in {city}|{past}|]",
                "{x} did not stop and crashed into {y} [in {city}|{past}|]",
                "{y} had the right of way, {x} did not, and they collided [in {city}|]",
            ),
        ),
    ),
)
