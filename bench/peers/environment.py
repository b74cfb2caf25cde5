"""Puts the peers into one virtual environment, each from exact versions, each on its own.

A peer whose packages cannot be installed does not keep the others from running: `install` raises
`Unavailable` with the reason. What is installed is remembered by a stamp, so a second call is free.
llama.cpp comes as source; its wheel is built once for this processor and kept in the cache.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements.txt"

# Every peer reads or converts the weights with torch and transformers, which are also the judge of
# the numerical check.
PACKAGES = {
    "transformers": ["torch", "transformers"],
    "openvino": ["torch", "transformers", "openvino", "nncf"],
    "llama_cpp": ["torch", "transformers", "gguf", "llama-cpp-python"],
}
LLAMA = "llama-cpp-python"


class Unavailable(Exception):
  """A peer that cannot run here, and why."""


def note(text):
  print(text, file=sys.stderr, flush=True)


def last_line(text):
  """The most telling line of a failed command's output."""
  lines = [line.strip() for line in text.splitlines() if line.strip()]
  for line in lines:
    if line.startswith("ERROR:"):  # pip says the cause first
      return line
  errors = [line for line in lines if "error" in line.lower()]
  return (errors or lines or ["no output"])[-1]


def _command(arguments, env=None):
  done = subprocess.run(arguments, capture_output=True, text=True, env=env)
  if done.returncode != 0:
    raise Unavailable(last_line(done.stderr or done.stdout))


def python_of(venv):
  return venv / "bin" / "python"


def make_venv(venv):
  if python_of(venv).exists():
    return
  note(f"making the virtual environment {venv}")
  _command([sys.executable, "-m", "venv", str(venv)])


def _processor():
  """Tells processors apart: a natively built wheel must not travel to another one."""
  wanted = ("model name", "flags", "Features")
  lines = {line for line in Path("/proc/cpuinfo").read_text().splitlines()
           if line.startswith(wanted)}
  return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:12]


def _pinned(package):
  for line in REQUIREMENTS.read_text().splitlines():
    if line.lower().startswith(package + "=="):
      return line.strip()
  raise Unavailable(f"{package} has no version in {REQUIREMENTS.name}")


def _llama_wheels(venv, cache):
  """Folder with the wheel of llama-cpp-python, built if it is not there."""
  pin = _pinned(LLAMA)
  wheels = cache / "wheels" / _processor()
  if not list(wheels.glob(f"llama_cpp_python-{pin.split('==')[1]}-*.whl")):
    note(f"building {pin} for this processor (several minutes, once)")
    wheels.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "CMAKE_ARGS": "-DGGML_NATIVE=ON"}
    _command(["nice", "-n", "10", str(python_of(venv)), "-m", "pip", "wheel", "--quiet",
              "--no-deps", "--no-binary", LLAMA, "--wheel-dir", str(wheels), pin], env)
  return wheels


def install(peer, venv, cache):
  """Installs what `peer` needs. Raises Unavailable."""
  stamp = venv / f"peer-{peer}.stamp"
  version = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
  if stamp.exists() and stamp.read_text() == version:
    return
  make_venv(venv)
  packages = PACKAGES[peer]
  command = [str(python_of(venv)), "-m", "pip", "install", "--quiet",
             "--constraint", str(REQUIREMENTS)]
  if LLAMA in packages:
    command += ["--find-links", str(_llama_wheels(venv, cache)), "--only-binary", LLAMA]
  note(f"installing {', '.join(packages)}")
  _command(command + packages)
  stamp.write_text(version)
