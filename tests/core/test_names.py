"""Name tags: what a member may be called, and which names collide."""

import json
import os
import subprocess
import sys
import unicodedata

import precis_i18n
import pytest
from hypothesis import HealthCheck, assume, example, given, reject, settings
from hypothesis import strategies as st

from chatroom.core.names import SERVER_NAME, NameTag, free_name, name_tag, skeleton
from chatroom.core.refusals import NameInvalid
from tests.texts import CHARACTERS


def tag(raw: str) -> NameTag:
    return name_tag(raw, characters=32)


def collide(one: str, other: str) -> bool:
    return not set(tag(one).keys).isdisjoint(tag(other).keys)


# Letters that make collisions, marks, joiners, spaces and refusals likely.
TRICKY = st.text(
    "BOobVаоВОΟοilIL1|0mrn Νν'`" + "é\u0301\u0308\u094d\u0915\u200c\u200d\u200b\u202e\u00a0"
    "\u2800\u3000İıßẞſΣςﬁ½ﷺ¨٠۰·ا한\u1100\U0001f600\ufe0f\x1b\ud800"
)
ANY = TRICKY | st.text(st.characters()) | st.text(st.characters(min_codepoint=32))


# ---- What is allowed -----------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Bob", "Bob"),
        ("  Johnny   Boi ", "Johnny Boi"),
        ("Johnny\u00a0\u3000Boi", "Johnny Boi"),
        ("ｂｏｂ", "bob"),
        ("Rene\u0301e", "Renée"),
        ("½ pint", "1⁄2 pint"),
        ("Александра", "Александра"),
        ("דוד and Bob", "דוד and Bob"),
        ("王小明", "王小明"),
        ("👍🏽 🇫🇷", "👍🏽 🇫🇷"),
        ("O'Neil-Smith (home)", "O'Neil-Smith (home)"),
        ("<b>&amp;\\n</b>", "<b>&amp;\\n</b>"),
        ("a" * 32, "a" * 32),
        ("e\u0301" * 32, "é" * 32),
        ("x\u0301\u0302\u0303\u0304", "x\u0301\u0302\u0303\u0304"),
    ],
)
def test_names_are_shown_as_enforced(raw: str, shown: str) -> None:
    """A name is shown as the Nickname profile leaves it: one form for each spelling."""
    assert shown == tag(raw).text


@pytest.mark.parametrize("raw", ["", " ", "\u3000 \u00a0"])
def test_a_name_is_not_empty(raw: str) -> None:
    """A name of nothing but spaces is refused as empty."""
    with pytest.raises(NameInvalid, match="at least one character that is not a space"):
        tag(raw)


@pytest.mark.parametrize("raw", ["a" * 33, "ﷺ" * 2, "a" * 65536, "a" + " " * 200 + "b"])
def test_a_name_is_not_too_long(raw: str) -> None:
    """The length counts after enforcing; what could only fit by its spaces is refused too."""
    with pytest.raises(NameInvalid, match="at most 32 characters"):
        tag(raw)


def test_the_length_is_handed_in() -> None:
    """`characters` is the limit, to the character."""
    assert "Bobby" == name_tag("Bobby", characters=5).text
    with pytest.raises(NameInvalid, match="at most 4 characters"):
        name_tag("Bobby", characters=4)


HOSTILE = [
    *range(0x20),
    *range(0x7F, 0xA0),  # C0, DEL, C1
    *range(0x200B, 0x2010),  # zero width, marks of direction
    *range(0x2028, 0x202F),  # separators, embeddings and overrides
    *range(0x2060, 0x2070),  # word joiner, invisible operators, isolates
    *(0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF, 0xFFF9),
    *(0x115F, 0x1160, 0x3164, 0xFFA0),  # Hangul fillers
    *(0xFE00, 0xFE0F, 0xE0100),  # variation selectors
    *(0xE0001, 0xE0020, 0xE0061, 0xE007F),  # tags
    *(0x2800, 0x1D159, 0x16FE4, 0x13441, 0xFFFC),  # blank though allowed by PRECIS
    *(0x0378, 0xFFFE, 0xFFFF, 0xFDD0, 0x10FFFF),  # unassigned, noncharacters
    *(0xD800, 0xDFFF, 0xE000, 0xF8FF, 0x100000),  # surrogates, private use
]


