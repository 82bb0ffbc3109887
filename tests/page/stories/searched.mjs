// Search: from the keyboard, page by page, with marks; a result leads to its message.

import assert from "node:assert/strict";
import { call, done, hears, person, say } from "../people.mjs";
import { inhabit } from "../inhabitants.mjs";
import { found, look } from "../looking.mjs";
import { heldBy } from "../measures.mjs";

const SECRET = ["the safe opens", "with 4711"];
const HOSTILE = '<img src=x onerror=alert(1)> Kettle </button>';
const session = await inhabit("lobby", "ci");
const send = async (message) => (await call("SendMessage", { session, message: { message } })).sequence;
const first = await send(`Where is the ${"kettle, the green kettle, ".repeat(30)}?`);
for (let number = 1; number <= 150; number++) await send(`line ${number}${number % 5 ? "" : " of Kettles and kéttle"}`);
await send("東京タワー");
await send(HOSTILE);
const hidden = await send(SECRET.join(" "));
const ann = await person("Ann", "lobby", { viewport: { width: 1000, height: 700 }, reducedMotion: "reduce" });
await say(ann, "/me boils a KETTLE");
await hears(ann, "boils");
const results = () => ann.$$eval("#found li", (lines) => lines.map((line) => line.querySelector("bdi").textContent));
const marks = () => ann.$$eval("#found mark", (all) => [...new Set(all.map((mark) => mark.textContent))]);
const note = (text) => ann.locator("#found-note", { hasText: text }).waitFor();
const search = async (words) => {
  await ann.fill("#words", words);
  await ann.press("#words", "Enter");
};

await ann.focus("#search-open");
await ann.keyboard.press("Enter");
await ann.waitForFunction(() => document.activeElement.id === "words");
await ann.keyboard.type("Kettle");
await ann.keyboard.press("Enter");
await note("The newest 20 found");
assert.equal("Ann", (await results())[0]);
assert.deepEqual(["KETTLE", "Kettle", "kéttle"], await marks());
assert.equal(HOSTILE, await ann.locator("#found li", { hasText: "onerror" }).locator("[data-to]").textContent());
assert.equal(0, await ann.locator("#found img").count());
await look(ann, "search");
await ann.click("#found-more");
await note(/^33 found/);
assert.equal(false, await ann.isVisible("#found-more"));

// A result leads to its message: the oldest, which is not loaded.
assert.equal(0, await ann.locator(`#log [data-sequence="${first}"]`).count());
await ann.locator("#found button").last().focus();
await ann.keyboard.press("Enter");
await ann.locator(`#log .row:focus[data-sequence="${first}"]`).waitFor();
assert.equal(first, await ann.evaluate(() => document.activeElement.dataset.sequence));
assert.equal(false, await ann.isVisible("#search-dialog"));

// In other words.
await ann.click("#search-open");
await search('"line 20" from:ci');
await note(/^1 found/);
assert.deepEqual(["line", "20"], await marks());
await search("東京");
await note(/^1 found/);
await search("from:nobody kettle");
await note("Nothing was found");
await search("?!");
await note("a query needs a word to look for");
await search("from:");
await note("from: needs a name");
assert.deepEqual([], await results());

// What is withdrawn is gone from what was found.
await search("safe");
await note(/^1 found/);
await call("/rpc.ModerationService/WithdrawMessage", { room_id: "lobby", sequence: hidden });
await ann.locator("#found li", { hasText: "(withdrawn)" }).waitFor();
assert.ok(!(await heldBy(ann, SECRET)), "the text is in the page");
await ann.keyboard.press("Escape");

// On a small screen.
const phone = await person("Björn", "lobby", { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
await phone.tap("#search-open");
await phone.fill("#words", "kettles");
await phone.tap("#find button");
await phone.locator("#found-note", { hasText: "The newest 20" }).waitFor();
await look(phone, "phone-search");
assert.deepEqual([], found);
await done();
