// A tab is closed and the link opened again at once: one's own place is waited for.

import assert from "node:assert/strict";
import { browser, connected, done, person, tab } from "../people.mjs";

const context = await browser.newContext();
const first = await person("Ann", "lobby", {}, context);
await first.close();
const again = await tab("/r/lobby", {}, context);
await connected(again);
assert.equal(true, await again.isHidden("#name-form"));
assert.equal("Ann (you)", await again.locator("#members-list li").textContent());
await done();