@pytest.mark.parametrize("point", HOSTILE, ids=lambda point: f"U+{point:04X}")
def test_hostile_characters_are_refused_by_number(point: int) -> None:
    """What is invisible, blank, reorders or has no meaning is refused, and named."""
    for raw in (chr(point), f"Bob{chr(point)}", f"B{chr(point)}ob"):
        with pytest.raises(NameInvalid) as refused:
            tag(raw)
        assert str(refused.value).isprintable()
    # In the middle it is the only thing wrong. (Some normalize to a relative of theirs.)
    relative = unicodedata.normalize("NFKC", chr(point))
    assert f"U+{ord(relative):04X}" in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("علی\u200cرضا", "علیرضا"), ("ශ\u0dca\u200dරී", "ශ\u0dcaරී")],
    ids=["Persian", "Sinhala"],
)
def test_joiners_never_survive(raw: str, shown: str) -> None:
    """Where a script may have a joiner the name is allowed, and shown without it."""
    assert shown == tag(raw).text
    assert tag(shown) == tag(raw)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("\u0301Bob", "beginning of a word"),
        ("Bob \u0301", "beginning of a word"),
        ("\u0903Bob", "beginning of a word"),
        ("x¨", "beginning of a word"),
        ("B\u0301\u0302\u0303\u0304\u0305ob", "at most 4 combining marks"),
        ("é\u0302\u0303\u0304\u0305", "at most 4 combining marks"),
    ],
)
def test_marks_belong_on_letters(raw: str, why: str) -> None:
    """A mark with no letter under it is refused, and so is a pile of more than four."""
    with pytest.raises(NameInvalid, match=why):
        tag(raw)


def test_refusals_say_what_to_change() -> None:
    """The sentence for the commonest refused emoji names the character nobody can see."""
    with pytest.raises(NameInvalid) as refused:
        tag("Ann ❤\ufe0f")
    assert (
        "a name tag may not contain U+FE0F (variation selector-16), at least not in this place"
        == str(refused.value)
    )


# ---- What collides -------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BOB", "bob"),
        ("BOB", "ВОВ"),  # Cyrillic
        ("bob", "ВОВ"),
        ("ВОВ", "вов"),  # the same Cyrillic word
        ("paypal", "pаypаl"),
        ("Paypal", "PАYPАL"),
        ("Mary", "МARY"),
        ("tom", "ТОМ"),
        ("Alice", "АLICE"),
        ("Alice", "AIice"),
        ("Alice", "A1ice"),
        ("Al", "AI"),
        ("Al", "A1"),
        ("Tom", "Torn"),
        ("Hanna", "Наnna"),
        ("Nikos", "Νikos"),  # Greek capital nu
        ("Noe\u0301", "Noé"),
        ("O'Neil", "O’Neil"),
        ("Bob", "𝐁ob"),
        ("Ωmega", "ωmega"),
    ],
)
def test_names_that_pass_for_each_other_collide(one: str, other: str) -> None:
    """Names that differ by case, spelling or look-alike letters alone share a key."""
    assert collide(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob", "Bab"),
        ("Tim", "Tom"),
        ("Anna1", "Anna2"),
        ("Ian", "Lan"),
        ("Neil", "Nell"),
        ("NEIL", "Nell"),
        ("Ali", "All"),
        ("TOM", "TORN"),
        ("tom", "TORN"),
        ("Dan", "Dav"),
        ("player L", "player 1"),
        ("Bob", "Bob 2"),
        ("Bob 2", "Bob 3"),
        ("Renee", "Renée"),
        ("Johnny Boi", "JohnnyBoi"),
        ("Вова", "Bob"),
        ("Анна", "Anna"),
    ],
)
def test_names_that_a_person_tells_apart_do_not_collide(one: str, other: str) -> None:
    """Names that differ in more than looks share no key."""
    assert not collide(one, other)


@pytest.mark.parametrize(
    "raw",
    [
        SERVER_NAME,
        "Chat  Server",
        " CHAT SERVER ",
        "chat serνer",
        "сhat server",
        "СНАТ ЅЕRVЕR",
        "ｃｈａｔ ｓｅｒｖｅｒ",
        "chat\u00a0server",
    ],
)
def test_the_servers_name_is_reserved(raw: str) -> None:
    """No member's name is the server's or looks like it, in any case or spelling."""
    with pytest.raises(NameInvalid, match='reserved: it is, or looks like, "chat server"'):
        tag(raw)


def test_names_near_the_servers_are_allowed() -> None:
    """Only what passes for the server's name is reserved."""
    assert "chat servant" == tag("chat servant").text
    assert "chat server 2" == tag("chat server 2").text


# ---- Properties ----------------------------------------------------------------


MANY_REFUSED = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
"""Most texts are no names."""


def accepted(raw: str) -> NameTag:
    """The tag of `raw`; a refusal ends the example, any other error fails the test."""
    try:
        return tag(raw)
    except NameInvalid as refused:
        if not str(refused).isprintable():
            raise AssertionError("a refusal repeats what it refused") from refused
        reject()


@MANY_REFUSED
@given(ANY)
@example("علی\u200cرضا")
def test_an_accepted_name_is_safe_and_stable(raw: str) -> None:
    """A name is refused as a name; or it is visible, short, and its own tag."""
    name = accepted(raw)
    assert 1 <= len(name.text) <= 32
    assert set() == {c for c in name.text if unicodedata.category(c)[0] in "CZ"} - {" "}
    assert name == tag(name.text)
    assert 1 <= len(name.keys) <= 2
    assert name.key == name.keys[0]


