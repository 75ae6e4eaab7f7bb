"""The key with which MLflow encrypts the secrets of its webhooks: made once per home, readable by its owner alone."""

import base64
import os
from pathlib import Path
from typing import Final

from tasks.errors import UserError

_FILE: Final = "mlflow-webhooks.key"


def webhook_key(home: Path) -> str:
    """A Fernet key; without the same one at the next start MLflow could not read its webhooks any more.

    Raises UserError where others than its owner may read the file.
    """
    file = home / _FILE
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(base64.urlsafe_b64encode(os.urandom(32)))
            stream.flush()
            os.fsync(stream.fileno())
    if file.stat().st_mode & 0o077:
        raise UserError("can be read by others; run: chmod 600, and give webhooks new secrets", file=file)
    key = file.read_text(encoding="ascii").strip()
    if len(base64.urlsafe_b64decode(key)) != 32:
        raise UserError("holds no key; delete it and give webhooks new secrets", file=file)
    return key
