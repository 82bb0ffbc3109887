/** The way to the hub: in a SharedWorker, or, where there is none, in the tab itself. */

/** @returns {Promise<MessagePort>} */
export async function openPort() {
	if ("SharedWorker" in self) {
		// Where the browser can do that, it outlives the last tab, and leaves the rooms.
		return new SharedWorker(new URL("hub.js", import.meta.url), { type: "module", extendedLifetime: true }).port;
	}
	const { connect } = await import("./hub.js");
	const { port1, port2 } = new MessageChannel();
	connect(port1);
	return port2;
}

/** Whether connections to this origin are few, as over HTTP/1.1. */
export function areScarce() {
	const [navigation] = performance.getEntriesByType("navigation");
	return !/^h[23]/.test(/** @type {PerformanceNavigationTiming} */ (navigation)?.nextHopProtocol);
}
