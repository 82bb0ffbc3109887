/** The newest of what passed on a membership, for the wire drawer. */

const KEPT = 200;
const SHOWN = 2000; // characters of JSON

export function makeWiretap() {
	/** @type {Envelope[]} */
	const kept = [];
	/** @type {Set<MessagePort>} */
	const wanted = new Set();
	let gone = ""; // the last message that was withdrawn
	return {
		/** @type {Trace} */
		take(out, what, flag, size, json) {
			if (gone && gone === /"sequence": ?"(\d+)"/.exec(json)?.[1]) return; // a late answer
			const envelope = { at: Date.now(), out, what, size, flag, json: json.slice(0, SHOWN) };
			if (kept.push(envelope) > KEPT) kept.shift();
			for (const port of wanted) port.postMessage(["wire", [envelope]]);
		},

		/** A text is gone; any line may have it. @param {string} sequence */
		forget(sequence) {
			gone = sequence;
			kept.length = 0;
			for (const port of wanted) port.postMessage(["wire", null]);
		},

		/** @param {MessagePort} port @param {boolean} on */
		want(port, on) {
			if (!on) return void wanted.delete(port);
			wanted.add(port);
			port.postMessage(["wire", kept]);
		},
	};
}
