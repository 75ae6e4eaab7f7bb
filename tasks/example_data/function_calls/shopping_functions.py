"""Function calls, domain `shopping`: lists, orders, restaurants."""

from typing import Final

from tasks.example_data.function_calls.function import Function, Parameter, object_schema
from tasks.example_data.function_calls.times import DATE, TIME, date, time
from tasks.example_data.function_calls.values import COUNT, TEXT, copied, items, list_schema, number, several

SHOPPING: Final = (
    Function(
        name="add_to_list",
        description="Put things on a list.",
        domain="shopping",
        parameters={
            "items": Parameter(list_schema(TEXT), several(copied("{grocery}"), (1, 1, 2, 2, 3))),
            "list": Parameter(TEXT, copied("{list_name}")),
        },
        short=(
            "{do} [add {items} to|put {items} on] [my|the] {list} list",
            "{items} on the {list} list",
        ),
        long=(
            "we [ran out of|have no more|are out of] {items}, {do} [add that to|put that on] the {list} list",
            "the {list} list [still needs|is missing|lacks] {items}",
            "on [my|the] {list} list, {do} [note|write|put] {items}",
        ),
        incomplete={
            "list": ("{do} [add {items} to|put {items} on] [a list|one of my lists|some list]",),
            "items": ("{do} [add something to|put something on] [my|the] {list} list",),
        },
    ),
    Function(
        name="order_items",
        description="Order things from the shop.",
        domain="shopping",
        parameters={
            "items": Parameter(
                list_schema(object_schema({"name": TEXT, "quantity": COUNT})),
                items("{product}", 9, (1, 1, 2, 2, 3)),
            ),
            "address": Parameter(TEXT, copied("{address}"), required=False),
        },
        short=(
            "{do} [order|buy] {items}",
            "{tell} [get|order] me {items}",
            "i [will take|need to order|would like to buy] {items}",
        ),
        long=(
            "{do} [order|buy] {items} and [send|ship|deliver] [it|everything] to {address}",
            "{tell} [send|ship|deliver] {items} to {address}",
            "my address is {address} and i [would like|want to order] {items}",
            "to {address}, {tell} [order|deliver] {items}",
        ),
        incomplete={"items": ("{do} [order|buy] something and [send|ship] it to {address}",)},
    ),
    Function(
        name="track_order",
        description="Tell where an order is.",
        domain="shopping",
        parameters={"order": Parameter(TEXT, copied("{order_code}"))},
        short=(
            "where is [my order|order|my parcel] {order}",
            "{do} track [order|my order|parcel] {order}",
        ),
        long=(
            "i [am still waiting for|have not received] [order|my order] {order}, where is it",
            "has order {order} [been sent|left the shop|been shipped]",
            "order {order} [should be here by now|is late|has not come], {do} [check|look] where it is",
        ),
        incomplete={"order": ("where is my [order|parcel|package]", "{do} track my [order|parcel|package]")},
    ),
    Function(
        name="book_table",
        description="Book a table in a restaurant.",
        domain="shopping",
        parameters={
            "restaurant": Parameter(TEXT, copied("{restaurant}")),
            "people": Parameter(COUNT, number(2, 9, words=True)),
            "date": Parameter(DATE, date),
            "time": Parameter(TIME, time),
        },
        short=(
            "{do} [book|reserve|get] a table for {people} at {restaurant} {date} {time}",
            "table for {people} {date} {time} at {restaurant}",
        ),
        long=(
            "{do} [book|reserve] {restaurant} {date} {time}, we are {people} [people|persons]",
            "{date}, {people} of us want to eat at {restaurant}, {do} [book|reserve] a table {time}",
            "we are {people}: {tell} get us a table {time} {date} at {restaurant}",
        ),
        incomplete={
            "people": ("{do} [book|reserve] a table at {restaurant} {date} {time}",),
            "restaurant": ("{do} [book|reserve] a table for {people} {date} {time}",),
            "time": ("{do} [book|reserve] a table for {people} at {restaurant} {date}",),
        },
    ),
)
