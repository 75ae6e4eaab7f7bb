# The pipeline: Prefect server, MLflow server and worker run from this one image, so that all three have the versions that
# pyproject.toml pins and the tests ran with. Build it from the top of the repository:
#   docker build --file infra/pipeline.Dockerfile --tag miaotui-pipeline:0.1.0 .
FROM python:3.11.14-slim-bookworm AS build

RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
# The CPU build: PyPI's brings gigabytes of CUDA libraries along. It satisfies the project's pin, torch==2.13.0.
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch==2.13.0+cpu
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY engine engine
COPY tasks tasks
COPY registry registry
COPY flows flows
# Beyond the project's own: MLflow's users and passwords, and its driver for object stores.
# '.' is this project, whose versions pyproject.toml pins.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir '.[postgresql]' 'mlflow[auth]==3.17.2' boto3==1.44.5

FROM python:3.11.14-slim-bookworm

# A volume that is mounted for the first time takes its owner from the folder in the image.
RUN groupadd --gid 10001 miaotui \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/miaotui --no-create-home --shell /usr/sbin/nologin miaotui \
    && install --directory --owner=miaotui --group=miaotui --mode=0750 /var/lib/miaotui /srv/objects
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/var/lib/miaotui \
    PYTHONUNBUFFERED=1 \
    MIAOTUI_HOME=/var/lib/miaotui \
    PREFECT_HOME=/var/lib/miaotui/prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    PREFECT_RESULTS_DEFAULT_SERIALIZER=json \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false \
    DO_NOT_TRACK=true
USER 10001:10001
WORKDIR /var/lib/miaotui
CMD ["miaotui", "--help"]
