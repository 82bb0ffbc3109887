// Another name in the middle of a visit: who sees it, who refuses it, and that the session goes on.

import assert from "node:assert/strict";
import { act, browser, callAt, connected, done, heard, hears, person, say, tab } from "../people.mjs";

const { DIRECT } = process.env;
const wide = { viewport: { width: 1200, height: 700 } };
const context = await browser.newContext(wide);
const ann = await person("Ann", "lobby", wide);
const bob = await person("Bob", "lobby", {}, context);
const beside = await tab("/r/lobby", {}, context);
await connected(beside);
const told = (page, text) => page.locator("#log .notice", { hasText: text }).waitFor();
const refused = (page, text) => page.locator("#trouble", { hasText: text }).waitFor();
const own = (page, name) => page.locator("#members li", { hasText: `${name} (you)` }).waitFor();
await say(bob, "hello");
await hears(ann, "hello");

// By the control beside one's own name, with the keyboard alone; what was half written is recalled.
await say(bob, "/nick ann");
await refused(bob, "You are still Bob: the name tag 'ann' is in use in this room; 'ann 2' is free");
await bob.fill("#text", "half a thought");
await bob.focus("#members li >> text=Rename");
await bob.keyboard.press("Enter");
assert.equal("/nick ", await bob.inputValue("#text"));
await bob.keyboard.type("Rob");
await bob.keyboard.press("Enter");
await bob.keyboard.press("ArrowUp");
await bob.keyboard.press("ArrowUp");
assert.equal("half a thought", await bob.inputValue("#text"));
for (const page of [ann, bob, beside]) await told(page, "Bob is now known as Rob");
await own(bob, "Rob");
await own(beside, "Rob");
assert.deepEqual(["Ann (you) ", "Rob "], await ann.$$eval("#members li", (all) => all.map((line) => line.textContent.replace(/Rename|⋯/, ""))));
await say(bob, "/nick Robert");
await refused(bob, "You are still Rob: you may take another name once in 10 s");
await bob.fill("#text", "I was Bob");
await ann.locator("#typing", { hasText: "Rob is typing" }).waitFor();
await bob.press("#text", "Enter");
await hears(ann, "I was Bob");
assert.deepEqual(["Bob: hello", "Rob: I was Bob"], await heard(ann));
assert.equal(1, await ann.locator("#log .line").count()); // it is one day

// After a reload, in another tab and over a lost connection.
await bob.reload();
await connected(bob);
await own(bob, "Rob");
const third = await tab("/r/lobby", {}, context);
await connected(third);
await own(third, "Rob");
await act("deafen");
await say(ann, "before");
await say(ann, "/nick Anna");
await say(ann, "after");
const log = async () => (await callAt(DIRECT, "ListMessages", { room_id: "lobby" })).messages;
while (!(await log()).some(({ message }) => message === "before")); // the answer to it does not come through
await act("break");
await act("mend");
for (const page of [ann, bob, beside, third]) await connected(page);
for (const page of [ann, bob]) await told(page, "Ann is now known as Anna");
await own(ann, "Anna");
await say(third, "back again");
for (const page of [ann, bob, beside]) {
  await hears(page, "back again");
  await hears(page, "after");
}
const said = ["Bob: hello", "Rob: I was Bob", "Ann: before", "Anna: after", "Rob: back again"];
for (const page of [ann, bob, beside]) assert.deepEqual([...said].sort(), (await heard(page)).sort());
const all = await log();
assert.deepEqual(["Anna", "Rob"], all.flatMap(({ renamed }) => renamed?.name ?? []).sort());
assert.deepEqual(["Ann", "Bob"], all.flatMap(({ entered }) => entered?.name ?? []).sort());
assert.deepEqual([], all.filter(({ left }) => left));
assert.equal(0, await ann.locator("#pending .row").count());

// Who is muted stays who they are.
await callAt(DIRECT, "/rpc.ModerationService/SetMember", { room_id: "lobby", name: "Rob", muted: true });
await bob.locator("#muted").waitFor();
await bob.click("#members li >> text=Rename");
assert.equal("", await bob.inputValue("#text"));

// An older server is not asked: it would take it for an empty message.
const old = await browser.newContext(wide);
await old.addInitScript(() => {
  delete self.SharedWorker;
  const real = self.fetch;
  self.fetch = async (...asked) => {
    if (asked[1].body && String(asked[1].body).includes("rename")) throw new Error("a rename was sent");
    const answer = await real(...asked);
    if (!asked[0].endsWith("Subscribe")) return answer;
    const features = new TransformStream({
      transform(chunk, controller) {
        const text = Array.from(chunk, (byte) => String.fromCharCode(byte)).join("").replace(/FEATURE_(RENAME|SEARCH)/g, "FEATURE_______");
        controller.enqueue(Uint8Array.from(text, (char) => char.charCodeAt(0)));
      },
    });
    return new Response(answer.body.pipeThrough(features), answer);
  };
});
const dan = await person("Dan", "lobby", {}, old);
await say(dan, "/nick Daniel");
await refused(dan, "Nobody can take another name here.");
assert.equal(false, await dan.isVisible("#search-open"));
assert.ok(await ann.isVisible("#search-open"));
assert.equal("/nick Daniel", await dan.inputValue("#text"));
await done();
