"""The token that a Ray cluster may ask for; to be looked at before Ray is imported."""

from __future__ import annotations

import os
from pathlib import Path


def offer_token() -> None:
    """Let Ray send the token that it keeps in its usual place, if there is one.

    ``ray start`` asks for it as soon as the file exists, but a driver that joins does not send it
    unless told so, and Ray reads the setting when it is imported. A cluster without a token does
    not mind.
    """
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    if path.is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
