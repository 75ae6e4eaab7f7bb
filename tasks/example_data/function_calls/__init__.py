"""The grammar `function-calls`: requests in plain English, and the JSON call of a function that serves each.

A row is `{"prompt", "completion", "domain"}`. The completion is `{"function":NAME,"arguments":{…}}` in one canonical
writing; a request that no function serves gets the function `none` with a reason, `unsupported` or `incomplete` (and
then the required parameter that is missing). Arguments are copied from the request letter for letter; where they are
not, one of a few rules makes them, none of which needs a calendar or knowledge of the world: "3:30 pm" is 15:30,
"March 5th" is 03-05, "on Friday" is friday, "$1,250" is 1250 and USD, "French" is fr, "two" is 2, "half an hour" is 30.

The domain `health` is held back to land later.
"""

from tasks.example_data.function_calls.catalogue import FUNCTIONS, HELD_BACK_FUNCTIONS, call_schema
from tasks.example_data.function_calls.generate import NAME, REFUSED, SIZES, CallRow, generate_calls

__all__ = ["FUNCTIONS", "HELD_BACK_FUNCTIONS", "NAME", "REFUSED", "SIZES", "CallRow", "call_schema", "generate_calls"]
