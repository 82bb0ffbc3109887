/** What can be typed with a slash before it, as in `chatter`. */

const USAGE = { me: "/me TEXT", nick: "/nick NAME" };

/**
 * What to do: a command with what stands behind it, or (`say`) a text. One that begins with two
 * slashes is said with one, one of several lines as it is. With `trouble` nothing can be done.
 * @param {string} text @returns {Typed}
 */
export function parse(text) {
	if (!text.startsWith("/") || text.includes("\n")) return { word: "say", rest: text };
	if (text.startsWith("//")) return { word: "say", rest: text.slice(1) };
	const [, word = "", rest = ""] = /^\/(\S*)\s*(.*)$/.exec(text) ?? [];
	const known = /** @type {keyof typeof USAGE} */ (word.toLowerCase());
	const all = Object.values(USAGE).join(", ");
	const unknown = `There is no command /${word.slice(0, 32)}, but ${all}. // says a text that begins with a slash.`;
	if (!Object.hasOwn(USAGE, known)) return { word: "say", rest, trouble: unknown };
	return { word: known, rest, trouble: rest ? "" : `Something is missing: ${USAGE[known]}` };
}
