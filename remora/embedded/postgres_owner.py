"""Who runs PostgreSQL: we, or, since it refuses root's rights, a user of its own."""

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from remora.embedded.errors import NoPermission, UnsupportedPlatform

USER = "remora-pg"


@dataclass(frozen=True)
class Owner:
    """Ids to run PostgreSQL as; None keeps ours."""

    uid: int | None = None
    gid: int | None = None

    def give(self, path: Path) -> None:
        """Hand a directory over, for its owner alone."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)


def owner() -> Owner:
    """Return who is to run PostgreSQL; root makes the user the first time."""
    if os.geteuid() != 0:
        return Owner()
    import pwd

    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        _make_user()
        entry = pwd.getpwnam(USER)
    return Owner(entry.pw_uid, entry.pw_gid)


def _make_user() -> None:
    useradd = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if useradd is None:
        raise UnsupportedPlatform(
            "PostgreSQL does not run as root, and this system has no `useradd` to make a user for it.",
            f"Make a system user {USER}, run as an ordinary user, or set DATABASE_URL to a server elsewhere.",
        )
    made = subprocess.run(  # noqa: S603 (fixed arguments)
        [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", USER],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise NoPermission(
            f"PostgreSQL does not run as root, and user {USER} could not be made: {made.stderr.strip()}",
            f"Make a system user {USER}, run as an ordinary user, or set DATABASE_URL to a server elsewhere.",
        )


def let_through(path: Path) -> list[Path]:
    """Let other users pass (not list) the directories above `path`; return those that were changed.

    Needed for root only: the user that runs PostgreSQL must reach its programs and its files.
    """
    changed = []
    for parent in path.absolute().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
            changed.append(parent)
    return changed
