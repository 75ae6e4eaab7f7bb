"""CPU, memory, disk, network and GPUs of the machine while a run lasts, as MLflow's `system/*` series.

MLflow samples them for its own active run; here the run is named, and MLflow's own settings decide whether and how often:
`MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING` and `MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL` (seconds).
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

SAMPLING_INTERVAL_S: Final = 5.0
"""Short enough to tell the steps of a run apart, long enough to cost a benchmark nothing that it could measure."""


class SystemMetrics:
    """The sampling of one run, from `start` to `stop`; does nothing where it is switched off."""

    def __init__(self) -> None:
        """Starts nothing."""
        self._monitor: SystemMetricsMonitor | None = None

    def start(self, run_id: str, tracking_uri: str) -> None:
        """Sample in a thread, if MLflow's settings say so, until `stop` or until the run is not RUNNING any more."""
        from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        if not MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get():
            return
        self._monitor = SystemMetricsMonitor(run_id, sampling_interval=SAMPLING_INTERVAL_S, tracking_uri=tracking_uri)
        self._monitor.start()

    def stop(self) -> None:
        """End the thread and write what it had not written yet; may be called again."""
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            monitor.finish()
