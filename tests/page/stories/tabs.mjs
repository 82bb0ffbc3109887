// Twelve tabs of one room and one origin, over HTTP/1.1.

import assert from "node:assert/strict";
import { act, browser, call, connected, done, hears, person, say, tab } from "../people.mjs";

const context = await browser.newContext();
const first = await person("Ann", "r1", {}, context);
const others = [];
for (let index = 0; index < 11; index++) others.push(await tab("/r/r1", {}, context));
for (const each of others) await connected(each);
await say(others[4], "to all of them");
for (const each of [first, ...others]) await hears(each, "to all of them");
assert.deepEqual(["r1"], await act("streams"));
const { messages } = await call("ListMessages", { room_id: "r1" });
assert.equal(1, messages.filter(({ entered }) => entered).length);

// A tab with another name has a stream of its own; with a token it is not even the same person.
await first.evaluate(() => localStorage.setItem("rooms", JSON.stringify([{ id: "r1", name: "Bea" }])));
const bea = await tab("/r/r1", {}, context);
await connected(bea);
assert.deepEqual(["r1", "r1"], await act("streams"));
const other = await tab("/r/r1#token=abc", {}, context);
await other.locator("#state[data-phase=lost]", { hasText: "Bea" }).waitFor();
await other.close();
await bea.click("#leave");
await bea.locator(".room-line").first().waitFor();
await done();
