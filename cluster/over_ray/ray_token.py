"""The token with which Ray's processes trust each other: it lets one run code as the user."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def make_token() -> None:
    """Make a token that only this user can read, for a Ray cluster that is started here.

    The one that Ray would make itself can be read by every user of the machine.
    """
    if "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ:
        return
    path = _token_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        _keep_private(path)
        return
    with open(descriptor, "w") as file:
        file.write(secrets.token_hex(32))


def offer_token() -> None:
    """Let Ray send this user's token, if there is one, to a cluster that is joined.

    To be called before Ray is imported, which is when it reads the setting. ``ray start`` asks for
    the token as soon as there is one, but a driver that joins sends it only with this setting. A
    cluster without a token ignores it.
    """
    path = _token_path()
    if path.is_file():
        _keep_private(path)
    if path.is_file() or "RAY_AUTH_TOKEN" in os.environ:
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def _token_path() -> Path:
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()


def _keep_private(path: Path) -> None:
    if path.stat().st_uid == os.geteuid():
        path.chmod(path.stat().st_mode & 0o700)
