"""Makes the passwords and keys of all services, once: one file per service, in a folder that only its owner can read.

The files hold `NAME=value` lines: compose reads them as they are, `kubectl create secret generic --from-env-file` does too.
"""

import argparse
import base64
import secrets
import sys
from pathlib import Path


def make_secrets() -> dict[str, dict[str, str]]:
    """New secrets: service → variable → value. What two services share is the same in both."""
    databases = {name: secrets.token_hex(24) for name in ("prefect", "mlflow", "ledger")}
    prefect = f"admin:{secrets.token_hex(24)}"
    access_key, secret_key = secrets.token_hex(10), secrets.token_hex(24)
    return {
        "postgres": {"POSTGRES_PASSWORD": secrets.token_hex(24)}
        | {f"{name.upper()}_PASSWORD": password for name, password in databases.items()},
        "objects": {"ROOT_ACCESS_KEY_ID": access_key, "ROOT_SECRET_ACCESS_KEY": secret_key},
        "prefect": {"PGPASSWORD": databases["prefect"], "PREFECT_SERVER_API_AUTH_STRING": prefect},
        "mlflow": {
            "PGPASSWORD": databases["mlflow"],
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "MLFLOW_AUTH_ADMIN_PASSWORD": secrets.token_hex(24),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
        },
        "worker": {
            "PGPASSWORD": databases["ledger"],
            "PREFECT_API_AUTH_STRING": prefect,
            "MLFLOW_TRACKING_USERNAME": "pipeline",
            "MLFLOW_TRACKING_PASSWORD": secrets.token_hex(24),
        },
    }


def write_secrets(folder: Path) -> list[Path]:
    """Writes `SERVICE.env` files into a new folder. Raises FileExistsError where it is there: nothing is replaced."""
    folder.mkdir(mode=0o700, parents=True)
    files = []
    for service, values in make_secrets().items():
        file = folder / f"{service}.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
        files.append(file)
    return files


def main() -> int:
    """Writes into the folder that is named; exit code 2 where it is there already."""
    parser = argparse.ArgumentParser(description="Makes the passwords and keys of all services.")
    parser.add_argument("folder", type=Path, help="a folder that is not there yet, outside the repository")
    folder = parser.parse_args().folder
    try:
        files = write_secrets(folder)
    except FileExistsError:
        print(f"{folder} is there already; the services' data needs the secrets it was made with", file=sys.stderr)
        return 2
    print(*files, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
