"""The recipe: the YAML a person writes, as frozen, strict pydantic models. Unknown fields are errors."""

import re
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, ValidationInfo, field_validator

from tasks.recipe.data import AnyData
from tasks.recipe.drift import DriftPolicy
from tasks.recipe.intake import IntakeConfig
from tasks.recipe.section import Section, Share

Seed = Annotated[int, Field(ge=0, lt=2**31)]


class RouterConfig(Section):
    """The certificate's promise.

    `max_accuracy_loss`: epsilon, the most accuracy that the routed answer may lose against the reference path.
    `confidence`: 1 - delta, of the certificate and of all intervals. `operating_points`: further epsilons, each
    certified on its own. `if_infeasible`: with too few certify rows, stop with an error or ship the reference path
    alone. `out_of_scope_false_rejection`: bounds the share of in-scope rows that the out-of-scope score flags.
    """

    max_accuracy_loss: Share = 0.01
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    operating_points: tuple[Share, ...] = (0.005, 0.01, 0.02)
    if_infeasible: Literal["error", "reference"] = "error"
    out_of_scope_false_rejection: Annotated[float, Field(gt=0, le=0.2)] = 0.01


class BenchmarkConfig(Section):
    """How the bundle is measured on the target.

    `queries`: of the SingleStream and of the Server scenario; `server_latency_ms`: the Server scenario's bound on
    p99, whatever the gates say; `server_ttft_ms`, `server_tpot_ms`: its bounds where answers are streamed, on the p99
    of the time to the first token and of the time per further token; `server_qps`: the rate at which its queries come
    where no gate asks for one (`gates.throughput_qps`), None takes half of the rate that the target sustains within
    those bounds; `interleaved_repeats`: blocks of the interleaved comparison with the static models and the champion.
    `retries`: how often a measurement that others disturbed is repeated; the least disturbed one counts.
    """

    queries: Annotated[int, Field(ge=1)] = 1500
    server_latency_ms: Annotated[float, Field(gt=0)] = 50.0
    server_ttft_ms: Annotated[float, Field(gt=0)] = 50.0
    server_tpot_ms: Annotated[float, Field(gt=0)] = 10.0
    server_qps: Annotated[float, Field(gt=0)] | None = None
    interleaved_repeats: Annotated[int, Field(ge=3)] = 12
    retries: Annotated[int, Field(ge=0, le=10)] = 2


Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class FamilyGates(Section):
    """Floors and service-level objectives; a missing one is not checked, and with none at all nothing passes.

    Floors (accuracy and the like) are judged by the lower confidence bound, SLOs by the upper one. Those on speed are
    judged on every target. The champion gates apply only where a champion serves, and prove nothing by themselves.

    `accuracy`: the share of right answers. `slice_accuracy`: the same in each slice of at least `slice_min_rows` gate
    rows; `slice_min_rows`: smaller slices are not judged. `latency_p50_ms`, `latency_p90_ms`, `latency_p99_ms`: of a
    single stream of queries and in LoadGen's Server scenario. `throughput_qps`: the rate that is sustained in the
    Server scenario, and at which its queries come. `speedup`: how many times faster than the fastest static model.
    `cold_start_s`: from the start of a process to its first answer. `memory_mb`: the peak memory of the process that
    answers. `size_mb`: of the bundle. `champion_accuracy_loss`: the non-inferiority margin against the champion.
    `champion_slice_loss`: the loss in one slice from which on a slice counts as forgotten. `champion_slowdown`: the
    highest ratio of the new mean latency to the champion's.
    """

    accuracy: Fraction | None = None
    slice_accuracy: Fraction | None = None
    slice_min_rows: Annotated[int, Field(ge=1)] = 30
    latency_p50_ms: Positive | None = None
    latency_p90_ms: Positive | None = None
    latency_p99_ms: Positive | None = None
    throughput_qps: Positive | None = None
    speedup: Positive | None = None
    cold_start_s: Positive | None = None
    memory_mb: Positive | None = None
    size_mb: Positive | None = None
    champion_accuracy_loss: Share | None = 0.02
    champion_slice_loss: Share | None = 0.05
    champion_slowdown: Positive | None = 1.10


