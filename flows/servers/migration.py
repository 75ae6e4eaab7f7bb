"""Deployments of an earlier version, which knew one queue for all: what is light is moved out of the way of trainings.

The server schedules the runs of a deployment that was moved anew, so that none stays behind in the old queue; and whatever
was called for by hand there, the worker of the old queue takes up as before.
"""

from collections.abc import Iterator
from typing import Final

from flows.servers.health import ask, change
from flows.servers.layout import LIGHT_QUEUE, WORK_POOL

_LIGHT: Final = ("review-sweep", "retention", "look")
_LOOKS: Final = "take-in"  # which looked by itself, before the look was a flow of its own
_MOST: Final = 200


def move_light_deployments(api: str) -> Iterator[str]:
    """Moves them at the server with the address `api`; a sentence for each, and for what only a person can bring up to date."""
    for flow in (*_LIGHT, _LOOKS):
        pools = {"name": {"any_": [WORK_POOL]}}
        question = {"flows": {"name": {"any_": [flow]}}, "work_pools": pools, "limit": _MOST}
        for held in ask(f"{api}/deployments/filter", question) or []:
            name = f"{flow}/{held['name']}"
            if flow == _LOOKS:
                if any(schedule["active"] for schedule in held.get("schedules") or []):
                    yield f"{name} was deployed by an earlier version, and waits behind trainings; run: miaotui deploy RECIPE"
            elif held.get("work_queue_name") != LIGHT_QUEUE:
                if change(f"{api}/deployments/{held['id']}", {"work_queue_name": LIGHT_QUEUE}):
                    yield f"{name} does not wait behind trainings any more: it was moved to the queue {LIGHT_QUEUE}"
                else:
                    yield f"{name} still waits behind trainings, since Prefect's server did not take the change; run: miaotui up"
