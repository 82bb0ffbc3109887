from tests.interop.programs import running
from tests.page.playing import play
import os, pytest
@pytest.mark.parametrize("story", os.environ["STORY"].split())
def test_x(story):
    with running("--room", "lobby", "--message-rate", "0") as a:
        play(story, a, PICTURES="/tmp/ps")
