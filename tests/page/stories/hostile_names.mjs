// Names and titles that want to be more than text, and texts that want more than their place.

import assert from "node:assert/strict";
import { base, browser, call, done, hears, person, say, tab } from "../people.mjs";
import { inhabit } from "../inhabitants.mjs";

const HIGH = "\u030A"; // marks that these fonts pile up, above and below
const DEEP = "\u0325";
const NAMES = [
  "<img src=x onerror=alert(1)>",
  "<script>alert(1)</script>",
  "javascript:alert(1)",
  "W".repeat(32),
  "\u05D0\u05D1\u05D2 https://a.b",
  `y${HIGH.repeat(4)}a${DEEP.repeat(4)}`,
  "\u{1F600}".repeat(32),
  "__proto__",
].map((name) => name.normalize("NFKC")); // as the server keeps names
const TITLES = [`y${HIGH.repeat(60)}a${DEEP.repeat(60)}`, "<img src=x onerror=alert(1)>", "W".repeat(128), "\u05D0\u05D1\u05D2 & <b>"];
const TEXTS = [
  "before",
  "\u{1F600}".repeat(1024),
  `y${HIGH.repeat(200)}`,
  `y${DEEP.repeat(200)}`,
  "w".repeat(4096),
  `\`y${HIGH.repeat(100)}${DEEP.repeat(100)}\` @Ann`,
  "<img src=x onerror=alert(1)> javascript:alert(1) data:text/html,<script>alert(1)</script>",
  "\u202E https://example.com/elpmaxe \u2067 https://example.org/",
];
const VIEWPORT = { width: 1280, height: 800 };
const ELEMENTS = new Set("A ASIDE B BDI BODY BUTTON CODE DIALOG DIV FORM H1 H2 HEAD HEADER HTML IMG INPUT LABEL LI LINK MAIN MARK META NOSCRIPT P SCRIPT SECTION SPAN TABLE TBODY TEXTAREA TH THEAD TIME TITLE TR UL".split(" "));

/** The page is as it was: its own elements alone, nothing sticks out, nothing lies upon its buttons. */
async function unharmed(page) {
  const found = await page.evaluate(() => ({
    tags: [...new Set([...document.querySelectorAll("*")].map((element) => element.tagName))],
    foreign: document.querySelectorAll("main img, main script, main iframe").length,
    acts: [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames()).filter((name) => /^on|^style$/.test(name)),
    links: [...document.querySelectorAll("a")].map((anchor) => anchor.protocol),
    wide: document.documentElement.scrollWidth - innerWidth,
    sideways: [...document.querySelectorAll("#scroller, #members, #log .text")].map((box) => box.scrollWidth - box.clientWidth),
    covered: [...document.querySelectorAll("header button, header a, #composer button, textarea")]
      .filter((control) => control.checkVisibility())
      .filter((control) => {
        const { x, y, width, height } = control.getBoundingClientRect();
        const at = document.elementFromPoint(Math.min(x + width / 2, innerWidth - 1), y + height / 2);
        return at && !control.contains(at) && at.closest("header, form") === null;
      })
      .map(({ id }) => id),
  }));
  assert.deepEqual([], found.tags.filter((tag) => !ELEMENTS.has(tag)));
  assert.equal(0, found.foreign);
  // The composer sets its own height.
  assert.deepEqual([], found.acts.filter((name) => name !== "style"));
  for (const protocol of found.links) assert.match(protocol, /^https?:$/);
  assert.ok(found.wide <= 0, `${found.wide} px stick out`);
  for (const sideways of found.sideways) assert.equal(0, sideways);
  assert.deepEqual([], found.covered);
}

const blank = await browser.newPage();

/** How many pixels of two pictures are not alike; edges may be smoothed differently each time. */
const different = (one, other) =>
  blank.evaluate(
    async (pictures) => {
      const [before, after] = await Promise.all(
        pictures.map(async (picture) => {
          const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
          const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
          context.drawImage(bitmap, 0, 0);
          return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
        }),
      );
      let count = 0;
      for (let at = 0; at < before.length; at += 4) {
        const apart = (channel) => Math.abs(before[at + channel] - after[at + channel]);
        if (Math.max(apart(0), apart(1), apart(2)) > 60) count += 1;
      }
      return count;
    },
    [one, other].map((picture) => picture.toString("base64")),
  );

/** Nothing of these elements is drawn above or below their own boxes, over their neighbours. */
async function keepToThemselves(page, selector) {
  // The bold of DejaVu does not pile marks up, as other fonts do.
  await page.evaluate(() => document.styleSheets[0].insertRule("b, bdi { font-weight: 400 !important }"));
  const elements = await page.locator(selector).all();
  assert.ok(elements.length);
  for (const [index, element] of elements.entries()) {
    for (const edge of ["start", "end"]) {
      await element.evaluate((row, block) => {
        row.scrollIntoView({ block });
        return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      }, edge);
      const box = await element.boundingBox();
      const { width, height } = page.viewportSize();
      const above = { x: 0, y: 0, width, height: Math.floor(box.y) };
      const top = Math.ceil(box.y + box.height);
      const below = { x: 0, y: top, width, height: height - top };
      for (const clip of [above, below].filter((each) => each.height > 0)) {
        const drawn = await page.screenshot({ clip });
        await element.evaluate((row) => row.style.setProperty("visibility", "hidden"));
        const without = await page.screenshot({ clip });
        await element.evaluate((row) => row.style.removeProperty("visibility"));
        assert.ok((await different(drawn, without)) < 5, `${selector} ${index} is drawn over its neighbours`);
      }
    }
  }
}

