"""Warnings about what a run goes on without: in the run's log as Prefect keeps it, and to whoever watches."""

import logging

from flows.progress import current_observer


def warn(message: str) -> None:
    """One line. Never give it an error's own words where they may hold a secret."""
    from prefect.exceptions import MissingContextError
    from prefect.logging import get_logger, get_run_logger

    logger: logging.Logger | logging.LoggerAdapter
    try:
        logger = get_run_logger()
    except MissingContextError:
        logger = get_logger("miaotui")
    logger.warning("%s", message)
    current_observer().noted(message)
