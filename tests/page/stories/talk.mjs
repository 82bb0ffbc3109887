// Two browsers and a terminal in one room.

import assert from "node:assert/strict";
import { act, browser, done, heard, hears, person, say } from "../people.mjs";

const ann = await person("Ann", "lobby");
const bob = await person("Bob", "lobby");
await say(ann, "Hello @Bob, see https://example.com/a_(b).");
await hears(bob, "Hello");
assert.equal(1, await bob.locator("#log .mentioned").count());
assert.equal(0, await ann.locator("#log .mentioned").count());
assert.equal("https://example.com/a_(b)", await bob.locator("#log a").getAttribute("href"));
await say(bob, "`code` it is");
await hears(ann, "it is");
assert.equal("code", await ann.locator("#log code").textContent());
await bob.type("#text", "and how");
await ann.locator("#typing", { hasText: "Bob is typing" }).waitFor();
await act("terminal", "from a terminal");
await hears(ann, "from a terminal");
await hears(bob, "from a terminal");
const expected = [
  "Ann: Hello @Bob, see https://example.com/a_(b).",
  "Bob: code it is",
  "Cat: from a terminal",
];
assert.deepEqual(expected, await heard(ann));
assert.deepEqual(expected, await heard(bob));
assert.match(await act("history"), /Ann: Hello @Bob[^]*Bob: `code` it is[^]*Cat: from a terminal/);
assert.equal(0, await ann.locator("#pending .row").count());
assert.ok(await ann.locator("#log .line").count(), "the day stands above arrivals that were folded");

// What one does; what begins with a slash is a command, or told to be none, and not said.
await say(bob, "/me waves at @Ann");
await ann.locator("#log .action", { hasText: "waves" }).waitFor();
assert.equal("Bob waves at @Ann", await ann.textContent("#log .action .did"));
assert.equal(1, await ann.locator("#log .action.mentioned").count());
assert.match(await act("history"), /Bob: \/me waves at @Ann/);
for (const [typed, told] of [["/quit now", "no command /quit"], ["/", "no command /,"], ["/me", "/me TEXT"]]) {
  await say(bob, typed);
  await bob.locator("#trouble", { hasText: told }).waitFor();
  assert.equal(typed, await bob.inputValue("#text"));
}
await say(bob, "//etc/hosts");
await hears(ann, "/etc/hosts");
await say(bob, "/ME  too");
await hears(ann, "too");
assert.equal("", await bob.textContent("#trouble"));
const shown = [...expected, "Bob: waves at @Ann", "Bob: /etc/hosts", "Bob: too"];
assert.deepEqual(shown, await heard(ann));
assert.deepEqual(shown, await heard(bob));

// Somebody with a name that is taken is offered a free one, and comes in under it.
const other = await browser.newPage();
await other.goto(ann.url());
await other.fill("#name", "bob");
await other.press("#name", "Enter");
await other.locator("#name-why", { hasText: "taken" }).waitFor();
assert.equal("bob 2", await other.inputValue("#name"));
await other.press("#name", "Enter");
await other.waitForSelector("#state[data-phase=live]");
await done();
