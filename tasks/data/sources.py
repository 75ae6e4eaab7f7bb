"""What a recipe's `data` section points at, as files on this disk with their SHA-256.

A location is a path or a glob (relative to the recipe's folder), `grammar://NAME@SEED/PART` (made by the project itself),
or `hf://OWNER/NAME@REVISION[/SPLIT]` (fetched once through `datasets`). Nothing is read beyond the bytes' digest.
"""

import glob
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self

from engine.digests import file_digest
from tasks.data.generated import generated_files
from tasks.data.hub import fetch_hub_dataset
from tasks.data.readers import Format, format_of, unknown_format
from tasks.errors import UserError
from tasks.hints import listed, nearest
from tasks.recipe.data import AnyData

Role = Literal["train", "validation", "test", "landed"]
ROLES: Final[tuple[Role, ...]] = ("train", "validation", "test")
"""The roles that a recipe gives; `landed` is what came in later, through the inbox."""

FileState = tuple[int, int, int, int, int]

_GRAMMAR: Final = re.compile(r"grammar://(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)@(?P<seed>\d{1,9})/(?P<part>[A-Za-z_-]+)")


@dataclass(frozen=True, slots=True)
class Source:
    """One file of labelled rows.

    `location` is how the recipe calls it (of a glob, the matching file relative to the recipe) and appears in messages
    and in the quarantine; `path` is where it lies on this machine; `sha256` is what identifies it. `state`: of the file when
    it was hashed.
    """

    role: Role
    location: str
    path: Path
    sha256: str
    format: Format
    state: FileState | None = field(default=None, compare=False)

    @classmethod
    def of(cls, role: Role, location: str, path: Path, file_format: Format) -> Self:
        """The file as it is now. Raises OSError where it cannot be read."""
        state = _state(path)
        return cls(role, location, path, file_digest(path), file_format, state)

    @property
    def unchanged(self) -> bool:
        """Whether the file still holds what was hashed: the kernel says that nobody has touched it, or its bytes do."""
        return self.state == _state(self.path) or file_digest(self.path) == self.sha256


def resolve_sources(config: AnyData, *, recipe_file: Path, home: Path) -> tuple[Source, ...]:
    """All files of the recipe's data, in the order of roles and locations (a glob's matches sorted by name).

    Generated and fetched data go below `home/data`. Raises UserError, naming the recipe's field, for what is not there.
    """
    resolver = _Resolver(recipe_file, home)
    sources: list[Source] = []
    for role in ROLES:
        for location in getattr(config, role) or ():
            found = resolver.resolve(location, role)
            known = {source.path: source for source in sources}
            for source in found:
                other = known.get(source.path)
                if other is not None and other.role != role:
                    message = f"{source.location} is given as {other.role} data already; give each role its own rows"
                    raise UserError(message, file=recipe_file, field=f"data.{role}")
                if other is None:
                    sources.append(source)
    return tuple(sources)


class _Resolver:
    """Turns locations into sources; remembers what it has generated."""

    def __init__(self, recipe_file: Path, home: Path) -> None:
        self._recipe_file = recipe_file
        self._folder = recipe_file.resolve().parent
        self._data_home = home / "data"
        self._generated: dict[tuple[str, int], dict[str, Path]] = {}

    def resolve(self, location: str, role: Role) -> list[Source]:
        if location.startswith("grammar://"):
            files = [(location, self._grammar_file(location, role))]
        elif location.startswith("hf://"):
            files = [(location, self._hub_file(location, role))]
        elif "://" in location:
            raise self._error(role, f"{location} is none of a path, a glob, grammar://… and hf://…")
        else:
            try:
                files = self._local_files(location, role)
            except (OSError, RuntimeError) as error:  # a name too long, a folder that cannot be listed, no such ~user
                raise self._error(
                    role, f"{location} cannot be looked up: {getattr(error, 'strerror', None) or error}"
                ) from error
        return [self._source(role, shown, path) for shown, path in files]

    def _source(self, role: Role, location: str, path: Path) -> Source:
        file_format = format_of(path)
        if file_format is None:
            raise self._error(role, f"{location} {unknown_format(path)}")
        try:
            return Source.of(role, location, path, file_format)
        except OSError as error:
            raise self._error(role, f"{location} cannot be read: {error.strerror or error}") from error

    # ------------------------------------------------------------ paths and globs

    def _local_files(self, location: str, role: Role) -> list[tuple[str, Path]]:
        if "\0" in location:
            raise self._error(role, "a path cannot contain NUL")
        written = Path(location).expanduser()
        path = self._folder / written
        if path.is_file():
            return [(location, path.resolve())]
        if path.is_dir():
            raise self._error(
                role, f"{location} is a folder; name its files, for instance {location.rstrip('/')}/*.jsonl"
            )
        if glob.has_magic(location):
            # Path.glob takes no absolute pattern, and would read the recipe's own folder as a part of the pattern.
            found = sorted(glob.glob(str(written), root_dir=self._folder, recursive=True))  # noqa: PTH207
            files = [(Path(match).as_posix(), self._folder / match) for match in found]
            matches = [(shown, file.resolve()) for shown, file in files if file.is_file()]
            if not matches:
                raise self._error(role, f"no file matches {location}{self._nearest_file(path)}")
            return matches
        raise self._error(role, f"{location} does not exist{self._nearest_file(path)}")

    def _nearest_file(self, path: Path) -> str:
        folder = path.parent
        if not folder.is_dir():
            return "" if glob.has_magic(str(folder)) else f"; there is no folder {folder.name!r} at that place"
        names = [entry.name for entry in folder.iterdir() if format_of(entry) is not None]
        match = nearest(path.name, names)
        return f"; the nearest there is {match!r}" if match else f"; data files there: {listed(sorted(names))}"

    # ------------------------------------------------------------ generated and fetched

    def _grammar_file(self, location: str, role: Role) -> Path:
        match = _GRAMMAR.fullmatch(location)
        if match is None:
            raise self._error(role, f"{location} is not of the form grammar://NAME@SEED/PART")
        key = (match["name"], int(match["seed"]))
        if key not in self._generated:
            self._generated[key] = self._generate(*key, role)
        parts = self._generated[key]
        part = match["part"].replace("-", "_")
        if part not in parts:
            raise self._error(role, f"{location}: no part is called {match['part']!r}; the parts are {listed(parts)}")
        return parts[part]

    def _generate(self, name: str, seed: int, role: Role) -> dict[str, Path]:
        try:
            return generated_files(name, seed, self._data_home / f"{name}-{seed}")
        except UserError as error:
            raise self._error(role, str(error)) from error

    def _hub_file(self, location: str, role: Role) -> Path:
        try:
            return fetch_hub_dataset(location, default_split=role, folder=self._data_home / "hub").resolve()
        except UserError as error:
            raise self._error(role, str(error)) from error

    def _error(self, role: Role, message: str) -> UserError:
        return UserError(message, file=self._recipe_file, field=f"data.{role}")


def _state(path: Path) -> FileState:
    """Device, inode, size, and when content and entry were last changed, in nanoseconds."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
