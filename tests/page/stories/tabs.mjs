// Many tabs of one origin over HTTP/1.1: of one room, and of more rooms than there are connections.

import assert from "node:assert/strict";
import { browser, call, done, hears, person, say, tab } from "../people.mjs";

const context = await browser.newContext();
const first = await person("Ann", "r1", {}, context);
const others = [];
for (let index = 0; index < 11; index++) others.push(await tab("/r/r1", {}, context));
for (const each of others) await each.waitForSelector("#state[data-phase=live]");
await say(others[4], "to all of them");
for (const each of [first, ...others]) await hears(each, "to all of them");
assert.deepEqual(["Ann"], (await call("ListMembers", { room_id: "r1" })).members.map(({ name }) => name));
for (const each of others) await each.close();

const rooms = [first];
for (let index = 2; index <= 12; index++) {
  const page = await tab(`/r/r${index}`, {}, context);
  await page.fill("#name", "Ann");
  await page.press("#name", "Enter");
  await page.waitForSelector(`#state[data-phase=${index <= 4 ? "live" : "polling"}]`);
  rooms.push(page);
}
assert.equal(true, await rooms[5].isVisible("#polling"));
const bob = await person("Bob", "r6");
await say(bob, "to who only reads along");
await hears(rooms[5], "to who only reads along");
await first.close();
await rooms[4].waitForSelector("#state[data-phase=live]", { timeout: 20_000 });
await done();
