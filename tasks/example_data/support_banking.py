"""Support assistant, domain banking."""

from typing import Final

from tasks.example_data.grammar import Contrast, Domain, Intent

BANKING: Final = Domain(
    name="banking",
    intents=(
        Intent(
            "transfer_to_savings",
            (
                "{ask} [put|set|lay] {amount} aside [for a rainy day|for later|for the holidays|for a new car]",
                "{ask} add {amount} to {my} savings [each month|every payday|this week|]",
                "[i got a bonus and|i was paid and|payday came and] {amount} of it should be saved",
                "{ask} stash {amount} in {my} [emergency fund|savings pot|rainy day fund]",
                "{wish} start saving {amount} [now|right away|{when}]",
                "[too much sits|i keep too much|more than i need is] in checking, [save|tuck away] {amount} of it",
                "{my} savings [look thin|need a boost|could use some help], [drop|put|throw] {amount} in there",
                "{ask} [set up|start] a standing order of {amount} for [my nest egg|college|the rainy day fund]",
                "whatever is above {amount} at the end of {month} should be saved",
            ),
        ),
        Intent(
            "transfer_to_checking",
            (
                "[rent|the mortgage|a big bill] is due so {ask} put {amount} in {my} checking",
                "{ask} pull {amount} out of {my} [savings pot|emergency fund|rainy day fund] so i can spend it",
                "i am about to overdraw checking, {ask} cover it with {amount} of what i saved",
                "{ask} take {amount} out of {my} savings so that i can [pay the rent|spend it|go shopping]",
                "{wish} have {amount} of my saved money at hand for [the weekend|groceries|rent]",
                "my checking is [nearly empty|in the red|almost at zero], {ask} refill it with {amount}",
                "i saved enough, [free up|release|make available] {amount} for [bills|everyday spending|shopping]",
                "{wish} get at {amount} of the rainy day fund [today|{when}]",
                "{payee} wants {amount} in cash so take that much out of what i saved",
            ),
        ),
        Intent(
            "payment_sent",
            (
                "did [my|the] payment of {amount} reach {payee}",
                "i sent {payee} {amount} {past}, has it arrived over there",
                "{payee} says nothing came in [although|even though] i paid {amount} {past}",
                "{ask} confirm that my transfer to {payee} went out",
                "can you prove that i paid {payee} {amount}",
                "has the money i wired left my account",
                "{payee} is still waiting for {amount} from me, is it stuck",
                "i pressed pay for {payee} [once|twice|{past}], was anything sent",
                "i [paid|sent|wired] {payee} {amount} {past}, did it arrive",
                "{payee} [never saw|is asking for] the {price} that i [paid|sent|wired]",
                "where is the {price} [payment|transfer] from me to {payee}",
            ),
        ),
        Intent(
            "payment_received",
            (
                "has [any money|{amount}] come in from {payee}",
                "{payee} promised me {amount}, is it in my account yet",
                "{ask} check for an incoming transfer from {payee}",
                "i am [still|] waiting for {amount} that {payee} owes me",
                "{payee} says {amount} was wired to me {past} but i see nothing",
                "has my [salary|paycheck|refund from {payee}] landed",
                "my balance looks unchanged, did {payee} really pay me",
                "{payee} [paid|sent|wired] me {amount} {past}, did it arrive",
                "i [never saw|am asking for] the {price} that {payee} [paid|sent|wired]",
                "did i get the money {payee} [paid|sent] {past}",
                "where is the {price} [payment|transfer] from {payee} to me",
            ),
        ),
        Intent(
            "block_card",
            (
                "i lost my {card} [in {city}|on the bus|somewhere {past}|]",
                "my [purse|wallet|bag] was stolen and the {card} was in it",
                "{ask} [block|freeze|lock|deactivate] my {card} [right now|at once|immediately|]",
                "somebody has my {card}, make sure it can not be used",
                "the {card} is gone, shut it off",
                "i can not find my {card} [since {since}|anywhere], freeze it for now",
                "my {card} fell out of my pocket [in {city}|at the station], stop it from working",
                "i left my {card} in a [taxi|shop|hotel] in {city}, block it",
                "someone is shopping at {shop} with my stolen {card}, stop them",
            ),
        ),
        Intent(
            "dispute_charge",
            (
                "there is a {price} charge from {shop} that i do not recognize",
                "i never bought anything at {shop}, why was i billed {amount}",
                "{shop} charged me twice, {amount} each time",
                "{ask} [dispute|contest|reverse] [a|the|that] {price} charge [from {shop}|of {past}]",
                "{wish} contest what {shop} took from my {card}",
                "the {price} debit on my statement is [wrong|not mine|fraudulent]",
                "{shop} took {amount} {past} and i did not authorize it",
                "why does {shop} appear on my statement with {amount}",
                "i cancelled {shop} months ago and they still took {amount} from my {card}",
            ),
        ),
        Intent(
            "check_balance",
            (
                "how much [money|] [do i have|is there|is left] in {my} {account}",
                "[what is|tell me|show me|read me] the balance of {my} {account}",
                "{ask} [check|show|tell me] my balance",
                "can i afford {amount} [right now|today|this week]",
                "is there at least {amount} in {my} {account}",
                "did my {account} drop below {amount}",
                "what am i worth today, {account} and all",
                "how much could i spend [right now|until payday] without going into the red",
                "after the transfer of {past}, what is left in {my} {account}",
                "i paid {payee} {amount}, how much does that leave me",
                "before i [pay|send] anything, how much is in {my} {account}",
                "how full is {my} [rainy day fund|savings pot|{account}] by now",
                "[give me|i need] the exact figure for {my} {account}",
            ),
        ),
    ),
    contrasts=(
        Contrast(
            ("transfer_to_savings", "transfer_to_checking"),
            ("{my} checking account", "{my} savings account"),
            (
                "{ask} [move|transfer|send|shift] {amount} from {x} to {y}",
                "{ask} [move|transfer|send|shift] {amount} to {y} from {x}",
                "{ask} take {amount} out of {x} and [put it|drop it|place it] in {y}",
                "{ask} [put|place|drop] {amount} in {y}, [take|pull] it out of {x}",
                "{ask} [top up|fill up|refill] {y} with {amount} from {x}",
                "{x} has [too much|plenty] in it, [shift|move|send] {amount} to {y}",
            ),
        ),
        # The label is the one of the two things that has to be done first, or at all.
        Contrast(
            ("block_card", "dispute_charge"),
            (
                "[block|freeze|lock] [my|the|that] {card}",
                "[dispute|contest|reverse] [the|that|a] [{price}|{shop}|{price} {shop}] charge",
            ),
            (
                "{ask} {x} [today|right now|for me] before you [even|go and|try to] {y}",
                "before you [even|go and|try to] {y}, [please|you have to|first] go and {x}",
                "{ask} {x} at first and [only|please|just] {y} [later|afterwards|after that]",
                "[please|] first [of all|go and|please] {x} and then [please|go and|just] {y}",
                "[please|] {x} [now|today|for me], do not [even|go and|try to] {y}",
                "do not [even|go and|try to] {y}, [just|please|simply] [go and|try to] {x}",
            ),
        ),
    ),
)