@MANY_REFUSED
@given(ANY)
def test_names_equal_by_rfc_8266_share_the_first_key(raw: str) -> None:
    """A name and its comparison form have one key; so have all names of that form."""
    name = accepted(raw)
    compared = precis_i18n.get_profile("Nickname").enforce(name.text)
    assert name.key == accepted(compared).key


@given(TRICKY, st.randoms(use_true_random=False))
def test_names_with_equal_skeletons_collide(raw: str, chance) -> None:
    """Letters exchanged for others of the same skeleton leave a shared key."""
    alike = {}
    for char in "оОοΟ0Oo1Il|іІВBΝNаaрp":
        alike.setdefault(skeleton(char), []).append(char)
    name = accepted(raw)
    exchanged = "".join(chance.choice(alike.get(skeleton(c), [c])) for c in name.text)
    assume(skeleton(exchanged) == skeleton(name.text))
    assert collide(name.text, accepted(exchanged).text)


# ---- The skeleton ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("paypal", "paypal"),
        ("раураl", "paypal"),
        ("I1l|", "llll"),
        ("m", "rn"),
        ("0O", "OO"),
        ("ѕсоре", "scope"),
        ("Ꮃ", "W"),
        ("ﬁ", "fi"),
        ("é", "e\u0301"),
        ("a\u200bb\u00ad\ufe0f", "ab"),
        ("ا", "l"),
        ("井", "井"),
    ],
)
def test_skeletons_are_those_of_tr39(text: str, expected: str) -> None:
    """The table derived from the package maps as Unicode's confusables.txt does."""
    assert expected == skeleton(text)


@given(st.text(CHARACTERS))
def test_skeletons_are_final(text: str) -> None:
    """A skeleton is its own skeleton but for m, whose prototype holds no m again."""
    assert skeleton(text) == skeleton(skeleton(text))


def test_reading_the_table_waits_for_the_first_name() -> None:
    """Importing reads no file; the table then has the 6,307 lines, prototypes all final."""
    script = (
        "import json; from chatroom.core import names; before = names._prototypes.cache_info();"
        "table = names._prototypes();"
        "print(json.dumps([before.currsize, len(table), "
        "[s for s, p in table.items() if any(table.get(ord(c), c) != c for c in p)]]))"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, env=path, capture_output=True, check=True)
    assert [0, 6307, []] == json.loads(output.stdout)


# ---- A free name -----------------------------------------------------------------


def keys_of(*names: str) -> set[str]:
    return {key for name in names for key in tag(name).keys}


@pytest.mark.parametrize(
    ("name", "present", "free"),
    [
        ("Bob", ["Bob"], "Bob 2"),
        ("BOB", ["bob", "Bob 2", "bоb 3"], "BOB 4"),  # with a Cyrillic o
        ("Bob 2", ["Bob 2"], "Bob 3"),
        ("Agent 47", ["Agent 47"], "Agent 48"),
        ("Bob", ["Bob", *(f"Bob {n}" for n in range(2, 10))], "Bob 17"),
        ("Al", ["Al", "AI 2"], "Al 3"),  # AI is A and capital I
        ("a" * 32, ["a" * 32], "a" * 30 + " 2"),
        # A middle dot may stand between two l only, so the cut cannot follow it.
        ("a" * 28 + "l·la", ["a" * 28 + "l·la"], "a" * 28 + "l 17"),
        ("a" * 29 + " bc", ["a" * 29 + " bc"], "a" * 29 + " 2"),
    ],
)
def test_a_free_name_is_like_the_wanted_one(name: str, present: list[str], free: str) -> None:
    """The suggestion is the name with the next number that nobody has or looks like."""
    taken = keys_of(*present)
    assert free == free_name(tag(name), taken, characters=32)
    assert free == free_name(tag(name), taken.__contains__, characters=32)


def test_the_search_for_a_free_name_ends() -> None:
    """If all is taken there is no suggestion, after a bounded number of tries."""
    asked: list[str] = []
    assert free_name(tag("Bob"), lambda key: not asked.append(key), characters=32) is None
    assert 18 == len(asked)


def test_no_free_name_where_no_number_fits() -> None:
    """With room for no letter beside the number, nothing is suggested."""
    assert free_name(name_tag("B", characters=2), {"b"}, characters=2) is None


@given(ANY)
def test_a_free_name_is_a_name(raw: str) -> None:
    """Whatever is suggested is accepted as it stands and collides with nothing present."""
    name = accepted(raw)
    free = free_name(name, set(name.keys), characters=32)
    assert free is None or free == tag(free).text
    assert free is None or not collide(free, name.text)
