// A browser without SharedWorker: a tab that is closed takes all with it, and is missed for a
// while. Who opens the link again at once waits for their own place; a reload is not seen at all.

import assert from "node:assert/strict";
import { browser, call, connected, done, hears, person, say, tab } from "../people.mjs";

const context = await browser.newContext({ ignoreHTTPSErrors: true });
await context.addInitScript(() => delete self.SharedWorker);
const bob = await person("Bob", "lobby");
const first = await person("Ann", "lobby", {}, context);
assert.equal(false, await first.evaluate(() => "SharedWorker" in self));
await first.reload();
await connected(first);
await say(first, "after the reload");
await hears(bob, "after the reload");
await first.close();
const again = await tab("/r/lobby", {}, context);
await connected(again);
assert.equal(true, await again.isHidden("#name-form"));
await again.locator("#members-list li", { hasText: "Ann (you)" }).waitFor();
const { messages } = await call("ListMessages", { room_id: "lobby" });
const moves = messages.filter(({ entered, left }) => entered || left);
assert.deepEqual(
  ["Bob came", "Ann came", "Ann LEAVE_REASON_LOST", "Ann came"],
  moves.map(({ name, left }) => `${name} ${left?.reason ?? "came"}`),
);
await done();
