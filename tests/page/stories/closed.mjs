// A room is deleted, with and without a successor, and there is no such room.

import assert from "node:assert/strict";
import { call, done, person, tab } from "../people.mjs";

const ann = await person("Ann", "old");
await call("DeleteChatRoom", { room_id: "old", successor: "lobby" });
await ann.locator("#ending h2", { hasText: "This room was closed" }).waitFor();
assert.equal(false, await ann.isVisible("#composer"));
await ann.click("#ending >> text=Go on in lobby");
await ann.waitForURL("**/r/lobby");

const bob = await tab("/r/nowhere");
await bob.fill("#name", "Bob");
await bob.press("#name", "Enter");
await bob.locator("#ending h2", { hasText: "There is no such room" }).waitFor();
await bob.click("#ending >> text=All rooms");
await bob.locator(".room-line", { hasText: "lobby" }).waitFor();
await done();