class PromotionConfig(Section):
    """What becomes of a PASS.

    `mode`: `auto` promotes it; `review` waits for a person. `approval_days`: after so many, a review that is not
    answered, or an approval that could not be carried out, expires. `evidence_days`: evidence that is older no longer
    promotes anything. `unreadable_champion`: where the champion cannot be loaded, `replace` judges by the absolute
    rules alone and `refuse` promotes nothing.
    """

    mode: Literal["auto", "review"] = "auto"
    approval_days: Annotated[int, Field(ge=1, le=365)] = 7
    evidence_days: Annotated[int, Field(ge=1, le=365)] = 30
    unreadable_champion: Literal["replace", "refuse"] = "replace"


NoticeKind = Literal["verdict", "nothing-new", "failure", "late"]


class ScheduleConfig(Section):
    """When `miaotui deploy` has the recipe run.

    `cron`: minute, hour, day, month and weekday. `timezone`: one of the IANA database. `max_delay_minutes`: a run
    that starts later than so many minutes after its time is skipped; None runs it however late it is.
    """

    cron: str = "30 2 * * *"
    timezone: str = "UTC"
    max_delay_minutes: Annotated[int, Field(ge=1)] | None = None

    @field_validator("cron")
    @classmethod
    def _has_five_fields(cls, cron: str) -> str:
        if len(cron.split()) != 5:
            raise ValueError(f'must be minute, hour, day, month and weekday, like "30 2 * * *", not "{cron}"')
        return cron

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, timezone: str) -> str:
        if timezone not in available_timezones():
            raise ValueError(f'must be a time zone like "UTC" or "Europe/Berlin", not "{timezone}"')
        return timezone


class NotifyConfig(Section):
    """Who is told of a run that nobody watches, and of what.

    `blocks`: notification blocks saved on the Prefect server, as TYPE/NAME. `on`: `verdict` (whatever it is),
    `nothing-new` (nothing had changed), `failure` (no verdict came of the run), `late` (it started long after it was
    due).
    """

    blocks: tuple[str, ...] = ()
    on: Annotated[tuple[NoticeKind, ...], Field(min_length=1)] = ("verdict", "failure", "late")

    @field_validator("blocks")
    @classmethod
    def _are_named_once(cls, blocks: tuple[str, ...]) -> tuple[str, ...]:
        for block in blocks:
            if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", block):
                raise ValueError(f'must be TYPE/NAME like "slack-webhook/team", not "{block}"')
            if blocks.count(block) > 1:
                raise ValueError(f'names "{block}" more than once')
        return blocks


class ScaleOutConfig(Section):
    """Where independent candidates (the seeds of fine-tuning, the exports) are computed, and how many at a time.

    With the default, one worker, nothing ever runs beside anything else.

    `runner`: `threads` computes on this machine, `dask` and `ray` on a cluster. `workers`: how many at a time.
    `address`: of a cluster; None starts one on this machine, which is stopped before anything is measured.
    """

    runner: Literal["threads", "dask", "ray"] = "threads"
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    address: Annotated[str, Field(min_length=1)] | None = None

    @field_validator("address")
    @classmethod
    def _is_a_clusters(cls, address: str | None, info: ValidationInfo) -> str | None:
        if address is not None and info.data.get("runner") == "threads":
            raise ValueError('is the address of a cluster; set scale_out.runner to "dask" or "ray", or leave it out')
        return address


class Recipe(Section):
    """What the recipes of all task families have in common.

    A family says more of `data`, `base_model` and `gates`, and adds its own sections.

    `name`: of the recipe, its runs and the registered model. `seed`: of splits, trainings and drawings. `router`:
    what the certificate promises. `targets`: names of target files, on each of which a bundle has to pass.
    `benchmark`: how it is measured there. `promotion`: what becomes of a PASS. `schedule`: when it runs by itself.
    `intake`: when landed rows are looked at. `drift`: what they have to show to matter. `notify`: who is told.
    `scale_out`: where independent candidates are computed. `task`: the family. `data`: where rows come from and how
    they are parted. `base_model`: a folder, or owner/name of a hub; None trains from nothing, where the family can.
    `gates`: what a bundle has to prove.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    seed: Seed = 0
    router: RouterConfig = RouterConfig()
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    benchmark: BenchmarkConfig = BenchmarkConfig()
    promotion: PromotionConfig = PromotionConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    intake: IntakeConfig = IntakeConfig()
    drift: DriftPolicy = DriftPolicy()
    notify: NotifyConfig = NotifyConfig()
    scale_out: ScaleOutConfig = ScaleOutConfig()
    task: str
    data: AnyData
    base_model: str | None = None
    gates: FamilyGates = FamilyGates()
