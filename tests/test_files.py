"""Files are written whole, or not at all."""

import os
from pathlib import Path

import pytest

from ibert.files import written_whole


def write(path: Path, text: str) -> None:
    with written_whole(path) as file:
        file.write(text.encode())


def test_an_error_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write(path, "not a character: \udc80")
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["a.txt"])


def test_a_link_leads_to_the_new_file(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    write(real, "old")
    link.symlink_to(real)
    write(link, "new")
    assert (link.is_symlink(), real.read_text()) == (True, "new")


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        write(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()


def test_the_mask_of_the_process_holds(tmp_path: Path) -> None:
    before = os.umask(0o077)
    write(tmp_path / "a", "text")
    os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
