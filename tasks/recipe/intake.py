"""When data that lands is taken in: the recipe's section `intake`."""

from typing import Annotated

from pydantic import Field

from tasks.recipe.section import Section

Seconds = Annotated[float, Field(ge=0)]


class IntakeConfig(Section):
    """When landed rows are enough to be looked at, and where else than in the inbox they are looked for.

    `min_rows`: fewer start nothing. `min_rows_per_label`: a new label or slice with fewer waits. `debounce_s`:
    nothing may have landed for so long. `max_wait_s`: what has waited for so long waits for `debounce_s` no more.
    `cool_down_s`: time between the end of one batch and the claim of the next. `lease_s`: a claim that is neither
    completed nor renewed within it counts as that of a dead run. `retries`: how often the same rows are tried again
    by themselves where only a measurement was undecided. `retry_after_s`: when the first time, then twice as long
    each time. `watch`: folders or globs (local, s3://) whose files land by themselves; they are read and left there.
    `sweep_minutes`: how often a deployment looks for what nobody announced.
    """

    min_rows: Annotated[int, Field(ge=1)] = 50
    min_rows_per_label: Annotated[int, Field(ge=1)] = 20
    debounce_s: Seconds = 300
    max_wait_s: Seconds = 86_400
    cool_down_s: Seconds = 3_600
    lease_s: Annotated[float, Field(gt=0)] = 21_600
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    retry_after_s: Seconds = 1_800
    watch: tuple[str, ...] = ()
    sweep_minutes: Annotated[float, Field(ge=1, le=1440)] = 10
