"""A path to the tree that a shell takes as one word, and a list of paths as one path: for programs that put paths into
commands or lists without quotes."""

import os
import re
import tempfile
import zlib
from pathlib import Path


def is_plain(path):
    return re.fullmatch(r"[\w./+=@%,-]+", str(path)) is not None


def plain_path(path):
    """The path itself; or a link to it, if it has a blank, say. The link stays, for commands that are repeated later."""
    if is_plain(path):
        return Path(path)
    link = Path(tempfile.gettempdir()) / f"mneme-{os.getuid()}-{zlib.crc32(str(path).encode()):08x}"
    if not link.is_symlink():
        link.symlink_to(path)
    if os.readlink(link) != str(path):
        raise OSError(f"{link} should be a link to {path}")
    return link
