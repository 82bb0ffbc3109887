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

/** Bytes of the heap of the one shared worker, after a collection. */
export async function keptByHub() {
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send("Target.getTargets", { filter: [{ type: "shared_worker" }] });
  const [{ targetId }] = targetInfos;
  const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
  let number = 0;
  const ask = (method) =>
    new Promise((done) => {
      const id = (number += 1);
      const hear = ({ message }) => {
        const told = JSON.parse(message);
        if (told.id !== id) return;
        session.off("Target.receivedMessageFromTarget", hear);
        done(told.result);
      };
      session.on("Target.receivedMessageFromTarget", hear);
      void session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method }) });
    });
  await ask("HeapProfiler.collectGarbage");
  const { usedSize } = await ask("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

export const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
export const ms = (time) => `${time.toFixed(time < 10 ? 1 : 0)} ms`;
