// A room where everybody may keep order: what is done there is seen by all, and what is withdrawn is gone.

import assert from "node:assert/strict";
import { act, browser, call, connected, done, heard, hears, person, say, tab } from "../people.mjs";
import { heldBy, heldByHub } from "../measures.mjs";

const SECRET = ["the safe opens", "with 4711"];
/** Open the menu of a message, as somebody does who has no mouse. */
async function openMenu(page, from) {
  await page.focus("#log");
  await page.keyboard.press("Enter");
  for (let at = 0; at < 20; at++) {
    const text = await page.evaluate(() => document.activeElement.closest(".row").textContent);
    if (text.includes(from)) {
      await page.keyboard.press("Tab");
      return page.keyboard.press("Enter");
    }
    await page.keyboard.press("ArrowUp");
  }
  throw new Error(`no menu of ${from}`);
}
const choose = (page, label) => page.click(`dialog[open] >> text="${label}"`);
const closed = (page) => page.waitForFunction(() => !document.querySelector("dialog[open]"));

const wide = { viewport: { width: 1200, height: 700 } };
const ann = await person("Ann", "lobby", wide);
const context = await browser.newContext(wide);
const bob = await person("Bob", "lobby", {}, context);

// Muted, by the member's menu; one's own composer says so; it is over when that is lifted.
const menuOf = (name) => ann.click(`#members [aria-label="Menu of ${name}"]`);
await say(bob, "good morning");
await menuOf("Bob");
await ann.fill("dialog[open] input", "too loud");
await choose(ann, "Mute");
await bob.locator("#muted").waitFor();
await hears(ann, "good morning");
await bob.locator("#log .notice", { hasText: "Bob was muted: too loud" }).waitFor();
await ann.locator("#members li", { hasText: "Bob muted" }).waitFor();
assert.ok(await bob.isDisabled("#send"));
assert.ok(!(await bob.isEditable("#text")));
const second = await tab("/r/lobby", {}, context);
await second.locator("#muted").waitFor();
await second.close();
await menuOf("Bob");
await choose(ann, "Let speak again");
await bob.locator("#muted").waitFor({ state: "hidden" });

// Withdrawn while it is on the screen: from the log, the wire drawer, what can be recalled, all memory.
await bob.click("#wire");
const secret = SECRET.join(" ");
await act("terminal", secret);
await hears(ann, SECRET[1]);
await bob.waitForFunction(() => document.querySelector("#drawer").textContent.includes("4711"));
await ann.click("#wire");
await say(ann, `I know: ${secret}`);
await bob.waitForFunction(() => document.querySelectorAll("#log .said").length === 3);
assert.ok(await heldBy(bob, SECRET), "what looks for it finds it");
assert.ok(await heldByHub(SECRET));
await openMenu(ann, secret);
await choose(ann, "Withdraw");
await closed(ann);
await openMenu(ann, "the safe");
await choose(ann, "Withdraw");
const marks = (page) =>
  page.waitForFunction(() => document.querySelectorAll("#log .withdrawn").length === 2);
for (const page of [ann, bob]) {
  await marks(page);
  assert.deepEqual(["Bob: good morning", "Cat: (withdrawn)", "Ann: (withdrawn)"], await heard(page));
  assert.ok(!(await page.evaluate(() => document.documentElement.outerHTML)).includes("4711"));
}
await ann.press("#text", "ArrowUp");
assert.equal("", await ann.inputValue("#text"));
assert.ok(!(await heldBy(bob, SECRET)));
assert.ok(!(await heldByHub(SECRET)));
await ann.click("#wire");

// After a reload, and for who comes later, the mark stands in its place.
await bob.reload();
await connected(bob);
await marks(bob);
assert.deepEqual(["Bob: good morning", "Cat: (withdrawn)", "Ann: (withdrawn)"], await heard(bob));

// The room itself: its title, and who may come.
await ann.click("#orders");
await ann.fill("dialog[open] input", "Quiet room");
await choose(ann, "Save the title");
await bob.locator("#title", { hasText: "Quiet room" }).waitFor();
await closed(ann);
await ann.click("#orders");
assert.equal("Quiet room", await ann.inputValue("dialog[open] input"));
await ann.fill("dialog[open] input", "A title that is not saved");
await choose(ann, "Close to newcomers");
await bob.locator("#closed").waitFor();
assert.equal("Quiet room", await bob.textContent("#title"));
await closed(ann);
await ann.click("#orders");
assert.equal("Quiet room", await ann.inputValue("dialog[open] input"));
await ann.keyboard.press("Escape");
const dan = await tab("/r/lobby");
await dan.fill("#name", "Dan");
await dan.press("#name", "Enter");
await dan.locator("#ending h2", { hasText: "Closed to newcomers" }).waitFor();
await ann.click("#orders");
await choose(ann, "Invite one person for a week");
await ann.waitForFunction(() => /#token=inv_/.test(document.querySelector("#share-link").value));
await ann.waitForFunction(() => {
  const code = document.querySelector("#share-code");
  return code.complete && code.naturalWidth && code.src.startsWith("data:");
});
const link = new URL(await ann.inputValue("#share-link"));
await ann.keyboard.press("Escape");
await dan.goto("about:blank");
await dan.goto(link.href);
assert.equal(`${link.origin}/r/lobby`, dan.url());
await dan.fill("#name", "Dan");
await dan.press("#name", "Enter");
await connected(dan);
const eve = await tab(link.pathname + link.hash);
await eve.fill("#name", "Eve");
await eve.press("#name", "Enter");
await eve.locator("#ending h2", { hasText: "used up" }).waitFor();
await eve.click("#ending >> text=Try without it");
await eve.locator("#name-form").waitFor();
await ann.click("#orders");
await choose(ann, "Open to newcomers");
await bob.locator("#closed").waitFor({ state: "hidden" });

// Removed, then banned while in the room.
await menuOf("Dan");
await choose(ann, "Remove");
await dan.locator("#ending h2", { hasText: "You were removed" }).waitFor();
await menuOf("Bob");
await ann.fill("dialog[open] input", "spam");
await choose(ann, "Ban for an hour");
await bob.locator("#ending h2", { hasText: "You are banned" }).waitFor();
assert.match(await bob.textContent("#ending p"), /^you are banned until .* UTC: spam \(.*\)$/);
await bob.click("#ending >> text=Join again");
await bob.locator("#ending h2", { hasText: "You are banned" }).waitFor();
const { bans } = await call("/rpc.ModerationService/ListBans", { room_id: "lobby" });
assert.equal(2, bans.length);
await done();
