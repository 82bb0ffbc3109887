// Three talk all the time, while the server is killed and the line is silent, or broken, for 10 s.

import assert from "node:assert/strict";
import { act, call, callAt, connected, done, heard, hears, person, say } from "../people.mjs";

const CUT = 10_000; // ms
const EVERY = 1_000; // ms between what each of them says

const ann = await person("Ann", "lobby");
const bob = await person("Bob", "lobby");
let number = 0;

async function talk(times) {
  for (let time = 0; time < times; time++) {
    number += 1;
    await say(ann, `${number}`);
    await say(bob, `${number}`);
    await act("say", `${number}`);
  }
}

/** They talk until so much time has passed since it began. */
async function talkFor(milliseconds) {
  for (let end = Date.now() + milliseconds; Date.now() < end; ) {
    await talk(1);
    await new Promise((next) => setTimeout(next, Math.min(EVERY, Math.max(0, end - Date.now()))));
  }
}

/** Everybody has heard everything: all say something, and hear it of the others. */
async function settle() {
  await talk(1);
  for (const page of [ann, bob]) {
    await connected(page);
    for (const name of ["Ann", "Bob", "Cat"]) {
      await page.waitForFunction(
        ([who, what]) => [...document.querySelectorAll("#log .message")].some(
          (row) => row.querySelector(".who").textContent === who && row.querySelector(".text").textContent === what,
        ),
        [name, `${number}`],
      );
    }
  }
  await act("hear", `Ann: ${number}`);
  return act("hear", `Bob: ${number}`);
}

async function entries() {
  const { messages, more } = await call("ListMessages", { room_id: "lobby", page_size: 1000 });
  assert.equal(undefined, more);
  return messages;
}

async function kill() {
  // What is said to it now is on its way when it dies.
  await act("freeze");
  await talk(1);
  for (const page of [ann, bob]) await page.locator("#pending .row").first().waitFor();
  await act("kill");
  for (const page of [ann, bob]) await page.waitForSelector("#state[data-phase=lost]");
  await talk(4);
  await act("restart");
}

await talk(4);
await kill();
await settle();
await kill();
await talk(2); // while they come back
await settle();

await act("silence");
await talkFor(CUT / 2);
await bob.evaluate(() => dispatchEvent(new Event("online"))); // his network has changed: he asks
await talkFor(CUT / 2);
await act("resume");
await settle();
const moves = (await entries()).filter(({ entered, left }) => entered || left);
assert.deepEqual(["Ann", "Bob", "Cat"], moves.map(({ name }) => name).sort(), "nobody was seen leaving");

// What is said now is stored, and its answer is lost: it is said again.
await act("deafen");
await talk(2);
const deaf = number - 1;
for (;;) {
  const { messages } = await callAt(process.env.DIRECT, "ListMessages", { room_id: "lobby", page_size: 1000 });
  if (messages.filter(({ message }) => message === `${deaf}`).length === 3) break;
}
await act("break");
await ann.waitForSelector("#state[data-phase=lost]");
await talkFor(CUT);
await act("mend");
const printed = await settle();

const log = (await entries()).filter(({ nonce }) => nonce).map(({ name, message }) => `${name}: ${message}`);
for (const name of ["Ann", "Bob", "Cat"]) {
  const expected = Array.from({ length: number }, (_, index) => `${name}: ${index + 1}`);
  assert.deepEqual(expected, log.filter((line) => line.startsWith(name)));
}
assert.deepEqual(log, await heard(ann));
assert.deepEqual(log, await heard(bob));
const said = printed.filter((line) => /^\w+: \d+$/.test(line));
assert.deepEqual(log.filter((line) => !line.startsWith("Cat")), said);
for (const page of [ann, bob]) {
  const protocol = await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
  assert.equal(process.env.PROTOCOL, protocol);
  assert.equal(0, await page.locator("#pending .row").count());
}
console.log(`${log.length} messages`);
await done();
