// The states of a room that is kept in order, on a large screen and on a small one.

import assert from "node:assert/strict";
import { browser, call, connected, done, hears, person, say, tab } from "../people.mjs";
import { found, look } from "../looking.mjs";

const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
const small = { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true };
const ann = await person("Ann", "tea", {}, context);
const phone = await person("Björn", "tea", small);
const eve = await person("Eve with a name that is long", "tea");
await say(ann, "Good morning");
await say(eve, "Cheap watches! https://example.com/watches");
await say(phone, "Oh no. Not that again, please: it has been the same with every message since yesterday");
await say(phone, "and before");
await hears(ann, "and before");
await hears(phone, "and before");

const moderate = (method, request) => call(`/rpc.ModerationService/${method}`, { room_id: "tea", ...request });
await moderate("SetMember", { name: "Eve with a name that is long", muted: true, reason: "spam" });
await eve.locator("#muted").waitFor();
await look(eve, "muted");
await ann.focus("#log");
await ann.keyboard.press("Enter");
await look(ann, "handle");
await ann.keyboard.press("Tab");
await ann.keyboard.press("Enter");
await ann.locator("dialog[open]").waitFor();
await look(ann, "withdraw");
await ann.keyboard.press("Escape");
await ann.click('#members [aria-label^="Menu of Eve"]');
await ann.locator("dialog[open]").waitFor();
await look(ann, "member");
await ann.keyboard.press("Escape");
await ann.click("#orders");
await ann.locator("dialog[open]").waitFor();
await look(ann, "keep-order");
await ann.keyboard.press("Escape");

await call("UpdateChatRoom", { room_id: "tea", title: "Tea at four", closed_to_newcomers: true });
await moderate("WithdrawMessage", { sequence: 5 });
for (const page of [ann, phone]) await page.locator("#log .withdrawn").waitFor();
await look(ann, "withdrawn");
await phone.locator("#log .said").last().tap();
await phone.waitForFunction(() => getComputedStyle(document.querySelector(".handle")).opacity === "1");
await look(phone, "phone-withdrawn");
await phone.tap("#members-toggle");
await look(phone, "phone-members");
await phone.tap('#members [aria-label^="Menu of Eve"]');
await phone.locator("dialog[open]").waitFor();
await look(phone, "phone-member");
await phone.fill("dialog[open] input", "spam");
await phone.tap("dialog[open] >> text=Ban for a day");
await eve.locator("#ending h2", { hasText: "banned" }).waitFor();
await look(eve, "banned");
await phone.tap("#orders");
await phone.locator("dialog[open]").waitFor();
await look(phone, "phone-keep-order");
await phone.tap("dialog[open] >> text=Invite anybody");
await phone.waitForFunction(() => document.querySelector("#share-code").naturalWidth);
await look(phone, "phone-invitation");

for (const [name, token] of Object.entries({ newcomer: "", invalid: "inv_AAAAAAAAAAAAAAAAAAAAAA" })) {
  const page = await tab(`/r/tea#token=${token}`, small);
  await page.fill("#name", "Dan");
  await page.press("#name", "Enter");
  await page.locator("#ending h2").waitFor();
  await look(page, name);
}
await ann.reload();
await connected(ann);
await ann.locator("#log .withdrawn").waitFor();
assert.deepEqual([], found);
await done();
