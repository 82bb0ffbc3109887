// Tabs of twelve rooms and one origin, over HTTP/1.1: more than there are connections.

import assert from "node:assert/strict";
import { act, browser, connected, done, hears, person, say, tab } from "../people.mjs";

const LIVE = ["r1", "r2", "r3", "r4"];
const context = await browser.newContext();
const rooms = [];
for (const room of LIVE) rooms.push(await person("Ann", room, {}, context));
for (let number = LIVE.length + 1; number <= 12; number++) {
  const page = await tab(`/r/r${number}`, {}, context);
  await page.fill("#name", "Ann");
  await page.press("#name", "Enter");
  await page.waitForSelector("#state[data-phase=polling]");
  rooms.push(page);
}
assert.deepEqual(LIVE, await act("streams"));
for (const page of rooms.slice(LIVE.length)) {
  assert.equal(true, await page.isVisible("#polling"));
  assert.equal(LIVE.join(", "), await page.textContent("#polling-rooms"));
  assert.equal(false, await page.isVisible("#text"), "who reads along cannot talk");
}
const bob = await person("Bob", "r6");
await say(bob, "to who only reads along");
await hears(rooms[5], "to who only reads along");
await bob.click("#leave");
await bob.locator(".room-line").first().waitFor();

// A room is closed: the next one has its stream.
await rooms[0].close();
await connected(rooms[4]);
assert.deepEqual(["r2", "r3", "r4", "r5"], await act("streams"));
await done();
