/** What was said (or renames one) and is not stored yet, sent one after the other. */

import { call } from "../wire/call.js";
import { asError } from "../wire/errors.js";
import { decision } from "./retry.js";

const BOUND = 64; // messages that may wait

/** @param {string} token @param {Tell} tell @param {Trace} trace */
export function makeOutbox(token, tell, trace) {
	/** @type {Map<string, Posted>} by nonce, in order */
	const all = new Map();
	let speaking = false;
	let session = "";

	/** @param {Posted} posted @param {string} sentence */
	function refuse(posted, sentence) {
		if (all.delete(posted.nonce)) tell("refused", { ...posted, note: sentence });
	}

	/** It is stored. @param {string} nonce */
	function settle(nonce) {
		if (all.delete(nonce)) tell("stored", nonce);
	}

	async function speak() {
		if (speaking) return;
		speaking = true;
		for (;;) {
			const [posted] = all.values();
			if (!posted || !session) break;
			const { nonce, text, action, in_reply_to, rename } = posted;
			const used = session;
			const message = { message: text, nonce, action, in_reply_to };
			const request = { session, ...(rename ? { rename: { name: rename, nonce } } : { message }) };
			traceCall(true, request);
			try {
				traceCall(false, await call("SendMessage", request, token));
				settle(nonce);
			} catch (failure) {
				const error = asError(failure);
				posted.retried = true;
				if (error.reason === "RATE_LIMITED") {
					// Nothing was stored, nothing overtakes it: it is said again in its turn.
					posted.note = `slow mode: ${error.message}`;
					if (all.has(nonce)) tell("posted", posted);
					await pause(error.retryAfter * 1000 || 1000);
				} else if (error.reason !== "SESSION_UNKNOWN" && decision(error) !== "yes") {
					refuse(posted, error.message);
				} else if (session === used) await pause(1000);
				// Else the stream is gone: `open` comes with the next one.
			}
		}
		speaking = false;
	}

	/** @param {boolean} out @param {object} message */
	function traceCall(out, message) {
		const json = JSON.stringify(message);
		trace(out, out ? "SendMessage" : "answer", null, json.length, json);
	}

	return {
		settle,
		posted: () => [...all.values()],
		find: (/** @type {string} */ nonce) => all.get(nonce),

		/** @param {ToHub["say"]} said */
		say(said) {
			const posted = { ...said, retried: false, note: "" };
			all.set(posted.nonce, posted);
			if (all.size > BOUND) return refuse(posted, "too many messages are waiting");
			tell("posted", posted);
			void speak();
		},

		/** The replay, or ("") the stream, is over: send what is left. @param {string} now */
		speakIn(now) {
			session = now;
			if (!now) for (const posted of all.values()) posted.retried = true;
			void speak();
		},

		fail: (/** @type {string} */ sentence) => all.forEach((posted) => refuse(posted, sentence)),
	};
}

/** With jitter. @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms + Math.random() * 500));
