// The linkifier, whatever it is given.

import assert from "node:assert/strict";

const { pieces } = await import(new URL("../../../src/chatroom/page/room/pieces.js", import.meta.url));
const PARTS = [
  "http://", "https://", "HTTPS://", "javascript:", "data:text/html,", "//", "@", "Ann", "ann", "`", "(", ")", "[", "]",
  "example.com", "a", ".", ",", "!", "?", '"', "'", "<", ">", " ", "\n", "\u202E", "\u200B", "é", "\u0301", "\ud800", "%",
  "%00", ":", "8080", "#", "\\", "user:pw@", "[::1]", "。", "xn--", "\0",
];
let seed = Number(process.env.SEED ?? 1);
const random = (below) => (seed = (seed * 48271) % 2147483647) % below;

for (let round = 0; round < 20_000; round++) {
  const text = Array.from({ length: random(14) }, () => PARTS[random(PARTS.length)]).join("");
  const found = pieces(text, ["", "Ann", "a.*(", "\\"][random(4)]);
  assert.equal(text, found.map((piece) => piece.text).join(""), JSON.stringify(text));
  for (const { kind, text: shown, href } of found) {
    if (kind !== "link") continue;
    assert.match(href, /^https?:\/\/[^/]/, JSON.stringify(text));
    assert.match(shown, /^https?:\/\//i);
    assert.doesNotMatch(shown, /[\s<>"`\p{Cc}\p{Cf}]/u, JSON.stringify(text));
    assert.equal(new URL(shown).href, href);
  }
}
const links = (text) => pieces(text, "").filter(({ kind }) => kind === "link").map(({ text: shown }) => shown);
assert.deepEqual(["https://a.example/x"], links("see https://a.example/x."));
assert.deepEqual(["https://a.example/x_(y)"], links("(https://a.example/x_(y))"));
assert.deepEqual([], links("xhttps://a.example `https://a.example` ftp://a.example https://"));
const begun = performance.now();
links(`https://a.example/${"(".repeat(2000)}${")".repeat(2090)}`);
links(`https://a.example/${").".repeat(2040)}`);
assert.ok(performance.now() - begun < 100, "a text of the largest size takes no time");
process.exit(0);
