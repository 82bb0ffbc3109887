// A state of the page, light and dark: what axe-core finds in it, and a picture of it.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = process.env.PICTURES;
/** In words, of all that was looked at. */
export const found = [];

export async function look(page, name) {
  await page.mouse.move(0, 0); // nothing is pointed at
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png` });
    // The page's policy lets no script in but its own; Playwright's evaluate is outside of it.
    const { violations } = await page.evaluate(`(() => { ${axe}; return axe.run(); })()`);
    for (const { id, nodes } of violations) {
      found.push(`${name} ${colorScheme}: ${id} at ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
    }
  }
}
