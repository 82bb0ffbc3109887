"""Text of strangers on a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatroom.chatter.safe_text import MARKS, STACKED_MARKS, message_line, one_line, safe_text
from tests.chatter.hostile_text import (
    ANYTHING,
    BIDI,
    CONTROLS,
    INVISIBLE,
    JOINERS,
    NOT_CHARACTERS,
    SELECTORS,
    is_mark,
)
from tests.faults.scale import SOAK

GRAPHIC = "LMNPS"


def piles(text: str) -> list[str]:
    """Runs of characters that go into one cell, with what they are upon."""
    found = [""]
    for character in text:
        if is_mark(character) or character in JOINERS or character in SELECTORS:
            found[-1] += character
        else:
            found.append(character)
    return found


@given(ANYTHING)
@example("\x1b[31m\x9b\x7f\x85")
@example("\ud800\ufffe\U0010ffff")
@example("\u3164\u115f\u1160\uffa0\u034f\u17b4\u2065\U000e0041\U000e0100")
def test_nothing_a_terminal_obeys_is_left(text: str) -> None:
    """No control but newline and tab, no bidi control, nothing invisible, no non-character."""
    assert set() == set(safe_text(text)) & (CONTROLS | BIDI | INVISIBLE | NOT_CHARACTERS)
    safe_text(text).encode()


@given(ANYTHING)
def test_safe_text_is_left_alone(text: str) -> None:
    """What is safe already is not changed."""
    assert safe_text(text) == safe_text(safe_text(text))
    assert one_line(text) == one_line(one_line(text)) == safe_text(one_line(text))


@given(ANYTHING)
@example("\u0301" * 100)
@example("e" + "\u0301" * 100)
@example("ด" + "้็" * 50)
@example("ᄀ" + "ᅡ" * 50)
@example("\u200d्" * 50)
@example("☃" + "\ufe0f\ufe0e" * 50)
def test_marks_do_not_pile_up(text: str) -> None:
    """What is drawn in one cell is bounded, and upon something of the text's own."""
    nothing, *others = piles(safe_text(text))
    assert "" == nothing
    for pile in others:
        marks = [mark for mark in pile[1:] if mark not in JOINERS]
        assert len(marks) <= MARKS
        assert STACKED_MARKS >= sum(unicodedata.combining(mark) >= 200 for mark in marks)
        assert len(pile) <= 1 + 2 * MARKS + 1
        assert not marks or pile[0] not in " \n\t"


@given(ANYTHING)
def test_length_is_bounded(text: str) -> None:
    """At most a dotted circle is added, for each mark with nothing under it."""
    assert len(safe_text(text)) <= len(text) + sum(map(is_mark, text))


@given(ANYTHING)
def test_one_line_is_one_line(text: str) -> None:
    """A name never begins a second line, nor does a terminal see it so."""
    assert "\n" not in one_line(text)
    assert 1 == len(one_line(text + "x").splitlines())


@given(ANYTHING, ANYTHING)
def test_further_lines_are_indented(name: str, text: str) -> None:
    """Only the first line of a message begins where names begin."""
    _, *others = message_line(name, text).split("\n")
    assert all(line.startswith("    ") for line in others)


NAMES = st.text(st.sampled_from("Bob\"': "), max_size=12) | st.sampled_from(
    ["Bob", "Bob: hi", '"Bob: hi"', 'Bob: hi": x', "chatter", "CHATTER", "\u200b", "", ":", "Bob:"]
)

STARRED = st.text(st.sampled_from("*\u200b \u2800B"), max_size=6)


@given(NAMES | ANYTHING, NAMES, NAMES | ANYTHING)
def test_no_line_passes_for_another_members(name: str, other: str, text: str) -> None:
    """A line begins with what only a member of that name can have at its beginning."""
    head = message_line(other, "")
    if message_line(name, "") != head:
        assert not message_line(name, text).startswith(head)


@given(NAMES | ANYTHING, NAMES | ANYTHING)
def test_no_line_passes_for_the_programs(name: str, text: str) -> None:
    """No member's line begins as what chatter itself has to say."""
    assert not message_line(name, text).casefold().startswith("chatter: ")


