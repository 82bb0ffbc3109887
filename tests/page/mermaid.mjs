// Mermaid's own parser: reads a diagram from standard input; exit code 1 and why, if it is none.

import { text } from "node:stream/consumers";
import mermaid from "mermaid";

try {
  const { diagramType } = await mermaid.parse(await text(process.stdin));
  console.log(diagramType);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
