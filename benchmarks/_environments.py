"""Each peer in an environment of its own, made by uv from pinned requirements."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "benchmarks"


def requirements(tool: str) -> Path:
    """Return the file that pins a peer's environment."""
    return HERE / "peers" / tool / "requirements.txt"


def python_of(tool: str) -> Path:
    """Return the Python a tool runs in, making the peer's environment where there is none; bayesdeep's is this one."""
    if tool == "bayesdeep":
        return Path(sys.executable)
    folder = HERE / ".environments" / tool
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = requirements(tool).read_text()
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        _make(tool, folder, python)
        stamp.write_text(wanted)
    return python


def _make(tool: str, folder: Path, python: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        raise RuntimeError("benchmarks: uv is not installed; pip install uv, or choose --peers bayesdeep")
    print(f"making the environment of {tool} …", file=sys.stderr)
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True, cwd=ROOT)
    pinned = ["-r", str(requirements(tool))]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *pinned], check=True, cwd=ROOT)
