"""The flows beside the pipeline that a deployment runs: retention of what is old, and recalibration from fresh rows."""

from pathlib import Path

from prefect import flow
from prefect.logging import get_run_logger

from flows.command_line.models import bundle_folder
from flows.home import Home
from flows.recalibration import Request, fresh_rows, recalibrate_bundle
from flows.retention import clean
from registry.registrar import Registrar
from registry.retention import RetentionPolicy
from tasks.recipe.load_target import load_target


@flow(name="retention", validate_parameters=False, persist_result=False)
def retention(delete: bool = False) -> list[str]:
    """What is old and not needed any more, item by item, as `miaotui clean` lists it; with `delete` it goes."""
    registrar = Registrar.of_home(Home.open().folder)
    if not registrar.store.exists:
        return ["nothing is registered yet"]
    sentences = list(clean(registrar, RetentionPolicy(), delete=delete))
    for sentence in sentences:
        get_run_logger().info(sentence)
    return sentences


@flow(name="recalibrate", validate_parameters=False, persist_result=False)
def recalibrate(
    model: str,
    data: str,
    target: str = "local-cpu",
    text_column: str | None = None,
    label_column: str | None = None,
    delimiter: str | None = None,
    seed: int = 0,
) -> str:
    """The folder of a new bundle of `model`, with certificates from the rows of the file `data`.

    `model`: a bundle's folder, or `models:/NAME@ALIAS`. The columns are those of its recipe where none are named.
    Raises UserError for a file or model that cannot be used, NotCertifiedError where the rows prove too little.
    """
    logger = get_run_logger()
    bundle, home = bundle_folder(model), Home.open()
    rows = fresh_rows(bundle, [Path(data)], text_column, label_column, delimiter, tell=logger.info)
    request = Request(bundle=bundle, target=load_target(target), seed=seed)
    result = recalibrate_bundle(home, request, rows, progress=logger.info)
    logger.info("%s is certified at %s; its bundle is %s", model, result.operating_point, result.bundle)
    return str(result.bundle)
