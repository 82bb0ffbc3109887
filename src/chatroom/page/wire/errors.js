/** What a call or a stream ended with. */

export class ChatError extends Error {
	reason = "";
	/** @type {Record<string, string>} */
	metadata = {};
	retryAfter = 0; // seconds

	/** @param {string} code @param {string} sentence  for a person */
	constructor(code, sentence) {
		super(sentence);
		this.code = code;
	}
}

/** The error in a Connect error object. @param {ConnectError} body */
export function errorFrom({ code = "unknown", message, details = [] }) {
	const error = new ChatError(code, message || `the server answered ${code}`);
	for (const { type, value } of details) {
		const fields = fieldsOf(Uint8Array.from(atob(value), (char) => char.charCodeAt(0)));
		if (type === "google.rpc.ErrorInfo") {
			for (const [number, field] of fields) {
				if (number === 1) error.reason = text(field);
				if (number !== 3) continue;
				const pair = new Map(fieldsOf(field));
				error.metadata[text(pair.get(1))] = text(pair.get(2));
			}
		} else if (type === "google.rpc.RetryInfo") {
			const delay = new Map(fieldsOf(new Map(fields).get(1)));
			error.retryAfter = Number(delay.get(1) ?? 0) + Number(delay.get(2) ?? 0) / 1e9;
		}
	}
	return error;
}

/** What fetch says tells nobody anything. @param {unknown} failure */
export const asError = (failure) =>
	failure instanceof ChatError ? failure : new ChatError("unavailable", "the server cannot be reached");

/** The fields of a protobuf message. @param {unknown} packed @returns {Generator<[number, number | Uint8Array]>} */
function* fieldsOf(packed) {
	if (!(packed instanceof Uint8Array)) return;
	let at = 0;
	const varint = () => {
		let value = 0;
		for (let scale = 1; ; scale *= 0x80) {
			const byte = packed[at++] ?? 0;
			value += (byte & 0x7f) * scale;
			if (byte < 0x80) return value;
		}
	};
	while (at < packed.length) {
		const tag = varint();
		const value = varint();
		yield [tag >> 3, tag & 2 ? packed.subarray(at, (at += value)) : value];
	}
}

/** @param {unknown} field */
const text = (field) => (field instanceof Uint8Array ? new TextDecoder().decode(field) : "");
