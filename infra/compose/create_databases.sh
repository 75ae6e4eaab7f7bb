#!/bin/sh
# One database and one role for each of Prefect, MLflow and the ledger. PostgreSQL's image runs it once, on an empty volume.
set -eu

create() {
  psql --set=ON_ERROR_STOP=1 --set=name="$1" --set=password="$2" --username=postgres --dbname=postgres <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

create prefect "${PREFECT_PASSWORD:?}"
create mlflow "${MLFLOW_PASSWORD:?}"
create ledger "${LEDGER_PASSWORD:?}"
