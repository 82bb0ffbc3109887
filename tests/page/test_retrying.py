"""What the page tries again: what the table of docs/retrying.md says."""

from __future__ import annotations

import json

from chatroom.client.retry import RULES, Rule, Stream
from tests.interop.programs import output, tool
from tests.page.playing import PAGE

DECIDE = """
const { decision } = await import(process.argv[1]);
console.log(JSON.stringify(JSON.parse(process.argv[2]).map(decision)));
"""
CONNECTION_OF_ITS_OWN = "STREAMS_EXHAUSTED"
"""For whoever can open another connection, which a page cannot."""


def failure(rule: Rule) -> dict[str, str]:
    """The failure that a rule is about, with the code as Connect writes it."""
    code = "canceled" if rule.code == "CANCELLED" else rule.code.lower()
    return {"code": code, "reason": "SOMETHING_NEW" if rule.reason == "*" else rule.reason}


def test_the_page_decides_by_the_table() -> None:
    """For each row; a page has no source of new tokens."""
    rules = [rule for rule in RULES if rule.reason != CONNECTION_OF_ITS_OWN]
    words = {Stream.RETRY: "yes", Stream.BRIEFLY: "briefly"}
    expected = {(rule.code, rule.reason): words.get(rule.stream, "no") for rule in rules}
    asked = json.dumps([failure(rule) for rule in rules])
    module = (PAGE / "hub" / "retry.js").as_uri()
    answers = json.loads(
        output(tool("node"), "--input-type=module", "--eval", DECIDE, module, asked)
    )
    assert expected == {
        (rule.code, rule.reason): answer for rule, answer in zip(rules, answers, strict=True)
    }
