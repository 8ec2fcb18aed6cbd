from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.registry import OWN_PACKAGES, HandlerRegistry
from definitions.errors import HandlerNotAllowed, HandlerNotFound, LongpoleError

HANDLERS = Path(__file__).parent / "handlers"


@pytest.fixture
def registry() -> HandlerRegistry:
    return HandlerRegistry(["registry_handlers", "broken_handlers"], [HANDLERS])


def test_functions_of_allowed_modules_are_handlers(registry: HandlerRegistry) -> None:
    plain, async_ = registry.resolve("registry_handlers.good"), registry.resolve("registry_handlers.good_async")
    assert (plain.fn(3), plain.is_async, async_.is_async) == (3, False, True)
    assert registry.known("registry_handlers.good") is plain


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "subprocess.run",
        "registry_handlersx.good",
        "registry.good",
        "engine.core.open_engine",
        "_private.f",
        "registry_handlers._hidden",
        "registry_handlers.__builtins__.eval",
        "registry_handlers..good",
        ".good",
        "registry_handlers.good()",
        "registry_handlers:good",
        "registry_handlers.gооd",
        "a b.c",
        "x." * 200 + "y",
        "",
    ],
)
def test_everything_else_is_refused_and_never_imported(registry: HandlerRegistry, name: str) -> None:
    before = set(sys.modules)
    problem = registry.check(name, path="steps[0].handler")
    assert problem is not None
    assert (problem.code, problem.path) == ("handler_not_allowed", "steps[0].handler")
    assert problem.remedy
    with pytest.raises(HandlerNotAllowed):
        registry.resolve(name)
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    "name",
    [
        "registry_handlers.system",
        "registry_handlers.dedent",
        "registry_handlers.subprocess",
        "registry_handlers.subprocess.run",
        "registry_handlers.system.__call__",
        "registry_handlers.VALUE",
        "registry_handlers.instance",
        "registry_handlers.Callable",
        "registry_handlers.anything_its_getattr_gives",
        "registry_handlers.absent.module",
    ],
)
def test_what_a_module_merely_has_is_no_handler(registry: HandlerRegistry, name: str) -> None:
    with pytest.raises((HandlerNotAllowed, HandlerNotFound)):
        registry.resolve(name)
    assert registry.known(name) is None


def test_checking_imports_nothing_unless_it_is_asked_to() -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from activities.registry import HandlerRegistry\n"
        f"registry = HandlerRegistry(['registry_handlers'], [Path({str(HANDLERS)!r})])\n"
        "assert registry.check('registry_handlers.good') is None\n"
        "assert registry.check('registry_handlers.absent') is None\n"
        "assert 'registry_handlers' not in sys.modules\n"
        "assert registry.check('registry_handlers.absent', load=True).code == 'handler_not_found'\n"
        "assert 'registry_handlers' in sys.modules\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


@pytest.fixture
def mended() -> Iterator[Path]:
    path = HANDLERS / "broken_handlers.ok"
    yield path
    path.unlink(missing_ok=True)


def test_a_module_that_fails_is_tried_again_the_next_time(registry: HandlerRegistry, mended: Path) -> None:
    with pytest.raises(HandlerNotFound, match="SystemExit: this module ends the process"):
        registry.resolve("broken_handlers.mended")
    mended.touch()
    assert registry.resolve("broken_handlers.mended").fn(1) == 1


@pytest.mark.parametrize(
    "entry", [*sorted(OWN_PACKAGES), "os", "os.path", "json", "activities.builtin", "", ".", "a-b", "a.", "_x", "*"]
)
def test_an_allow_list_may_not_name_everything(entry: str) -> None:
    with pytest.raises(LongpoleError) as caught:
        HandlerRegistry([entry])
    assert caught.value.code == "handler_allow_list_invalid"


def test_registered_names(registry: HandlerRegistry) -> None:
    registry.register("my sleep", lambda data: data)
    assert registry.resolve("my sleep").fn(2) == 2
    assert registry.check("my sleep") is None
    with pytest.raises(ValueError, match="registered already"):
        registry.register("my sleep", print)
    registry.register("train", lambda data: data)
    problem = registry.check("trian")
    assert problem is not None
    assert (problem.code, problem.remedy) == ("handler_not_found", "did you mean `train`?")


def test_entry_points_of_installed_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "some_steps-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-steps\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[longpole.handlers]\nnap = activities.builtin:sleep\ngone = nowhere:at_all\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = HandlerRegistry()
    assert {"nap", "gone"} <= set(registry.names)
    assert registry.resolve("nap").is_async
    with pytest.raises(HandlerNotFound, match="nowhere"):
        registry.resolve("gone")


def test_users_folders_come_last_on_the_import_path(registry: HandlerRegistry) -> None:
    assert sys.path.index(str(HANDLERS)) > sys.path.index(str(Path(subprocess.__file__).parent))
