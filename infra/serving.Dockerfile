# Serves a registered model over HTTP with nothing but what the model declares that it needs: no torch, no transformers, no
# project. The engine comes with the model, and verifies every digest when it is loaded.
#   docker build --file infra/serving.Dockerfile --tag miaotui-serving:0.1.0 infra
#   docker run --env MLFLOW_TRACKING_URI --publish 127.0.0.1:8080:8080 miaotui-serving:0.1.0 --model-uri models:/NAME@champion
FROM python:3.11.14-slim-bookworm AS build

# The versions that the pipeline measures with; pandas is what MLflow's pyfunc hands rows over in, llguidance keeps a generator's
# answers to JSON schemas.
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir \
    llguidance==1.9.1 \
    mlflow-skinny==3.17.2 \
    numba==0.68.1 \
    numpy==2.4.6 \
    onnxruntime==1.31.1 \
    pandas==3.1.1 \
    tokenizers==0.22.2

FROM python:3.11.14-slim-bookworm

RUN groupadd --gid 10001 miaotui \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/miaotui --no-create-home --shell /usr/sbin/nologin miaotui \
    && install --directory --owner=miaotui --group=miaotui --mode=0750 /var/lib/miaotui
COPY --from=build /opt/venv /opt/venv
# TOKENIZERS_PARALLELISM holds no token.
# hadolint ignore=DL3064
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/var/lib/miaotui \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_ALLOW_PICKLE_DESERIALIZATION=false \
    DO_NOT_TRACK=true \
    TOKENIZERS_PARALLELISM=false
USER 10001:10001
WORKDIR /var/lib/miaotui
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/ping', timeout=4)"]
ENTRYPOINT ["mlflow", "models", "serve", "--env-manager", "local", "--host", "0.0.0.0", "--port", "8080"]
CMD ["--help"]
