"""Installs the peers into the environment that runs this script, with torch held at our version.

A peer that does not install is named, and the benchmark reports it; the others are installed all the same.
"""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import install_packages  # noqa: E402

PEERS = ROOT / "benchmarks" / "peer_requirements.txt"


def main() -> int:
    lock = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    torch = next(line for line in lock if line.startswith("torch=="))
    held = Path(sys.prefix) / "held.txt"
    held.write_text(torch + "\n", "utf-8")
    subprocess.run((*install_packages.PIP, "install", "--quiet", "uv"), check=False)
    has_gpu = shutil.which("nvidia-smi") is not None
    if install_packages.is_cuda_in_vain(install_packages.version_to_fetch(torch), platform.system(), has_gpu):
        install_packages.install_cpu_build(torch)
    for line in PEERS.read_text("utf-8").splitlines():
        peer = line.partition("#")[0].strip()
        if not peer:
            continue
        print(f"Installing {peer}.", flush=True)
        try:
            install_packages.install("--constraint", str(held), peer)
        except subprocess.CalledProcessError:
            print(f"{peer} could not be installed; the benchmark will say so.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
