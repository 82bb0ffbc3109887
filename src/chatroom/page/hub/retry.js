/** Which failures of a stream are tried again, and when: the table of docs/retrying.md. */

const FULL = "SLOW_CONSUMER ROOM_FULL SERVER_FULL ADDRESS_FULL IDENTITY_FULL JOIN_TOO_OFTEN";
const YES = new Set([
	"unavailable", // whatever the reason
	...FULL.split(" ").map((reason) => `resource_exhausted ${reason}`),
	"internal ", // without a reason: by proxies
	"unknown ",
	"canceled ",
	"deadline_exceeded ",
]);
const FIRST = 250; // ms
const LIMIT = 10_000;
export const NAME = 30_000; // so long a name in use is asked for: it may be one's own

/** Whether a stream that ended so is resumed. @param {{code: string, reason: string}} error */
export function decision({ code, reason }) {
	if (reason === "NAME_TAKEN") return "briefly";
	return YES.has(code) || YES.has(`${code} ${reason}`) ? "yes" : "no";
}

/** The delays of one membership: exponential backoff with full jitter. */
export function makeBackoff() {
	let bound = FIRST;
	/** In ms. @param {number} lasted  ms that the stream held @param {number} asked  seconds */
	return (lasted, asked) => {
		if (lasted >= bound) bound = FIRST;
		const delay = asked * 1000 + Math.random() * bound;
		bound = Math.min(bound * 2, LIMIT);
		return delay;
	};
}
