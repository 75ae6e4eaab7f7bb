"""Support assistant, domain telecom."""

from typing import Final

from tasks.example_data.grammar import Contrast, Domain, Intent

TELECOM: Final = Domain(
    name="telecom",
    intents=(
        Intent(
            "port_number_in",
            (
                "i am a new customer, {wish} bring my old number [along|with me|{phone}]",
                "i just signed up with you, how do i keep [my number|{phone}]",
                "{carrier} gave me a transfer code so that you can take over my number",
                "{ask} import my number {phone} [to my new contract|]",
                "my number is still with {carrier}, {ask} fetch it",
                "do you accept numbers from {carrier}",
                "i signed your contract {past} but my old number has not come over",
                "{wish} keep {phone} when i become your customer",
            ),
        ),
        Intent(
            "port_number_out",
            (
                "i am leaving, {ask} release my number {phone}",
                "{carrier} wants a transfer code before they can take my number",
                "i need the transfer code because i am going to {carrier}",
                "my contract here ends [soon|{when}], how do i take my number elsewhere",
                "{ask} unlock [my number|{phone}] so that {carrier} can have it",
                "goodbye, {carrier} is cheaper, let them have my number",
                "{wish} keep {phone} when i stop being your customer",
                "{carrier} made me a better offer and needs my number from you",
            ),
        ),
        Intent(
            "switch_to_prepaid",
            (
                "{wish} pay as i go [from now on|in future|]",
                "i am tired of monthly bills, give me [top up credit|something prepaid]",
                "{ask} put [{phone}|my line|my sim] on prepaid",
                "is there a tariff with no monthly fee where i just load {amount}",
                "no more contract for me, only credit that i buy",
                "i hardly call anybody, a card that i load myself would do",
                "my daughter should only have the credit i load, no bill",
                "{ask} [move|switch|change] [{phone}|me|my line] to [prepaid|pay as you go|a prepaid plan]",
                "{wish} [end|drop|leave] my monthly [contract|plan] and load credit myself",
                "i do not want a contract any longer, prepaid is fine",
                "a prepaid [card|plan|tariff] suits me better",
                "{ask} turn my monthly plan into [prepaid|pay as you go]",
            ),
        ),
        Intent(
            "switch_to_contract",
            (
                "{wish} sign a [two year|24 month|twelve month] contract for [{phone}|my line]",
                "i keep running out of credit, give me a monthly [contract|bill]",
                "{ask} put [{phone}|my line|my sim] on a contract",
                "i am tired of topping up, bill me {amount} a month",
                "no more loading credit for me, a fixed monthly fee is better",
                "i call all day, a flat rate for {amount} a month would do",
                "{wish} be billed at the end of the month rather than run dry",
                "{ask} [move|switch|change] [{phone}|me|my line] to a [contract|monthly plan|two year plan]",
                "{wish} [end|drop|leave] prepaid and get a [monthly|proper] bill",
                "i do not want prepaid any longer, a contract is fine",
                "a [monthly|two year|regular] [contract|plan] suits me better",
                "{ask} turn my prepaid card into a [contract|monthly plan]",
            ),
        ),
        Intent(
            "data_usage",
            (
                "how [much data|many gigabytes] [do i have|are left|have i used|is left] [this month|on {phone}|]",
                "{ask} [show|tell] me my data [usage|consumption] [for {month}|]",
                "have i used up my {gigabytes} [yet|already]",
                "am i close to my [data|{gigabytes}] limit",
                "why did my {gigabytes} run out so [fast|early|soon]",
                "what ate all my [mobile data|{gigabytes}] in {month}",
                "when does my data [allowance|volume] reset",
                "how much data did roaming in {country} [eat|cost me|use]",
                "is my contract with {gigabytes} used up for {month}",
                "what share of my {gigabytes} is gone by {date}",
                "{wish} see how many gigabytes i burned {past}",
                "my kids stream all day, how much of the {gigabytes} is left",
            ),
        ),
        Intent(
            "no_signal",
            (
                "i have no [signal|reception|bars|service] [in {city}|at home|since {since}|]",
                "my phone says no service [in {city}|all day|since {since}]",
                "calls keep dropping [in {city}|at my place|since {since}]",
                "is there an outage in {city}",
                "i can not make [or receive|] calls [in {city}|since {since}|]",
                "the network [is down|died|is dead] [in {city}|at {street}|]",
                "nobody can reach me on {phone}, the line is dead",
                "since i [switched to prepaid|got the new contract|moved my number to you] the phone shows no bars",
                "my phone finds no network in {country} although roaming is on",
                "i have data left but [no reception|no bars|no network] at {street}",
                "did a mast in {city} fall over, everybody here is offline",
                "the reception at {street} has been terrible since {since}",
            ),
        ),
        Intent(
            "roaming_pass",
            (
                "i am [going|flying|traveling] to {country} {when}, will my phone work there",
                "{ask} [activate|switch on|enable] roaming [for {country}|on {phone}|]",
                "what does it cost to use [data|my phone] in {country}",
                "{ask} add a travel pass for {country} [with {gigabytes}|]",
                "is {country} included in my roaming",
                "i need mobile data while i am in {country}",
                "how do i avoid roaming fees in {country}",
                "does my [contract|prepaid plan] cover {country}",
                "we fly to {country} {when} and need the internet there",
                "how many gigabytes can i use in {country} with my contract",
                "{ask} switch roaming off, i am back from {country}",
                "is there a weekly bundle for {country}",
            ),
        ),
    ),
    contrasts=(
        Contrast(
            ("port_number_in", "port_number_out"),
            (
                "[your|your own] [network|company|firm]",
                "the [{carrier}|{carrier}|other] [network|company|firm]",
            ),
            (
                "{ask} [move|port|transfer|take] [my number|{phone}|my line] from {y} to {x}",
                "{ask} [move|port|transfer|bring] [my number|{phone}|my line] to {x} from {y}",
                "i am leaving {y} and joining {x} [with my number|and keep my number|, my number too]",
                "i am joining {x} and leaving {y} [with my number|and keep my number|, my number too]",
                "{y} should hand [my number|{phone}] over to {x}",
                "can {x} get [my number|{phone}] from {y}",
            ),
        ),
    ),
)