const ids = [];
for (const title of TITLES) ids.push((await call("CreateChatRoom", { title })).room_id);
const [room] = ids;
const ann = await person("Ann", room, { viewport: VIEWPORT, reducedMotion: "reduce" });
const sessions = [];
for (const name of NAMES) sessions.push(await inhabit(room, name));
for (const [index, session] of sessions.entries()) {
  const message = { message: TEXTS[index], nonce: `${index}` };
  assert.ok((await call("SendMessage", { session, message })).sequence, NAMES[index]);
}
await call("SendMessage", { session: sessions[0], message: { message: "after", nonce: "last" } });
await hears(ann, "after");
const rows = await ann.$$eval("#log .said", (all) =>
  all.map((row) => [row.querySelector(".who").textContent, row.querySelector(".text").textContent]),
);
const expected = NAMES.map((name, index) => [name, TEXTS[index].replaceAll("`", "")]);
assert.deepEqual([...expected, [NAMES[0], "after"]], rows);
const inside = await ann.$$eval("#members-list li bdi", (all) => all.map((name) => name.textContent));
assert.deepEqual(["Ann", ...NAMES], inside);
assert.equal(TITLES[0], await ann.textContent("#title"));

// A link reads from its beginning to its end, whatever stands before it.
const turned = await ann.$$eval("#log a", (anchors) =>
  anchors.map((anchor) => {
    const at = (index) => {
      const range = document.createRange();
      range.setStart(anchor.firstChild, index);
      range.setEnd(anchor.firstChild, index + 1);
      return range.getBoundingClientRect().left;
    };
    return anchor.textContent.length > 1 && at(0) > at(7);
  }),
);
assert.deepEqual([false, false], turned);

for (const name of [NAMES[0], NAMES[5]]) {
  const session = sessions[NAMES.indexOf(name)];
  await call("SendMessage", { session, typing: { active: true } });
  await ann.locator("#typing", { hasText: `${name} is typing` }).waitFor();
  await unharmed(ann);
  await call("SendMessage", { session, typing: { active: false } });
  await ann.waitForFunction(() => document.querySelector("#typing").textContent === "");
}
// Completed like any other name.
await ann.fill("#text", "@<scr");
await ann.press("#text", "Tab");
assert.equal(`@${NAMES[1]} `, await ann.inputValue("#text"));
await ann.fill("#text", "");
await ann.evaluate(() => document.activeElement.blur());

await keepToThemselves(ann, "#log .row");
await keepToThemselves(ann, "#members li");
for (const width of [1280, 320]) {
  await ann.setViewportSize({ width, height: 800 });
  if (width < 1000 && (await ann.isVisible("#members"))) await ann.click("#members-toggle");
  await unharmed(ann);
  await ann.locator("#log .said").nth(4).evaluate((row) => row.scrollIntoView({ block: "end" }));
  await ann.screenshot({ path: `${process.env.PICTURES}/hostile-${width}.png` });
}

// In the lobby, where all titles stand; and as the room that one is sent on to.
const lobby = await tab("/", { viewport: { width: 390, height: 800 } });
await lobby.locator(".room-line").nth(TITLES.length - 1).waitFor();
const titles = await lobby.$$eval(".room-line b", (all) => all.map((title) => title.textContent));
assert.deepEqual([...TITLES].sort(), titles.filter((title) => title !== "lobby").sort());
await unharmed(lobby);
await lobby.screenshot({ path: `${process.env.PICTURES}/hostile-lobby.png` });
// While they are looked at, the lines are not made anew.
await lobby.evaluate(() => {
  for (let timer = setInterval(() => {}); timer > 0; timer--) clearInterval(timer);
});
await keepToThemselves(lobby, ".room-line");

// A link with a hostile path is a room that is not there.
const astray = await tab(`/r/%3Cimg%20src=x%20onerror=alert(1)%3E`, { viewport: VIEWPORT });
await astray.fill("#name", NAMES[0]);
await astray.press("#name", "Enter");
await astray.locator("#ending h2").waitFor();
await unharmed(astray);
await astray.close();
await call("DeleteChatRoom", { room_id: room, reason: NAMES[0], successor: ids[1] });
await ann.locator("#ending h2", { hasText: "This room was closed" }).waitFor();
await unharmed(ann);
assert.equal(`${base}/r/${ids[1]}`, await ann.locator("#ending a").first().evaluate(({ href }) => href));
await done();