@given(STARRED | NAMES | ANYTHING, NAMES | ANYTHING)
def test_no_line_passes_for_an_arrival_or_a_departure(name: str, text: str) -> None:
    """Only `* Bob has left the chat` begins with a star and a space."""
    assert not message_line(name, text).startswith("* ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Bob", "Bob: hi"),
        ("Bob:", "Bob:: hi"),
        ("12:30", "12:30: hi"),
        ('The "Duke"', 'The "Duke": hi'),
        ("Bob: I owe you", '"Bob: I owe you": hi'),
        ("Bob\u2236 I owe you", '"Bob\u2236 I owe you": hi'),
        ("chat server:\tclosed", '"chat server: closed": hi'),
        ("Chatter", '"Chatter": hi'),
        ('"Bob: hi"', "\"'Bob: hi'\": hi"),
        ("\u3164", '"": hi'),
        ("\u0301x", "\u25cc\u0301x: hi"),
        ("Zoe\u0308", "Zoe\u0308: hi"),
        ("\u2800Bob\u2800", "Bob: hi"),
        ("* Bob has left the chat", '"* Bob has left the chat": hi'),
        ("\u2217\u00a0Bob was removed", '"\u2217 Bob was removed": hi'),
        ("\u200e*\u200b Bob was removed", '"* Bob was removed": hi'),
        ("*Bob*", "*Bob*: hi"),
        ("*", "*: hi"),
    ],
)
def test_names_at_the_beginning_of_a_line(name: str, line: str) -> None:
    """A name is as it is, or in quotes when it could be read as name and text."""
    assert line == message_line(name, "hi")


@given(st.text(st.characters(categories=[*GRAPHIC, "Zs", "Co"], max_codepoint=0x10FFFF)))
def test_text_is_kept(text: str) -> None:
    """What has a shape stays: letters, digits, punctuation, symbols and spaces of every script."""
    text = "".join(mark for mark in text if not is_mark(mark) and mark not in INVISIBLE)
    assert text == safe_text(text)


WRITTEN = {
    "Latin": "Grüße, Zoë! Ça va? “Smørrebrød” — ½ €",
    "Latin, decomposed": unicodedata.normalize("NFD", "Tiếng Việt: ngữ pháp, Ṩ, ǟ"),
    "phonetic": "[ˈt͡ʃæ̃ːt̪̚], ɔ̰̃́",
    "Greek": "Ὅλοι οἱ ἄνθρωποι ᾧ",
    "Greek, decomposed": unicodedata.normalize("NFD", "ᾧ ΐ"),
    "Cyrillic": "Все люди, їжак; Слово҃",
    "Armenian": "Բոլոր մարդիկ։",
    "Georgian": "ყველა ადამიანი",
    "Hebrew": "כל בני האדם",
    "Hebrew with points": "בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים אֵ֥ת הַשָּׁמַ֖יִם יְרֽוּשָׁלִַ֗ם וַיִּשָּֽׁ֣א",
    "Arabic": "يُولَدُ جَمِيعُ النَّاسِ بِسْمِ ٱللَّهِ ٱلرَّحْمَـٰنِ ﷽",
    "Persian": "می‌خواهم",
    "Urdu": "تمام انسان",
    "Syriac": "ܟܠ ܒܪܢܫܐ",
    "Thaana": "ހުރިހާ އިންސާނުންވެސް",
    "N'Ko": "ߡߐ߱ ߓߍ߯ ߘߌ߫",
    "Devanagari": "सभी मनुष्यों को क्षत्रिय अ॒ग्निमी॑ळे क्‍ष ॐ नमः",
    "Bengali": "সমস্ত মানুষ র‍্যাব ক্ষ",
    "Gurmukhi": "ਸਾਰੇ ਮਨੁੱਖ",
    "Gujarati": "પ્રતિષ્ઠા અને",
    "Oriya": "ସମସ୍ତ ମନୁଷ୍ୟ",
    "Tamil": "மனிதப் பிறவி ஸ்ரீ",
    "Telugu": "ప్రతిపత్తి స్వత్వాలు",
    "Kannada": "ಎಲ್ಲಾ ಮಾನವರೂ",
    "Malayalam": "മനുഷ്യരെല്ലാവരും അവന്‍ പറഞ്ഞു",
    "Sinhala": "ශ්‍රී ලංකා",
    "Thai": "ผู้ใหญ่ที่น้ำ ปั๊มน้ำมัน ก็",
    "Lao": "ທັງໝົດ ເກີດ ຂຶ້ນ",
    "Tibetan": "འགྲོ་བ་མི་རིགས་ ཧཱུྃ ཧྐྵྨླྺྼྻྂ",
    "Burmese": "လူတိုင်း ကြွို့ မြန်မာ သွေ့",
    "Khmer": "មនុស្សទាំងអស់ ស្ត្រី ខ្ញុំ ក្រុមហ៊ុន",
    "Ethiopic": "የሰው፡ልጅ።",
    "Cherokee": "ᏂᎦᏓ ᎠᏂᏴᏫ",
    "Mongolian": "ᠬᠦᠮᠦᠨ ᠪᠦᠷ ᠨ᠋",
    "Chinese": "你好，世界。葛󠄀",
    "Japanese": "すべての人間は、ガギグ か\u3099",
    "Korean": "모든 인간은",
    "Korean, decomposed": unicodedata.normalize("NFD", "모든 인간은 값"),
    "Javanese": "ꦱꦧꦼꦤ꧀ꦲꦸꦮꦺꦴꦁ",
    "Balinese": "ᬓ᭄ᬱᬶ ᬩᬮᬶ",
    "Tai Tham": "ᨾᨶᩩᩔ᩼ ᨲ᩠ᩅᩫ ᩉ᩠ᨾᩪᩬ᩵",
    "emoji": "🙂 👩‍👩‍👧 ❤️‍🔥 👩🏽‍💻 🏳️‍🌈 🇧🇪 1️⃣ #️⃣ ☎︎",
    "symbols": "∑ ∂x ≤ ∞ → ▒ ┼ ⠓⠑⠽ \ue0b0",
    "lines": "tab\tand\nnewline\n\n  indented",
}
"""What people write, from simple to the most marks that a word has."""


