from __future__ import annotations

from pathlib import Path

import pytest

from busway.errors import ConfigurationError
from busway.stores.network_folder import network_type, refuse_network_folder

LINES = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / {base}/nfs rw,relatime shared:2 - nfs4 host:/export rw,vers=4.2
31 30 8:2 / {base}/nfs/local rw - xfs /dev/sdb rw
32 22 0:41 / {base}/with\\040blank rw master:5 propagate_from:2 - cifs //host/share rw
33 22 0:42 / {base}/over rw - nfs host:/x rw
34 33 0:43 / {base}/over rw - tmpfs tmpfs rw
35 22 0:44 / {base}/fuse rw - fuse.sshfs host: rw
not a line
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    for name in ("nfs/local/deep", "with blank", "over", "fuse", "plain"):
        (tmp_path / name).mkdir(parents=True)
    table = tmp_path / "mountinfo"
    table.write_text(LINES.format(base=tmp_path.resolve()), "utf-8")
    return table


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("nfs", "nfs4"),
        ("nfs/not/there/yet", "nfs4"),
        ("nfs/local/deep", None),
        ("nfsx", None),
        ("with blank/state", "cifs"),
        ("over", None),
        ("fuse", "fuse.sshfs"),
        ("plain", None),
    ],
)
def test_the_mount_a_folder_lies_on_decides(tmp_path: Path, mounts: Path, folder: str, kind: str | None) -> None:
    assert network_type(tmp_path / folder, mounts) == kind


def test_links_are_followed(tmp_path: Path, mounts: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nfs")
    assert network_type(tmp_path / "link" / "state", mounts) == "nfs4"


def test_a_network_file_system_is_refused(tmp_path: Path, mounts: Path) -> None:
    refuse_network_folder(tmp_path / "plain", mounts)
    with pytest.raises(ConfigurationError, match="BW3040") as caught:
        refuse_network_folder(tmp_path / "nfs", mounts)
    assert "nfs4" in caught.value.problem.why
    assert "BUSWAY_STATE_DIR" in caught.value.problem.fix


def test_where_it_cannot_be_told_nothing_is_refused(tmp_path: Path) -> None:
    refuse_network_folder(tmp_path, tmp_path / "missing")
    refuse_network_folder(tmp_path)
