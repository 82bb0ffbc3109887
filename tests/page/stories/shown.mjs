// Any text, as a row shows it: its own characters, no element but those it may have, links of the web.

import assert from "node:assert/strict";
import { done, tab } from "../people.mjs";

const PARTS = [
  "http://", "https://", "javascript:", "data:text/html,", "vbscript:", "file:///", "//", "@Ann", "`", "(", ")", "[", "]",
  "example.com", "a", ".", ":", "8080", "/", "\\", "user:pw@", "[::1]", "xn--", "%", "#", "?", "&lt;", "<", ">", '"', "'",
  "<img src=x onerror=alert(1)>", "</div>", "<a href=javascript:alert(1)>", " ", "\n", "\u200B", "\u0301", "\u{1F600}",
  "\u061C", "\u200E", "\u200F", "\u202A", "\u202B", "\u202C", "\u202D", "\u202E", "\u2066", "\u2067", "\u2068", "\u2069",
];
const page = await tab("/r/lobby");
const script = await page.getAttribute("script[type=module]", "src");
const found = await page.evaluate(
  async ({ rows, parts, seed, count }) => {
    const { said } = await import(rows);
    const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
    const wrong = [];
    let links = 0;
    for (let round = 0; round < count; round++) {
      const text = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join("");
      const body = said("Bob", { text, action: round % 2 > 0 }, 0, "Ann").querySelector(".text");
      const note = (what) => wrong.push(`${what}: ${JSON.stringify(text)}`);
      for (const code of body.querySelectorAll("code")) code.textContent = `\`${code.textContent}\``;
      if (body.textContent !== text) note("another text");
      for (const element of body.querySelectorAll("*")) {
        if (!["A", "CODE", "MARK"].includes(element.tagName) || element.children.length) note(element.tagName);
      }
      for (const anchor of body.querySelectorAll("a")) {
        links += 1;
        if (!/^https?:$/.test(anchor.protocol)) note(anchor.protocol);
        if (/[\p{Bidi_Control}\s]/u.test(anchor.textContent)) note("a link across a control");
        if (anchor.rel !== "noopener noreferrer" || anchor.target !== "_blank") note("a link that hands something on");
        if (anchor.title !== new URL(anchor.textContent).host) note("a link that does not say where it leads");
      }
    }
    return { wrong: wrong.slice(0, 10), links };
  },
  { rows: script.replace("main.js", "room/rows.js"), parts: PARTS, seed: Number(process.env.SEED ?? 1), count: 20_000 },
);
assert.deepEqual([], found.wrong);
assert.ok(found.links > 500, `${found.links} links`);
await done();
