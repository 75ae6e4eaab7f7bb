"""Separation of duties on an MLflow server with basic-auth: who proposes a model is not who puts it into service.

MLflow grants permissions per registered model and has none per alias, so the two duties need two models: the pipeline
registers in NAME, and a reviewer copies a version into the serving model and moves `champion` there.
"""

from typing import TYPE_CHECKING, Final

from tasks.artifact import Record
from tasks.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.server.auth.client import AuthServiceClient

_MODEL: Final = "registered_model"
_EXPERIMENT: Final = "experiment"


class Grant(Record):
    """What a user may do with one model or experiment: READ, or EDIT, which is READ and all but deleting."""

    user: str
    resource: str
    name: str
    permission: str


def grant_roles(
    tracking_uri: str, pipeline_user: str, reviewer_user: str, name: str, serving_name: str
) -> tuple[Grant, ...]:
    """Make both registered models and the experiment where they are missing, and give both users what they need.

    Run as the server's administrator (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD); both users must exist. Whoever
    creates a model or an experiment may do everything with it, so neither user must; what they had is replaced. It can be
    repeated. Raises UserError where a user or the right to grant is missing, or where a user would keep more than meant.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from mlflow.server import get_app_client

    if pipeline_user == reviewer_user:
        raise UserError(f"{pipeline_user!r} cannot be both: who proposes a model must not put it into service")
    if name == serving_name:
        raise UserError(f"{name!r} cannot be both models: MLflow's permissions hold for a whole registered model")
    auth = get_app_client("basic-auth", tracking_uri=tracking_uri)
    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    try:
        for user in (pipeline_user, reviewer_user):
            _require_plain_user(auth, user)
        for model, description in (
            (name, f"Proposed versions. {serving_name} serves."),
            (serving_name, f"What serves. A reviewer copies versions of {name} to here and moves the alias champion."),
        ):
            _make_sure_of_model(client, model, description)
        experiment = client.get_experiment_by_name(name)
        experiment_id = str(experiment.experiment_id if experiment else client.create_experiment(name))
        grants = (
            Grant(user=pipeline_user, resource=_MODEL, name=name, permission="EDIT"),
            Grant(user=pipeline_user, resource=_MODEL, name=serving_name, permission="READ"),
            Grant(user=pipeline_user, resource=_EXPERIMENT, name=experiment_id, permission="EDIT"),
            Grant(user=reviewer_user, resource=_MODEL, name=name, permission="READ"),
            Grant(user=reviewer_user, resource=_MODEL, name=serving_name, permission="EDIT"),
            Grant(user=reviewer_user, resource=_EXPERIMENT, name=experiment_id, permission="READ"),
        )
        for grant in grants:
            _grant(auth, grant)
        return grants
    except MlflowException as error:
        if error.error_code not in ("PERMISSION_DENIED", "UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
            raise
        raise UserError(
            "the MLflow server does not let this user grant permissions; set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD to an administrator's"
        ) from error


def _require_plain_user(auth: "AuthServiceClient", user: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        found = auth.get_user(user)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise UserError(f"the MLflow server has no user {user!r}; create it at /signup on the server") from error
    if found.is_admin:
        raise UserError(f"{user!r} is an administrator of the MLflow server and may do everything; take another user")


def _make_sure_of_model(client: "MlflowClient", name: str, description: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description=description)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _grant(auth: "AuthServiceClient", grant: Grant) -> None:
    """Replace what the user was granted before, then make sure that no role gives more."""
    from mlflow.exceptions import MlflowException

    try:
        auth.grant_user_permission(grant.user, grant.resource, grant.name, grant.permission)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        auth.revoke_user_permission(grant.user, grant.resource, grant.name)
        auth.grant_user_permission(grant.user, grant.resource, grant.name, grant.permission)
    effective = auth.get_user_permission(grant.user, grant.resource, grant.name).permission
    if effective != grant.permission:
        raise UserError(
            f"{grant.user!r} has {effective} on the {grant.resource} {grant.name!r}, not {grant.permission}; take the roles "
            "that give it from this user"
        )
