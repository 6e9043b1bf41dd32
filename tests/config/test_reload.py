"""Hot reload: whole changes are taken, bad ones told once."""

import os

import pytest

from extproc.config.load import load
from extproc.config.model import Config
from extproc.config.reload import Bad, Changed, Unchanged, Watch
from extproc.config.sources import read_sources

TEXT = """type: gateway-config
name: gateway
policy: {rego: [policy.rego]}
---
type: provider-account
name: local
provider: openai
base_url: http://127.0.0.1:8000/v1
auth: {api_key: {file: key}}
models: [{id: m}]
"""


class Desk:
    """One configuration folder, its watch, and a clock that the test moves."""

    def __init__(self, folder):
        self.folder = folder
        self.now_ms = 0
        self.version = 0
        self.write("policy.rego", "package a\n")
        self.write("key", "sk\n")
        self.write("conf/gateway.yaml", TEXT.replace("policy.rego", "../policy.rego")
                   .replace("file: key", "file: ../key"))  # fmt: skip
        running = load(read_sources(folder / "conf"))
        assert isinstance(running, Config)
        self.running = running
        self.watch = Watch(folder / "conf", running)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        # Two writes within one tick of the file system's clock must still differ.
        self.version += 1
        os.utime(path, ns=(self.version, self.version))

    def read(self, name):
        return (self.folder / name).read_text()

    def poll(self):
        """Poll at once and again after the change has settled; what came of it."""
        first = self.watch.poll(self.now_ms)
        assert first == Unchanged()
        self.now_ms += 1_000
        return self.watch.poll(self.now_ms)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_nothing_changed(desk):
    """Contract, section 2: no change, no reload; not even when a file was only touched."""
    assert desk.poll() == Unchanged()
    desk.write("conf/gateway.yaml", desk.read("conf/gateway.yaml"))
    assert desk.poll() == Unchanged()


def test_a_good_change_is_handed_over_once(desk):
    """Contract, section 2: validated whole, then swapped; the sources are those validated."""
    desk.write("conf/team.yaml", "type: team\nname: support\n")
    found = desk.poll()
    assert isinstance(found, Changed)
    assert set(found.config.teams) == {"support"}
    assert load(found.sources) == found.config
    assert desk.poll() == Unchanged()


def test_a_change_before_the_first_poll_is_not_missed(desk, tmp_path):
    """Contract, section 2: what changed between start and first look counts too."""
    desk.write("conf/team.yaml", "type: team\nname: support\n")
    late = Watch(tmp_path / "conf", desk.running, settle_ms=0)
    assert isinstance(late.poll(0), Changed)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (TEXT + "colour: red\n", "unknown key `colour`"),
        ("", "holds no document"),
        ("type: gateway-config\nname: gateway\n", "no provider-account"),
        (TEXT.replace("policy.rego", "gone.rego").replace("file: key", "file: ../key"), "exist"),
        (TEXT.replace("policy.rego", "../policy.rego"), "cannot be read"),
    ],
)
def test_a_bad_change_is_told_once_and_the_old_stays(desk, text, part):
    """P7: bad configuration never loads; the running one stays."""
    good = desk.read("conf/gateway.yaml")
    desk.write("conf/gateway.yaml", text)
    found = desk.poll()
    assert isinstance(found, Bad)
    assert part in found.mistakes[0].message
    assert desk.poll() == Unchanged()
    desk.write("conf/gateway.yaml", good)
    assert desk.poll() == Unchanged()
    desk.write("conf/gateway.yaml", text)
    assert desk.poll() == found


def test_a_vanished_configuration_is_bad(desk):
    """Contract, section 2: a configuration that has vanished is reported and ignored."""
    os.rename(desk.folder / "conf", desk.folder / "moved")
    found = desk.poll()
    assert isinstance(found, Bad)
    assert found.mistakes[0].message == "there is no such file or folder"
    assert desk.poll() == Unchanged()
    os.rename(desk.folder / "moved", desk.folder / "conf")
    assert desk.poll() == Unchanged()


def test_an_emptied_folder_is_bad(desk):
    """Contract, section 2: a configuration that has become empty is reported and ignored."""
    os.unlink(desk.folder / "conf/gateway.yaml")
    found = desk.poll()
    assert isinstance(found, Bad)
    assert found.mistakes[0].message.startswith("the folder holds no")


def test_a_file_being_written_is_left_alone_until_it_holds_still(desk):
    """P7: the first half of a file may be valid YAML; it is not a configuration."""
    whole = desk.read("conf/gateway.yaml")
    for now_ms in range(0, 2_000, 200):
        desk.write("conf/gateway.yaml", whole + f"# {now_ms}\n")
        assert desk.watch.poll(now_ms) == Unchanged()
    assert isinstance(desk.watch.poll(10_000), Changed)


def test_policies_and_secret_files_belong_to_the_configuration(desk):
    """Contract, section 2: changed files are reloaded, those it points to among them."""
    assert desk.poll() == Unchanged()
    for name in ("policy.rego", "key"):
        desk.write(name, desk.read(name) + "# more\n")
        found = desk.poll()
        assert isinstance(found, Changed)
        assert found.config.digest == desk.running.digest
        assert desk.poll() == Unchanged()


def test_a_missing_secret_that_appears_is_noticed(desk):
    """P7: a bad change becomes good when what it lacked arrives."""
    text = desk.read("conf/gateway.yaml").replace("../key", "../later")
    desk.write("conf/gateway.yaml", text)
    assert isinstance(desk.poll(), Bad)
    desk.write("later", "sk\n")
    assert isinstance(desk.poll(), Changed)
