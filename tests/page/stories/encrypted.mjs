// Over HTTP/2 there are streams enough: every room is live.

import assert from "node:assert/strict";
import { browser, done, hears, person, say } from "../people.mjs";

const context = await browser.newContext({ ignoreHTTPSErrors: true });
const pages = [];
for (let index = 1; index <= 7; index++) pages.push(await person(`Ann ${index}`, `r${index}`, {}, context));
const bob = await person("Bob", "r7");
await say(bob, "on the seventh stream");
await hears(pages[6], "on the seventh stream");
const protocol = await bob.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol);
assert.equal("h2", protocol);
await done();
