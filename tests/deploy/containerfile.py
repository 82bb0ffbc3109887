"""Carries out a Containerfile without an engine: its steps, each stage in a root of its own.

Here are no images to begin with. So each stage stands on this machine's `/usr` and `/etc`, with the
Python that runs this in `/usr/local`, where the image has it. What it writes goes into directories
of its own: a layer over `/etc`, and `/build`, `/opt`, `/data`, `/tmp`. What a stage copies from
another one comes from that one's directories. All else can only be read. It needs root.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WRITTEN = ("build", "opt", "data")
"""Directories that a stage may make, beside those over /etc and /tmp."""
KNOWN = {
    "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
    "HEALTHCHECK", "ENTRYPOINT",
}  # fmt: skip
BASE = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
"""What the image that a stage begins with has set."""
SECONDS = 900
"""For a step; one of them installs what the wheel needs."""


@dataclass
class Stage:
    """What one FROM begins."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def one(self, instruction: str) -> str:
        """What the only instruction of this kind says."""
        (found,) = [rest for kind, rest in self.steps if kind == instruction]
        return found

    @property
    def environment(self) -> dict[str, str]:
        said = [pairs(rest) for kind, rest in self.steps if kind == "ENV"]
        return {name: value for each in said for name, value in each.items()}

    def command(self, instruction: str) -> list[str]:
        """Of ENTRYPOINT or HEALTHCHECK, in the form that needs no shell."""
        found: list[str] = json.loads(self.one(instruction).partition("[")[2].join(["[", ""]))
        return found


def pairs(rest: str) -> dict[str, str]:
    """What an ENV sets."""
    return dict(pair.split("=", 1) for pair in shlex.split(rest))


def stages(text: str) -> list[Stage]:
    """What the file says, line by line; comments are left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    found: list[Stage] = []
    for line in filter(None, map(str.strip, whole.splitlines())):
        kind, _, rest = line.partition(" ")
        assert kind in KNOWN, line
        if kind == "FROM":
            base, _, name = rest.partition(" AS ")
            found.append(Stage(base, name or str(len(found))))
        else:
            found[-1].steps.append((kind, rest.strip()))
    return found


class Built:
    """Stages that were carried out, in a directory that is removed by whoever made it."""

    def __init__(self, where: Path, context: Path) -> None:
        self._where = where
        self._context = context
        self._stage: Stage
        self._environment: dict[str, str] = {}

    def build(self, every: list[Stage]) -> None:
        """Carry out all of them; raises AssertionError with what a step said."""
        for stage in every:
            for each in (*WRITTEN, "etc", "work", "tmp"):
                (self._of(stage.name) / each).mkdir(parents=True)
            self._stage, self._environment = stage, dict(BASE)
            workdir = "/"
            for kind, rest in stage.steps:
                if kind == "WORKDIR":
                    workdir = rest
                elif kind == "ENV":
                    self._environment |= pairs(rest)
                elif kind == "COPY":
                    self._copy(stage, workdir, shlex.split(rest))
                elif kind == "RUN":
                    ended = subprocess.run(
                        self.inside(["sh", "-c", f"cd {workdir} && {rest}"], writable=True),
                        capture_output=True, text=True, timeout=SECONDS, check=False,
                    )  # fmt: skip
                    assert 0 == ended.returncode, f"RUN {rest}\n{ended.stdout}\n{ended.stderr}"

    def _of(self, stage: str) -> Path:
        return self._where / stage

    def _copy(self, stage: Stage, workdir: str, words: list[str]) -> None:
        root, source = self._of(stage.name), self._context
        if words[0].startswith("--from="):
            source = self._of(words[0].removeprefix("--from="))
        *what, to = [word for word in words if not word.startswith("--")]
        target = root / os.path.normpath(Path(workdir) / to).lstrip("/")
        for each in what:
            path = source / each.lstrip("/")
            into = target / path.name if len(what) > 1 or to.endswith("/") else target
            into.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(path, into, symlinks=True, ignore=ignore, dirs_exist_ok=True)
            else:
                shutil.copy2(path, into)

    def inside(
        self, command: list[str], *, writable: bool = False, user: str = "", alone: bool = False
    ) -> list[str]:
        """What runs a command within the last stage.

        Not `writable`: /data and /tmp alone can be written to. `user`: by number, without any
        capability. `alone`: in a network of its own.
        """
        root, new = self._of(self._stage.name), f"{self._where}/root"
        Path(new).mkdir(exist_ok=True)
        layers = f"lowerdir=/etc,upperdir={root}/etc,workdir={root}/work"
        steps = [
            f"mount -t tmpfs root {new}",
            f"mkdir {new}/usr {new}/etc {new}/dev {new}/proc",
            *(f"mkdir {new}/{each}" for each in (*WRITTEN, "tmp")),
            *(
                f"ln -s {Path('/', each).readlink()} {new}/{each}"
                for each in ("bin", "lib", "lib64", "sbin")
                if Path(f"/{each}").is_symlink()
            ),
            f"mount --rbind /usr {new}/usr",
            f"mount --bind {sys.base_prefix} {new}/usr/local",
            f"mount --rbind /dev {new}/dev",
            f"mount --rbind /proc {new}/proc",
            f"mount -t overlay -o {layers} etc {new}/etc",
            *(f"mount --bind {root}/{each} {new}/{each}" for each in (*WRITTEN, "tmp")),
        ]
        if not writable:
            steps += [f"mount -o remount,bind,ro {new}/{each}" for each in ("build", "opt")]
            steps += [f"mount -o remount,ro {new}/etc", f"mount -o remount,ro {new}"]
        if alone:
            steps.append("ip link set lo up")
        as_user = []
        if user:
            as_user = [
                "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                "--bounding-set=-all", "--no-new-privs",
            ]  # fmt: skip
        run = shlex.join(["chroot", new, *as_user, "env", "-i", *self._variables(), *command])
        apart = ["unshare", "--mount", "--propagation=private", *(["--net"] if alone else [])]
        return [*apart, "sh", "-c", " && ".join([*steps, f"exec {run}"])]

    def _variables(self) -> Iterator[str]:
        """The image's, and those by which this machine reaches its index of packages."""
        ours = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "SSL_CERT")) or name.lower().endswith("_proxy")
        }
        ours.pop("PIP_FIND_LINKS", None)  # a directory that the stage does not have
        ours["LD_LIBRARY_PATH"] = "/usr/local/lib"  # a Python that was built elsewhere
        yield from (f"{name}={value}" for name, value in (ours | self._environment).items())
