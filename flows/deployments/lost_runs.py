"""The automation that ends runs on the record whose process has fallen silent, wherever it ran.

The local runs of `miaotui up` are seen to within seconds by its own reaper; this is for workers on other hosts, and waits
long enough for a server that is started again not to take what it did not hear for silence.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from flows.deployments.plan import Applied, Change

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events.schemas.automations import AutomationCore

NAME: Final = "miaotui-lost-runs"
_SILENCE: Final = timedelta(minutes=5)
_BEAT: Final = "prefect.flow-run.heartbeat"
_ENDS: Final = tuple(f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed"))
_COMPARED: Final = ("description", "enabled", "trigger", "actions")


def apply_lost_runs(client: "SyncPrefectClient") -> Applied:
    """Creates or updates the automation; one that is as it should be is not touched, and of several one is left."""
    wanted = _wanted()
    held, *others = client.read_automations_by_name(NAME) or (None,)
    for other in others:
        if other is not None:
            client.delete_automation(other.id)
    differing: tuple[str, ...] = ()
    change: Change = "created"
    if held is None:
        client.create_automation(wanted)
    else:
        mine, theirs = _compared(wanted), _compared(held)
        differing = tuple(name for name in _COMPARED if mine[name] != theirs[name])
        change = "updated" if differing else "unchanged"
        if differing:
            client.update_automation(held.id, wanted)
    return Applied(name=f"automation {NAME}", change=change, fields=differing)


def _wanted() -> "AutomationCore":
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    message = f"no heartbeat for {_SILENCE.seconds} s"
    return AutomationCore(
        name=NAME,
        description="Ends the runs that have sent no heartbeat for a while, so that they hold no place any more.",
        trigger=EventTrigger(
            after={_BEAT},
            expect={_BEAT, *_ENDS},
            match=ResourceSpecification.model_validate({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=_SILENCE,
        ),
        actions=[ChangeFlowRunState(name=None, state=StateType.CRASHED, message=message, force=False)],
    )


def _compared(automation: "AutomationCore") -> dict[str, Any]:
    """What a person can change; the ids that the server gives triggers are no difference."""
    fields = automation.model_dump(mode="json", include=set(_COMPARED))
    trigger = {name: sorted(value) if isinstance(value, list) else value for name, value in fields["trigger"].items()}
    return fields | {"trigger": {name: value for name, value in trigger.items() if name != "id"}}
