"""Files are written completely or not at all, whoever writes them and whatever goes wrong."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import bayesdeep as bd
from bayesdeep.core.files import check_target, write_file, write_files

SOURCE = Path(bd.__file__).parent
POSIX = pytest.mark.skipif(os.name == "nt", reason="modes, links and limits of POSIX")
NO_ROOT = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")


def write(path: Path, content: bytes = b"new") -> Path:
    check_target(path, "here", bd.FitError, overwrite=True)
    return write_file(path, content, "here", bd.FitError)


def refused(path: object, *, overwrite: bool = True) -> str:
    with pytest.raises(bd.FitError) as found:
        check_target(path, "here", bd.FitError, overwrite=overwrite)
    assert str(found.value).startswith("here: ")
    return str(found.value)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_one_place_writes_files() -> None:
    """A writer of its own would be neither atomic nor refuse what the shared one refuses."""
    writers = (".write_text(", ".write_bytes(", ".to_netcdf(", ".to_csv(", ".to_parquet(", '"w")', '"wb")')
    found = {
        f"{path.relative_to(SOURCE)}: {line.strip()}"
        for path in SOURCE.rglob("*.py")
        if path != SOURCE / "core" / "files.py"
        for line in path.read_text(encoding="utf-8").splitlines()
        if any(word in line for word in writers)
    }
    in_memory = {
        "cli/predict_rows.py: table.to_csv(sys.stdout, index=False)",
        'cli/predict_rows.py: content = table.to_csv(index=False).encode("utf-8")',
        'results/store.py: content = pack(tree).to_netcdf(engine="h5netcdf")',
    }
    assert found == in_memory


def test_what_cannot_be_a_target(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    assert "is a folder" in refused(tmp_path / "folder")
    assert "is a folder" in refused("")
    assert "name of a folder" in refused(f"{tmp_path}/new/")
    assert "there is no folder" in refused(tmp_path / "none" / "file")
    assert "there is no folder" in refused(tmp_path / "there" / "file")
    assert "exists; pass overwrite=True" in refused(tmp_path / "there", overwrite=False)
    assert "is no path" in refused(None)
    assert "is no path" in refused(5)
    assert "is no path" in refused(b"name")
    assert "is no path" in refused("\ud800")
    assert "NUL" in refused("a\0b")
    assert "cannot write" in refused(tmp_path / ("x" * 3000))
    assert names(tmp_path) == ["folder", "there"]


@POSIX
def test_devices_and_pipes_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), Path("/dev/full")):
        assert "not a file" in refused(path)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_name_as_long_as_a_name_can_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    assert write(path).read_bytes() == b"new"
    assert names(tmp_path) == [path.name]


@POSIX
def test_modes_are_kept_and_new_files_have_the_usual_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    before = os.umask(0o027)
    try:
        write(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    for mode in (0o600, 0o664, 0o700):
        path.chmod(mode)
        write(path, b"again")
        assert stat.S_IMODE(path.stat().st_mode) == mode
    write_file(path, b"closed", "here", bd.FitError, mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@POSIX
def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(Path("real") / "file")
    assert "exists" in refused(link, overwrite=False)
    assert write(link) == link
    assert link.is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"new"
    assert names(tmp_path / "real") == ["file"]


@POSIX
def test_links_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to("later")
    assert "exists" in refused(tmp_path / "first", overwrite=False)
    write(tmp_path / "first")
    assert (tmp_path / "later").read_bytes() == b"new"
    (tmp_path / "lost").symlink_to("none/file")
    assert "is a link to" in refused(tmp_path / "lost")
    (tmp_path / "ring").symlink_to("ring")
    assert "cannot write" in refused(tmp_path / "ring")


@POSIX
@NO_ROOT
def test_what_is_read_only_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o444)
    assert "read-only" in refused(path)
    tmp_path.chmod(0o555)
    try:
        assert "no permission" in refused(tmp_path / "new")
    finally:
        tmp_path.chmod(0o755)
    assert path.read_bytes() == b"old"


def test_no_permission_is_asked_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda place, mode: place != path)
    assert "read-only" in refused(path)
    monkeypatch.setattr(os, "access", lambda place, mode: place != tmp_path)
    assert "no permission to write in" in refused(path)


FAILURES = [
    ("os.fsync", "No space left on device", OSError(28, "No space left on device"), "are free"),
    ("os.fsync", "Disk quota exceeded", OSError(122, "Disk quota exceeded"), "it needs 3 bytes"),
    ("os.replace", "Read-only file system", OSError(30, "Read-only file system"), "no permission"),
    ("os.replace", "Input/output error", OSError(5, "Input/output error"), "cannot write"),
]


@pytest.mark.parametrize(("at", "said", "error", "also"), FAILURES)
def test_a_failure_leaves_what_was_there(
    at: str, said: str, error: Exception, also: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fails(*given: object, **named: object) -> None:
        raise error

    monkeypatch.setattr(at, fails)
    with pytest.raises(bd.FitError, match=said) as found:
        write_file(path, b"new", "here", bd.FitError)
    assert also in str(found.value)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_an_interrupt_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_file(path, b"new", "here", bd.FitError)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_files_that_belong_together_change_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in ("one", "two", "three")]
    for path in paths:
        path.write_bytes(b"old")
    synced, true = [], os.fsync

    def full_at_the_third(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 3:
            raise OSError(28, "No space left on device")
        true(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_at_the_third)
        with pytest.raises(bd.FitError, match="three"):
            write_files({path: [b"n", b"ew"] for path in paths}, "here", bd.FitError)
    assert [path.read_bytes() for path in paths] == [b"old"] * 3
    assert names(tmp_path) == ["one", "three", "two"]
    write_files({path: [b"n", b"ew"] for path in paths}, "here", bd.FitError)
    assert [path.read_bytes() for path in paths] == [b"new"] * 3


LIMITED = """
import resource, sys
from pathlib import Path
import bayesdeep as bd
from bayesdeep.core.files import write_file
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(Path(sys.argv[1]), b"x" * 5000, "here", bd.FitError)
except bd.FitError as error:
    print(error)
"""


@POSIX
def test_a_limit_of_the_system(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout
    assert "File too large" in done.stdout
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_kept_code_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bayesdeep.numerics import code_cache as reuse

    class Library:
        has_dynamic_globals = False

    class Result:
        library, lifted = Library(), ()

        def _reduce(self) -> tuple[int, ...]:
            return (1, 2)

    class Dispatcher:
        _cache = None

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("BAYESDEEP_CACHE_DIR", str(tmp_path / "kept"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        reuse._write("a.code", Dispatcher(), Result())
    assert names(tmp_path / "kept") == []
    reuse._write("a.code", Dispatcher(), Result())
    assert names(tmp_path / "kept") == ["a.code"]
    assert os.name == "nt" or stat.S_IMODE((tmp_path / "kept" / "a.code").stat().st_mode) == 0o600
    (tmp_path / "kept" / ".bayesdeep-0.part").write_bytes(b"of a process that was ended")
    assert reuse.clear() == 1
    assert names(tmp_path / "kept") == []
