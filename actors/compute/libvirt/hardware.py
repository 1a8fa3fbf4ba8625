"""What a flavor and an image ask of a guest's virtual hardware, under Nova's names. Pure.

Called by the modules of the guest's definition. A flavor says `hw:cpu_policy`, an image `hw_cpu_policy`; where both
speak, the flavor, which the operator wrote, wins. A value that nobody can meet is the caller's fault and names its key.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.errors import CallerError, bad_request
from actors.messages import BootSpec

YES = ("1", "t", "true", "y", "yes", "on")


@dataclass(frozen=True, slots=True)
class Hardware:
    flavor: dict[str, str]  # extra specs
    image: dict[str, str]  # properties

    def text(self, name: str, default: str = "") -> str:
        """The value of `name`, such as `cpu_policy` or `watchdog_action`."""
        return self.flavor.get(f"hw:{name}") or self.image.get(f"hw_{name}") or default

    def flag(self, name: str, default: bool = False) -> bool:
        said = self.text(name)
        return said.lower() in YES if said else default

    def number(self, name: str, default: int = 0) -> int:
        said = self.text(name)
        return as_number(name, said) if said else default

    def choice(self, name: str, known: tuple[str, ...], default: str = "") -> str:
        said = self.text(name, default)
        if said and said not in known:
            raise CallerError(bad_request(f"hw_{name}", f"'{said}' is none of {', '.join(known)}"))
        return said

    def quota(self, name: str) -> int:
        """A limit of the flavor's, `quota:<name>`; 0 = none."""
        return as_number(f"quota:{name}", self.flavor.get(f"quota:{name}", "0"))

    def required_traits(self, prefix: str) -> list[str]:
        """What follows `prefix` in the names of the traits that the flavor or the image requires."""
        asked = [key for key, value in (self.flavor | self.image).items() if value == "required"]
        start = f"trait:{prefix}"
        return sorted({key.removeprefix(start) for key in asked if key.startswith(start)})


def hardware_of(spec: BootSpec) -> Hardware:
    return Hardware(spec.flavor.extra_specs, spec.image_properties)


def as_number(name: str, said: str) -> int:
    try:
        return int(said)
    except ValueError:
        raise CallerError(bad_request(name, f"'{said}' is no number")) from None


def cpu_set(name: str, said: str) -> tuple[int, ...]:
    """Nova's and libvirt's way to list CPUs: `0-3,^2,8`."""
    inside: set[int] = set()
    without: set[int] = set()
    for part in filter(None, (part.strip() for part in said.split(","))):
        chosen = without if part.startswith("^") else inside
        first, _, last = part.removeprefix("^").partition("-")
        chosen |= set(range(as_number(name, first), as_number(name, last or first) + 1))
    return tuple(sorted(inside - without))
