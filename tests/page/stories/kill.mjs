// The server is killed and started again while two talk, one of them all the time.

import assert from "node:assert/strict";
import { act, call, connected, done, heard, hears, person, say } from "../people.mjs";

const ann = await person("Ann", "lobby");
const bob = await person("Bob", "lobby");
let number = 0;
const some = async (count) => {
  for (let index = 0; index < count; index++) await say(ann, `message ${(number += 1)}`);
};
for (let round = 0; round < 3; round++) {
  await some(4);
  // What is said to it now is on its way when it dies.
  await act("freeze");
  await some(2);
  await ann.locator("#pending .row").first().waitFor();
  await act("kill");
  await ann.waitForSelector("#state[data-phase=lost]");
  await some(4);
  await act("restart");
  await connected(ann);
  await connected(bob);
  await some(2);
}
await hears(bob, `message ${number}`);
await hears(ann, `message ${number}`);
const expected = Array.from({ length: number }, (_, index) => `Ann: message ${index + 1}`);
assert.deepEqual(expected, await heard(bob));
assert.deepEqual(expected, await heard(ann));
const { messages } = await call("ListMessages", { room_id: "lobby", page_size: 1000 });
const moves = messages.filter(({ entered, left }) => entered || left);
assert.deepEqual(["Ann", "Bob"], moves.map(({ name }) => name), "nobody saw them leave");

// A page that is loaded again goes on with its session: the others see nothing of it.
await ann.reload();
await connected(ann);
await say(ann, "after the reload");
await hears(bob, "after the reload");
assert.equal(1, await bob.locator("#log .notice").count());
await done();
