/** The newest of what passed on a membership, for the wire drawer. */

const KEPT = 200;
const SHOWN = 2000; // characters of JSON

/** A string in JSON: a text has its quotes escaped. @param {string} json @param {string} name */
const field = (json, name) => new RegExp(`"${name}": ?"([^"]+)"`).exec(json)?.[1] ?? "";

export function makeWiretap() {
	/** @type {Envelope[]} */
	const kept = [];
	/** @type {Set<MessagePort>} */
	const wanted = new Set();
	/** @type {Set<string>} sequences of what was withdrawn: an answer may come later */
	const gone = new Set();

	/** @param {Envelope} envelope */
	function blank(envelope) {
		if (envelope.sequence && gone.has(envelope.sequence)) envelope.json = "(withdrawn)";
	}

	return {
		/** @type {Trace} */
		take(out, what, flag, size, json) {
			const [sequence, nonce] = [field(json, "sequence"), field(json, "nonce")];
			const envelope = { at: Date.now(), out, what, size, flag, sequence, nonce, json: json.slice(0, SHOWN) };
			blank(envelope);
			if (kept.push(envelope) > KEPT) kept.shift();
			for (const port of wanted) port.postMessage(["wire", [envelope]]);
		},

		/** A text is gone: also from what has said it, and was told its sequence later. @param {string} sequence */
		forget(sequence) {
			gone.add(sequence);
			const nonces = kept.filter((each) => each.sequence === sequence).map(({ nonce }) => nonce);
			for (const each of kept) if (each.nonce && nonces.includes(each.nonce)) each.sequence = sequence;
			kept.forEach(blank);
			for (const port of wanted) port.postMessage(["wireAnew", kept]);
		},

		/** @param {MessagePort} port @param {boolean} on */
		want(port, on) {
			if (!on) return void wanted.delete(port);
			wanted.add(port);
			port.postMessage(["wire", kept]);
		},
	};
}
