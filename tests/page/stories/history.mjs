// A long history, scrolled back and forth.

import assert from "node:assert/strict";
import { act, done, hears, person, say } from "../people.mjs";

const messages = 1500;
await act("many", messages);
const ann = await person("Ann", "lobby", { viewport: { width: 900, height: 700 } });
const bob = await person("Bob", "lobby");
await hears(ann, `line ${messages}`);
const nodes = () => ann.evaluate(() => document.querySelectorAll("*").length);
const top = (text) =>
  ann.evaluate((wanted) => {
    const rows = [...document.querySelectorAll("#log .text")];
    return rows.find((row) => row.textContent === wanted)?.getBoundingClientRect().top ?? null;
  }, text);
const visible = () =>
  ann.evaluate(() => {
    const edge = document.querySelector("#scroller").getBoundingClientRect().top;
    const rows = [...document.querySelectorAll("#log .text")];
    return rows.find((row) => row.getBoundingClientRect().top > edge + 100).textContent;
  });
let most = 0;
const seen = new Set();
await ann.hover("#log");
for (let step = 0; step < 400 && !seen.has("line 1"); step++) {
  await ann.mouse.wheel(0, -500);
  // Whatever is loaded meanwhile, what was looked at moves by what was scrolled.
  const text = await visible();
  const before = await top(text);
  await ann.evaluate(() => new Promise((next) => requestAnimationFrame(() => setTimeout(next, 30))));
  const after = await top(text);
  assert.ok(after !== null && Math.abs(after - before) <= 501, `${text} jumped from ${before} to ${after}`);
  for (const each of await ann.$$eval("#log .text", (rows) => rows.map((row) => row.textContent))) seen.add(each);
  most = Math.max(most, await nodes());
}
assert.equal(messages, [...seen].filter((text) => /^line \d+$/.test(text)).length);
assert.ok(most < 3500, `${most} elements`);

// What comes meanwhile does not move the view, and is counted; the button leads there.
const text = await visible();
const before = await top(text);
await say(bob, "something new");
await ann.locator("#to-end", { hasText: "1 new" }).waitFor();
assert.equal(before, await top(text));
await ann.click("#to-end");
await hears(ann, "something new");
console.log(`${most} elements at most`);
await done();
