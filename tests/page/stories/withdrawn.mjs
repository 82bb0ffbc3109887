// Withdrawn while nothing comes through: what one has just said, and what all have read.

import assert from "node:assert/strict";
import { act, callAt, connected, done, heard, hears, person, say } from "../people.mjs";
import { heldBy, heldByHub } from "../measures.mjs";

const { DIRECT } = process.env;
const SECRET = ["the safe opens", "with 4711"];
const ann = await person("Ann", "lobby");
const bob = await person("Bob", "lobby");
await say(ann, "read by all");
await hears(bob, "read by all");
await bob.click("#wire");

await act("deafen");
await ann.focus("#text");
await ann.keyboard.type(SECRET.join(" "));
await ann.keyboard.press("Enter");
await ann.locator("#pending .row").waitFor();
assert.ok(await heldBy(ann, SECRET));
let messages = [];
while (messages.length < 2) {
  const page = await callAt(DIRECT, "ListMessages", { room_id: "lobby" });
  messages = page.messages.filter(({ message, entered }) => message && !entered);
}
for (const { sequence } of messages) {
  await callAt(DIRECT, "/rpc.ModerationService/WithdrawMessage", { room_id: "lobby", sequence });
}
await act("break");
await act("mend");
await connected(ann);
await connected(bob);
for (const page of [ann, bob]) {
  await page.waitForFunction(() => document.querySelectorAll("#log .withdrawn").length === 2);
  assert.deepEqual(["Ann: (withdrawn)", "Ann: (withdrawn)"], await heard(page));
  assert.equal(0, await page.locator("#pending .row").count());
  assert.ok(!(await heldBy(page, SECRET)), "the text is in a page");
  assert.ok(!(await heldByHub(SECRET)), "the text is in a worker");
}
await done();
