// Answers: begun from the keyboard and with a tap, drawn with what they answer, which a click leads to.

import assert from "node:assert/strict";
import { call, connected, done, hears, person, say } from "../people.mjs";
import { inhabit } from "../inhabitants.mjs";
import { found, look } from "../looking.mjs";
import { heldBy } from "../measures.mjs";

const MESSAGES = 130; // more than are loaded at first
const SECRET = ["the safe opens", "with 4711"];
const session = await inhabit("lobby", "ci");
const send = (message) => call("SendMessage", { session, message });
await send({ message: "Who has the key?\nIt is a small one." });
for (let number = 1; number <= MESSAGES; number++) await send({ message: `line ${number}` });
const ann = await person("Ann", "lobby", { viewport: { width: 1000, height: 700 }, reducedMotion: "reduce" });
await hears(ann, `line ${MESSAGES}`);
const bob = await person("Bob", "lobby", { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
await hears(bob, `line ${MESSAGES}`);

/** Begin an answer with the keyboard alone: to the message with this text. */
async function answer(page, text) {
  await page.focus("#log");
  await page.keyboard.press("Enter");
  for (let at = 0; at < 20; at++) {
    const found = await page.evaluate(() => document.activeElement.closest(".row").querySelector(".text").textContent);
    if (found === text) return page.keyboard.press("Enter");
    await page.keyboard.press("ArrowUp");
  }
  throw new Error(`no message ${text}`);
}
const quoteOf = (page, text) => page.locator("#log .said", { hasText: text }).last().locator(".quote");
const quotes = (page, text, quoted) => page.waitForFunction(
  ([wanted, words]) => [...document.querySelectorAll("#log .said")].some((row) =>
    row.querySelector(".text").textContent === wanted && row.querySelector(".quote")?.textContent === words),
  [text, quoted],
);

// With the keyboard; Escape ends it, and what is said then answers nothing.
await answer(ann, `line ${MESSAGES - 2}`);
assert.equal(`Reply to ci: line ${MESSAGES - 2}`, await ann.locator("#replying .quote").innerText());
assert.equal("text", await ann.evaluate(() => document.activeElement.id));
await ann.keyboard.press("Escape");
await ann.locator("#replying").waitFor({ state: "hidden" });
await say(ann, "no answer");
await hears(bob, "no answer");
await answer(ann, `line ${MESSAGES - 1}`);
await say(ann, "an answer");
await quotes(ann, "an answer", `ci: line ${MESSAGES - 1}`);
await quotes(bob, "an answer", `ci: line ${MESSAGES - 1}`);
await ann.locator("#replying").waitFor({ state: "hidden" });
const stored = (await call("ListMessages", { room_id: "lobby" })).messages;
assert.deepEqual(["an answer"], stored.filter(({ in_reply_to }) => in_reply_to).map(({ message }) => message));

// With a tap; by what one does.
await bob.locator("#log .said", { hasText: "no answer" }).tap();
await bob.tap('#log [aria-label="Reply"]');
await bob.locator("#replying", { hasText: "Ann: no answer" }).waitFor();
await say(bob, "/me nods");
await quotes(ann, "nods", "Ann: no answer");
assert.equal(0, await ann.locator("#log .action.follows").count());

// To what is not loaded: its words are fetched, and a click loads and shows it.
const oldest = (await call("ListMessages", { room_id: "lobby", after: "0" })).messages.find(({ message }) => message?.startsWith("Who"));
await send({ message: "about the key", in_reply_to: oldest.sequence });
await quotes(ann, "about the key", "ci: Who has the key?\nIt is a small one.");
assert.equal(0, await ann.locator(`#log [data-sequence="${oldest.sequence}"]`).count());
await quoteOf(ann, "about the key").focus();
await ann.keyboard.press("Enter");
await ann.locator("#log .row:focus", { hasText: "Who has the key?" }).waitFor();
assert.equal(oldest.sequence, await ann.evaluate(() => document.activeElement.dataset.sequence));
assert.equal("none", await ann.evaluate(() => getComputedStyle(document.activeElement).animationName));
const { top, bottom } = await ann.locator("#log .row:focus").evaluate((row) => row.getBoundingClientRect().toJSON());
assert.ok(top >= 0 && bottom <= 700, `it is at ${top} to ${bottom}`);

// From there on everything up to the end can be reached, and answered.
await ann.keyboard.press("Enter");
await ann.keyboard.press("Enter");
await ann.locator("#replying", { hasText: "Who has the key?" }).waitFor();
await say(ann, "I have it");
await quotes(ann, "I have it", "ci: Who has the key?\nIt is a small one.");
await quotes(bob, "I have it", "ci: Who has the key?\nIt is a small one.");
assert.ok((await ann.locator("#log .said").last().textContent()).includes("I have it"));

// What is not there says so, and leaves everything where it is.
await send({ message: "to nothing", in_reply_to: 999_999 });
await quotes(ann, "to nothing", "a message that is not kept any more");
await quoteOf(ann, "to nothing").click();
await ann.locator("#trouble", { hasText: "not kept any more" }).waitFor();
await hears(ann, "to nothing");

// What is withdrawn is gone from what quotes it too, and from what is being answered.
await send({ message: SECRET.join(" ") });
await hears(bob, SECRET[1]);
await bob.locator("#log .said", { hasText: SECRET[0] }).tap();
await bob.tap('#log [aria-label="Reply"]');
await say(bob, "really?");
await quoteOf(ann, "really?").filter({ hasText: SECRET[1] }).waitFor();
await bob.locator("#log .said", { hasText: SECRET[0] }).first().tap();
await bob.tap('#log [aria-label="Reply"]');
await bob.locator("#replying", { hasText: SECRET[1] }).waitFor();
await look(bob, "phone-answer");
const { messages } = await call("ListMessages", { room_id: "lobby" });
const { sequence } = messages.find(({ message }) => message === SECRET.join(" "));
await call("/rpc.ModerationService/WithdrawMessage", { room_id: "lobby", sequence });
for (const page of [ann, bob]) {
  await page.locator("#log .withdrawn").waitFor();
  await quotes(page, "really?", "(withdrawn)");
  assert.ok(!(await page.evaluate(() => document.documentElement.outerHTML)).includes(SECRET[1]));
}
assert.ok(!(await heldBy(ann, SECRET)), "the text is in the page");
await bob.locator("#replying", { hasText: "(withdrawn)" }).waitFor();
await ann.reload();
await connected(ann);
await quotes(ann, "really?", "ci: (withdrawn)");
assert.deepEqual([], found);
await done();
