// Texts that want to be more than text.

import assert from "node:assert/strict";
import { act, call, done, hears, person } from "../people.mjs";

const ann = await person("Ann", "lobby", { viewport: { width: 390, height: 780 } });
const texts = [
  '<img src=x onerror="alert(1)"><script>alert(2)</script>',
  "javascript:alert(1) data:text/html,<script>alert(1)</script> vbscript:x file:///etc/passwd",
  "https://example.com/\u202Egnp.exe and \u202Ereversed\u202D \u2066open",
  "👨‍👩‍👧‍👦".repeat(160),
  `a${"\u0301".repeat(200)}b`,
  "w".repeat(4096),
  `https://example.com/${")".repeat(4000)}`,
  "` `` ``` `",
  "the last",
];
for (const text of texts) assert.equal("ok", await act("terminal", text));
await hears(ann, "the last");
assert.equal(texts.length, await ann.locator("#log .said").count());
assert.equal(0, await ann.locator("#log img, #log script").count());
const links = await ann.$$eval("#log a", (anchors) => anchors.map((anchor) => anchor.href));
assert.deepEqual(["https://example.com/", "https://example.com/"], links);
const shown = await ann.$$eval("#log .text", (rows) => rows.map((row) => row.textContent));
assert.deepEqual(texts.slice(0, 7), shown.slice(0, 7));
const { wide, high } = await ann.evaluate(() => ({
  wide: document.documentElement.scrollWidth - innerWidth,
  high: document.documentElement.scrollHeight - innerHeight,
}));
assert.equal(0, Math.max(wide, high, 0), "nothing sticks out of the page");
const sideways = await ann.$$eval("#scroller, #log .text", (boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth).length);
assert.equal(0, sideways, "nothing is cut off at its end");
const { messages } = await call("ListMessages", { room_id: "lobby" });
assert.deepEqual(texts, messages.filter(({ nonce }) => nonce).map(({ message }) => message).slice(-texts.length));
await done();
