"""Builds the compiled cores; everything else about the package is in pyproject.toml.

On x86-64 the core in src_cy/ is built once for each level of the architecture, on any other
processor once and without machine flags; fastnn/backends/loader.py picks one at run time.
FASTNN_NO_OPENMP=1 builds without OpenMP (as happens where there is none): one thread.
FASTNN_LEVELS=v3 builds that core alone, "v2,v3" those two: quicker, for one's own machine.
"""

from __future__ import annotations

import os
import platform
import sys
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError, PlatformError

# Never -ffast-math: it breaks NaN and infinity, and given to the linker it switches subnormals off
# in the whole process. Never -march=native: what is built here may run elsewhere.
# -fno-wrapv takes back what Python's own flags ask for: loops whose index may overflow are slower.
CORE_FLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fno-wrapv", "-g0"]
X86_LEVELS = {
    "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    "v3": ["-march=x86-64-v3"],
    "v2": ["-march=x86-64-v2"],
}
IS_X86_64 = platform.machine().lower() in ("x86_64", "amd64") and sys.maxsize > 2**32
LEVELS = X86_LEVELS if IS_X86_64 else {"plain": []}
if IS_X86_64 and os.environ.get("FASTNN_LEVELS"):
    LEVELS = {level: X86_LEVELS[level] for level in os.environ["FASTNN_LEVELS"].split(",")}

if sys.platform == "darwin":
    OPENMP = ["-Xpreprocessor", "-fopenmp"], ["-lomp"]
    # A universal Python asks for two processors at once, each of which has flags of its own.
    os.environ.setdefault("ARCHFLAGS", f"-arch {platform.machine()}")
else:
    OPENMP = ["-fopenmp"], ["-fopenmp"]

COMPILER_PROBE = """
#include <Python.h>
typedef float vector __attribute__((vector_size(32)));
int main(void) { vector v = {0}; return (int)v[0]; }
"""
OPENMP_PROBE = """
#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }
"""


class BuildCores(build_ext):
    """Asks the compiler what it can do, translates the Cython sources and compiles them."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or 2

    def build_extensions(self):
        self.require_compiler()
        openmp = self.has_openmp()
        for extension in self.extensions:
            if "_core_" in extension.name:
                extension.define_macros.append(("FASTNN_OPENMP", str(int(openmp))))
                if openmp:
                    extension.extra_compile_args += OPENMP[0]
                    extension.extra_link_args += OPENMP[1]
        translated = cythonize(self.extensions, nthreads=self.parallel, build_dir="build/cython")
        for extension, in_c in zip(self.extensions, translated, strict=True):
            extension.sources = in_c.sources
            extension.depends = [*extension.depends, self.settings_file()]
        super().build_extensions()

    def require_compiler(self):
        for level, flags in LEVELS.items():
            if not self.compiles(COMPILER_PROBE, flags):
                raise PlatformError(
                    "fastnn needs a C compiler, GCC 11 or Clang 12 or newer, and the headers of "
                    f"Python {platform.python_version()}, but a small program did not compile for "
                    f"the {level} core: the compiler's own message is above. Install them (on "
                    "Debian and Ubuntu: apt-get install gcc python3-dev) or name a compiler in "
                    "the environment variable CC"
                )

    def has_openmp(self) -> bool:
        if os.environ.get("FASTNN_NO_OPENMP", "0") not in ("", "0"):
            return False
        found = self.compiles(OPENMP_PROBE, *OPENMP)
        if not found:
            self.warn("this compiler has no OpenMP: fastnn will compute with one thread")
        return found

    def compiles(self, source: str, compile_flags=(), link_flags=()) -> bool:
        with TemporaryDirectory() as folder:
            probe = Path(folder, "probe.c")
            probe.write_text(source, encoding="ascii")
            try:
                objects = self.compiler.compile(
                    [str(probe)], output_dir=folder, extra_postargs=list(compile_flags)
                )
                self.compiler.link_executable(
                    objects, "probe", output_dir=folder, extra_postargs=list(link_flags)
                )
            except (CompileError, LinkError) as error:
                self.warn(str(error))
                return False
        return True

    def settings_file(self) -> str:
        """A file that is newer than the last build when the compiler or its flags are other."""
        path = Path("build/settings.txt")
        flags = [(e.extra_compile_args, e.define_macros) for e in self.extensions]
        settings = repr((self.compiler.compiler_so, flags))
        if not path.exists() or path.read_text(encoding="utf-8") != settings:
            path.write_text(settings, encoding="utf-8")
        return str(path)


def core(level: str, flags: list[str]) -> Extension:
    return Extension(
        f"fastnn.backends._core_{level}",
        [f"src_cy/_core_{level}.pyx"],
        include_dirs=["src_cy"],
        depends=glob("src_cy/*.pxi") + glob("src_cy/*.h"),
        extra_compile_args=CORE_FLAGS + flags,
    )


if __name__ == "__main__":
    setup(
        ext_modules=[
            *(core(level, flags) for level, flags in LEVELS.items()),
            Extension("fastnn.backends._cpu", ["src_cy/_cpu.pyx"]),
        ],
        cmdclass={"build_ext": BuildCores},
    )
