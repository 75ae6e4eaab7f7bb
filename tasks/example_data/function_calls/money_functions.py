"""Function calls, domain `money`: transfers, currencies, invoices."""

from random import Random
from typing import Final

from tasks.example_data.function_calls.function import Function, Parameter, Value, object_schema
from tasks.example_data.function_calls.times import DATE, calendar_date
from tasks.example_data.function_calls.values import (
    AMOUNT,
    COUNT,
    CURRENCY,
    MONEY,
    TEXT,
    copied,
    currency,
    enumeration,
    figure,
    list_schema,
    money,
    number,
)


def _lines(random: Random) -> Value:
    """One or two lines of an invoice: so many hours of a service at a price each."""
    service, hours = copied("{service}"), number(2, 20)
    lines: dict[str, dict[str, object]] = {}
    size = random.choice((1, 1, 2))
    while len(lines) < size:
        name, quantity, price = service(random), hours(random), figure(random, thousands=False)
        line = {"description": name.argument, "hours": quantity.argument, "price": price.argument}
        lines[f"{quantity.written} hours of {name.written} at {price.written}"] = line
    return Value(enumeration(list(lines)), list(lines.values()), copied=True)


MONEY_FUNCTIONS: Final = (
    Function(
        name="transfer_money",
        description="Transfer money to somebody.",
        domain="money",
        parameters={
            "amount": Parameter(MONEY, money),
            "recipient": Parameter(TEXT, copied("{person}")),
            "reference": Parameter(TEXT, copied("{reference}"), required=False),
        },
        short=(
            "{do} [send|transfer|pay|wire] {amount} to {recipient}",
            "{do} [send|pay|give] {recipient} {amount}",
            "{do} make a [payment|transfer] of {amount} to {recipient}",
        ),
        long=(
            "{do} [send|transfer|wire] {amount} to {recipient} with the reference {reference}",
            "i owe {recipient} {amount}, {do} [send|transfer] it with the note {reference}",
            "{recipient} gets {amount} from me, {do} [pay|transfer] that, reference {reference}",
            "{tell} [transfer|send] {amount} not to {first} but to {recipient} [this time|], reference {reference}",
            "[the reference is|reference] {reference}: {do} [pay|transfer|wire] {amount} to {recipient}",
        ),
        incomplete={
            "recipient": ("{do} [send|transfer|wire] {amount} [with the reference {reference}|]",),
            "amount": ("{do} [send|transfer|wire] [money|some money] to {recipient}", "{do} pay {recipient}"),
        },
    ),
    Function(
        name="convert_currency",
        description="Convert an amount into another currency.",
        domain="money",
        parameters={"amount": Parameter(MONEY, money), "to": Parameter(CURRENCY, currency)},
        short=(
            "{do} convert {amount} [to|into] {to}",
            "[how much is|what is|how many {to} are] {amount} in {to}",
            "{amount} in {to}",
        ),
        long=(
            "how many {to} do i get for {amount}",
            "i have {amount} and need {to}, how much [is that|will i get]",
            "{tell} [tell me|work out|show me] what {amount} [is worth|makes|comes to] in {to}",
            "in {to}, how much would {amount} be",
        ),
        incomplete={
            "to": ("{do} convert {amount}", "{do} change {amount} into another currency"),
            "amount": ("{do} convert [some money|my savings|the money] [to|into] {to}",),
        },
    ),
    Function(
        name="create_invoice",
        description="Write an invoice; prices are per hour.",
        domain="money",
        parameters={
            "customer": Parameter(TEXT, copied("{company}")),
            "lines": Parameter(
                list_schema(object_schema({"description": TEXT, "hours": COUNT, "price": AMOUNT})),
                _lines,
            ),
            "currency": Parameter(CURRENCY, currency),
            "due": Parameter(DATE, calendar_date, required=False),
        },
        short=(
            "{do} invoice {customer} for {lines} {currency}",
            "{do} [write|create|make] an invoice to {customer} for {lines} {currency}",
        ),
        long=(
            "{do} [write|create|make] an invoice for {lines} {currency}, the customer is {customer}, due {due}",
            "{do} bill {customer} for {lines} {currency}, [payable|to be paid|due] {due}",
            "{customer} ordered {lines} {currency}, {do} [write|create] the invoice",
        ),
        incomplete={
            "customer": ("{do} [write|create|make] an invoice for {lines} {currency}",),
            "lines": ("{do} [write|create|make] an invoice to {customer} in {currency}",),
        },
    ),
)
