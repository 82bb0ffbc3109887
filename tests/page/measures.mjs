// What stories measure: frames, long tasks, nodes of the document, the heap after a collection.

import { browser } from "./people.mjs";

/**
 * Begin to note when frames are drawn, and which tasks take more than 50 ms. What ends it tells,
 * in words: how long frames took, those tasks, the CPU time of the page's main thread.
 */
export async function watch(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const cpu = async () => metric((await session.send("Performance.getMetrics")).metrics, "ThreadTime");
  const before = await cpu();
  await page.evaluate(() => {
    const watched = { frames: [], tasks: [], going: true };
    globalThis.watched = watched;
    const frame = (at) => {
      watched.frames.push(at);
      if (watched.going) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    const tasks = new PerformanceObserver((list) => watched.tasks.push(...list.getEntries().map((task) => task.duration)));
    tasks.observe({ type: "longtask" });
  });
  return async () => {
    const used = (await cpu()) - before;
    await session.detach();
    const { frames, tasks } = await page.evaluate(() => {
      globalThis.watched.going = false;
      return globalThis.watched;
    });
    const took = frames.slice(1).map((at, index) => at - frames[index]).sort((one, other) => one - other);
    const share = (part) => ms(took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0);
    return (
      `${took.length} frames: half within ${share(0.5)}, 99 of 100 within ${share(0.99)};` +
      ` ${tasks.length} long tasks, the longest ${ms(Math.max(0, ...tasks))};` +
      ` CPU of the page's thread ${used.toFixed(1)} s`
    );
  };
}

const metric = (metrics, wanted) => metrics.find(({ name }) => name === wanted).value;

/** Nodes, those that are in no document any more with them, and bytes of the heap. */
export async function kept(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  await session.detach();
  return { nodes: metric(metrics, "Nodes"), heap: metric(metrics, "JSHeapUsedSize") };
}

/** What asks each shared worker of the browser, by the protocol of its developer tools. */
async function askHubs(asks) {
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send("Target.getTargets", { filter: [{ type: "shared_worker" }] });
  const answers = [];
  for (const { targetId } of targetInfos) {
    const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
    const waiting = new Map();
    const events = new Map();
    const hear = (event) => {
      if (event.sessionId !== sessionId) return;
      const { id, result, method, params } = JSON.parse(event.message);
      waiting.get(id)?.(result);
      events.get(method)?.(params);
    };
    session.on("Target.receivedMessageFromTarget", hear);
    const send = (method, params = {}) =>
      new Promise((done) => {
        const id = waiting.size + 1;
        waiting.set(id, done);
        void session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) });
      });
    answers.push(await asks({ send, on: (name, take) => events.set(name, take) }));
    session.off("Target.receivedMessageFromTarget", hear);
  }
  await session.detach();
  return answers;
}

/** Bytes of the heap of the one shared worker, after a collection. */
export async function keptByHub() {
  const [used] = await askHubs(async (session) => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  });
  return used;
}

/** Whether a heap has a text of two parts, with a blank between them, after a collection. */
async function holds(session, [before, after]) {
  const heap = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => heap.push(chunk));
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  return heap.join("").includes(`${before} ${after}`);
}

export async function heldBy(page, parts) {
  const session = await page.context().newCDPSession(page);
  const held = await holds(session, parts);
  await session.detach();
  return held;
}

/** The same of every shared worker: whether one has it. */
export const heldByHub = async (parts) => (await askHubs((session) => holds(session, parts))).includes(true);

export const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
export const ms = (time) => `${time.toFixed(time < 10 ? 1 : 0)} ms`;
