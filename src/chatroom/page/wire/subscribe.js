/** A stream of Connect: envelopes out of one fetch that goes on. */

import { post } from "./call.js";
import { ChatError, errorFrom } from "./errors.js";

const PREFIX = 5; // a byte of flags, four of size
const LAST = 2; // the flag of the end

/**
 * Join, and yield the messages of each read. Throws unless the stream ends with OK.
 * @param {object} join @param {string} token @param {AbortSignal} signal @param {Trace} trace
 * @returns {AsyncGenerator<Message[]>}
 */
export async function* subscribe(join, token, signal, trace) {
	const json = JSON.stringify(join);
	const payload = new TextEncoder().encode(json);
	const body = new Uint8Array(PREFIX + payload.length);
	new DataView(body.buffer).setUint32(1, payload.length);
	body.set(payload, PREFIX);
	trace(true, "Subscribe", 0, payload.length, json);
	const response = await post("Subscribe", "application/connect+json", body, token, { signal });
	if (!response.ok || !response.body) {
		throw new ChatError("unavailable", `the server answered ${response.status}`);
	}
	const reader = response.body.getReader();
	const decoder = new TextDecoder();
	let kept = new Uint8Array();
	for (;;) {
		const { value, done } = await reader.read();
		if (done) throw new ChatError("unavailable", "the connection was lost");
		const whole = new Uint8Array(kept.length + value.length);
		whole.set(kept);
		whole.set(value, kept.length);
		const view = new DataView(whole.buffer);
		/** @type {Message[]} */
		const messages = [];
		let at = 0;
		while (whole.length - at >= PREFIX) {
			const [flag, size] = [view.getUint8(at), view.getUint32(at + 1)];
			const end = at + PREFIX + size;
			if (end > whole.length) break;
			const json = decoder.decode(whole.subarray(at + PREFIX, end));
			at = end;
			trace(false, "Subscribe", flag, size, json);
			const message = JSON.parse(json);
			if (flag & LAST) {
				if (messages.length) yield messages;
				if (message.error) throw errorFrom(message.error);
				return;
			}
			messages.push(message);
		}
		kept = whole.slice(at);
		if (messages.length) yield messages;
	}
}
