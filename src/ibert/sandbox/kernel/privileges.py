"""Give up what root may do."""

from __future__ import annotations

import os
import pwd

from ibert.sandbox.kernel import libc

NOBODY = "nobody"


def give_up() -> None:
    """Become nobody, where this process is root, and never gain a privilege again."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam(NOBODY)
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)  # as root: the real, the effective and the saved one
    libc.forbid_new_privileges()
