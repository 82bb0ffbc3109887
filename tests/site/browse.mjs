// Opens pages of the site in a browser, from a server of its own, light and dark, wide and as on a
// phone; searches in it. Ends with 1 for a request elsewhere, an error, or a page that is too wide.
//   node browse.mjs BROWSER SITE PAGE...      PICTURES: a folder for pictures

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";

const { chromium } = createRequire(new URL("../page/package.json", import.meta.url))("playwright-core");
const [executablePath, site, ...names] = process.argv.slice(2);
const folder = process.env.PICTURES;
const kinds = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png" };

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://site").pathname);
  try {
    const body = await readFile(join(site, path));
    response.writeHead(200, { "content-type": kinds[extname(path)] ?? "application/octet-stream" }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;

const wrong = [];
const chrome = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
for (const [width, height] of [[1400, 900], [390, 844]]) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await chrome.newPage({ viewport: { width, height }, colorScheme });
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) wrong.push(`asked for ${url}`);
    });
    page.on("response", (response) => {
      if (response.status() !== 200 && !response.url().endsWith("/favicon.ico")) wrong.push(`${response.status()} ${response.url()}`);
    });
    page.on("pageerror", (error) => wrong.push(`${page.url()}: ${error}`));
    page.on("console", (message) => {
      if (/Content Security Policy/.test(message.text())) wrong.push(`${page.url()}: ${message.text()}`);
    });
    for (const name of names) {
      await page.goto(`${origin}/${name}.html`);
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
      if (wide > 0) wrong.push(`${name} is ${wide} px wider than ${width}`);
      if (folder) await page.screenshot({ path: `${folder}/${name.replace("/", "-")}-${width}-${colorScheme}.png` });
    }
    if (width > 1000 && colorScheme === "light") {
      await page.goto(`${origin}/search.html?q=nonce+retry`);
      const first = page.locator("#search-results a[href*='retrying.html']").first();
      await first.waitFor({ timeout: 20_000 });
      console.log(`found ${(await first.getAttribute("href")).replace(/[?#].*/, "")}`);
      if (folder) await page.screenshot({ path: `${folder}/search.png` });
    }
    await page.close();
  }
}
await chrome.close();
server.close();
if (wrong.length) {
  console.error([...new Set(wrong)].join("\n"));
  process.exit(1);
}
console.log("ok");
