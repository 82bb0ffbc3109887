// The last tab of a room is closed: the others are told soon, and that it was no lost connection.
// A tab that is loaded again, and one that was not the last, are no departure.

import assert from "node:assert/strict";
import { browser, call, connected, done, hears, person, say, tab } from "../people.mjs";

const LINGER = 5_000; // ms that a room is kept without a tab
const GRACE = 15_000; // ms after which a lost member is given up

const bob = await person("Bob", "lobby");
const context = await browser.newContext();
const ann = await person("Ann", "lobby", {}, context);
const other = await tab("/r/lobby", {}, context);
await connected(other);
await ann.reload();
await connected(ann);
await other.close();
await ann.waitForTimeout(LINGER + 1_000); // nothing is to happen
await say(ann, "still here");
await hears(bob, "still here");
await ann.reload();
await connected(ann);
assert.equal(0, await bob.locator("#log .notice", { hasText: "left" }).count());
await ann.close();
await bob.locator("#log .notice", { hasText: "Ann left" }).waitFor({ timeout: GRACE - 3_000 });
const { messages } = await call("ListMessages", { room_id: "lobby" });
const moves = messages.filter(({ entered, left }) => entered || left);
assert.deepEqual(
  ["Bob came", "Ann came", "Ann LEAVE_REASON_QUIT"],
  moves.map(({ name, left }) => `${name} ${left?.reason ?? "came"}`),
);
await done();
