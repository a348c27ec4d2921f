"""``dbutils.fs``: files of DBFS, of its mounts and of S3, through Hadoop's file systems."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from services.databricks.runner.dbutils.dbfs import Dbfs
from services.databricks.runner.dbutils.help import Helped


class FileInfo(NamedTuple):
    """A file or folder; the paths of folders end with a slash."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        """Whether it is a folder."""
        return self.path.endswith("/")

    def isFile(self) -> bool:
        """Whether it is a file."""
        return not self.isDir()


class MountInfo(NamedTuple):
    """A mount."""

    mountPoint: str
    source: str
    encryptionType: str = ""


class Files(Helped):
    """The calls of ``dbutils.fs``."""

    def __init__(self, spark: Any, dbfs: Dbfs) -> None:
        self._dbfs = dbfs
        self._context = spark.sparkContext
        self._hadoop = self._context._jvm.org.apache.hadoop
        self._conf = self._context._jsc.hadoopConfiguration()

    def ls(self, path: str) -> list[FileInfo]:
        """List a folder."""
        system, where = self._at(path)
        return sorted(_info(item) for item in system.listStatus(where))

    def head(self, file: str, max_bytes: int = 65_536) -> str:
        """The first bytes of a file, as text."""
        system, where = self._at(file)
        wanted = min(max_bytes, system.getFileStatus(where).getLen())
        io = self._context._jvm.org.apache.commons.io.IOUtils
        with closing(system.open(where)) as stream:
            return bytes(io.toByteArray(stream, int(wanted))).decode(errors="replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text to a file."""
        system, where = self._at(file)
        with closing(system.create(where, overwrite)) as stream:
            stream.write(bytearray(contents.encode()))
        return True

    def mkdirs(self, path: str) -> bool:
        """Create a folder and its parents."""
        system, where = self._at(path)
        return bool(system.mkdirs(where))

    def rm(self, path: str, recurse: bool = False) -> bool:
        """Remove a file or folder; return False when it does not exist."""
        system, where = self._at(path)
        return bool(system.delete(where, recurse))

    def cp(self, source: str, to: str, recurse: bool = False, delete: bool = False) -> bool:
        """Copy a file, or a folder with ``recurse``."""
        (system, where), (target_system, target) = self._at(source), self._at(to)
        if system.getFileStatus(where).isDirectory() and not recurse:
            raise IsADirectoryError(f"Cannot copy directory {source} unless recurse is true")
        util = self._hadoop.fs.FileUtil
        return bool(util.copy(system, where, target_system, target, delete, True, self._conf))

    def mv(self, source: str, to: str, recurse: bool = False) -> bool:
        """Move a file, or a folder with ``recurse``."""
        return self.cp(source, to, recurse, delete=True)

    def mount(
        self,
        source: str,
        mount_point: str = "",
        encryption_type: str = "",
        owner: str | None = None,
        extra_configs: dict[str, str] | None = None,
        mountPoint: str = "",
    ) -> bool:
        """Mount a path in S3 with the keys of the environment; those in the source are ignored."""
        self._dbfs.mount(source, mount_point or mountPoint)
        return True

    def updateMount(self, source: str, mount_point: str, *rest: Any) -> bool:
        """Replace the source of a mount."""
        self._dbfs.unmount(mount_point)
        return self.mount(source, mount_point)

    def unmount(self, mount_point: str) -> bool:
        """Remove a mount."""
        self._dbfs.unmount(mount_point)
        return True

    def mounts(self) -> list[MountInfo]:
        """The mounts."""
        return [MountInfo(point, source) for point, source in self._dbfs.mounts.items()]

    def refreshMounts(self) -> bool:
        """Do nothing: each session sees the current mounts."""
        return True

    def _at(self, path: str) -> tuple[Any, Any]:
        where = self._hadoop.fs.Path(path)
        return where.getFileSystem(self._conf), where


def _info(item: Any) -> FileInfo:
    path = item.getPath().toString()
    name = item.getPath().getName()
    if item.isDirectory():
        path, name = path.rstrip("/") + "/", name + "/"
    return FileInfo(path, name, item.getLen(), item.getModificationTime())


def calls(files: Files) -> Iterator[str]:
    """Names that ``%fs`` may call."""
    yield from (name for name in dir(files) if not name.startswith("_"))