@pytest.mark.parametrize("script", WRITTEN)
def test_people_may_write_their_languages(script: str) -> None:
    """What people write passes unchanged, joiners, selectors and piled marks included."""
    assert WRITTEN[script] == safe_text(WRITTEN[script])
    if script != "lines":
        assert WRITTEN[script] == one_line(WRITTEN[script])


def test_the_limits_of_marks_have_their_reason() -> None:
    """A Tibetan stack reaches MARKS; nothing else has more than 5, nor 3 stacked marks."""
    heights = {
        script: max(sum(map(is_mark, pile)) for pile in piles(text))
        for script, text in WRITTEN.items()
    }
    assert MARKS == heights.pop("Tibetan")
    assert 5 == max(heights.values())
    assert 3 == max(
        sum(unicodedata.combining(mark) >= 200 for mark in pile)
        for text in WRITTEN.values()
        for pile in piles(text)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200db", "ab"),
        ("\u200d🙂\u200d", "🙂"),
        ("🙂\u200d\u200d🙂", "🙂\u200d🙂"),
        ("🙂\u200d \u200d🙂", "🙂 🙂"),
        ("line\u2028break\u2029", "line\nbreak\n"),
        ("carriage\rreturn", "carriagereturn"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("\ud83d", "\ufffd"),
        ("\ufdd0\uffff\U0010fffe", "\ufffd\ufffd\ufffd"),
        ("Z" + "\u0335\u0301\u0316\u0334" * 9, "Z\u0335\u0301\u0316\u0334\u0335\u0301\u0316\u0334"),
        ("Z" + "\u0301" * 9 + "!", "Z\u0301\u0301\u0301\u0301!"),
        ("\u0301x", "\u25cc\u0301x"),
        ("x\n\u0301", "x\n\u25cc\u0301"),
        ("x \u20dd", "x \u25cc\u20dd"),
        ("\u1161", "\u25cc\u1161"),
        ("a\ufe0f", "a"),
        ("\ufe0fa", "a"),
        ("❤\ufe0f\ufe0f", "❤\ufe0f"),
        ("❤\U000e0100", "❤"),
        ("❤\u180b", "❤"),
        ("葛\U000e0100\U000e0101\ufe00", "葛\U000e0100"),
        ("x\U000e0061\U000e007f", "x"),
        ("so\u00adft", "soft"),
        ("\ufff9base\ufffaruby\ufffb", "baseruby"),
    ],
)
def test_what_misleads_is_dropped(text: str, expected: str) -> None:
    """Joiners and selectors with nothing to shape, separators, overrides, tags do not pass."""
    assert expected == safe_text(text)


def test_no_format_character_was_forgotten() -> None:
    """Of all characters of category Cf only the visible signs can be shown."""
    formats = (chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf")
    shown = {character for character in formats if safe_text(character)}
    signs = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"
    assert {*signs, "\U000110bd", "\U000110cd"} == shown


def characters() -> Iterator[int]:
    """All code points in soak; else those of the planes in use, and a part of the others."""
    for code in range(0x110000):
        used = code >> 16 in {0, 1, 14} or code & 0xFFFF >= 0xFFF0
        if SOAK or used or not code % 61:
            yield code


def test_every_character_alone() -> None:
    """Each is kept, upon a circle, replaced or dropped."""
    results = {}
    tried = [chr(code) for code in characters()]
    for character in tried:
        safe = safe_text(character)
        sort = {f"\u25cc{character}": "circled", "\ufffd": "replaced", "": "dropped"}
        sort |= {character: "kept"}
        results.setdefault(sort.get(safe, repr(safe)), set()).add(character)
    assert results.keys() == {"kept", "circled", "replaced", "dropped", r"'\n'"}
    assert {"\u2028", "\u2029"} == results[r"'\n'"]
    assert NOT_CHARACTERS | set(map(chr, range(0xD800, 0xE000))) == results["replaced"]
    assert CONTROLS | BIDI | INVISIBLE | set(JOINERS) | SELECTORS == results["dropped"]
    assert set(filter(is_mark, tried)) - SELECTORS - INVISIBLE == results["circled"]
