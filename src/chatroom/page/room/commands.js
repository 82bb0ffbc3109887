/** What is typed with a slash before it. */

const USAGE = { me: "/me TEXT", nick: "/nick NAME" };

/**
 * A command and what stands behind it, or (`say`) a text: one that begins with two slashes is said
 * with one, one of several lines as it is. With `trouble` nothing can be done.
 * @param {string} text @returns {Typed}
 */
export function parse(text) {
	const [, word = "", rest = ""] = /^.(\S*)\s*(.*)/.exec(text) ?? [];
	const known = /** @type {keyof typeof USAGE} */ (word.toLowerCase());
	if (/^[^/]|\n/.test(text)) return { word: "say", rest: text };
	if (word.startsWith("/")) return { word: "say", rest: text.slice(1) };
	if (Object.hasOwn(USAGE, known)) return { word: known, rest, trouble: rest ? "" : `It needs more: ${USAGE[known]}` };
	const all = Object.values(USAGE).join(", ");
	return { word: "say", rest, trouble: `There is no command /${word.slice(0, 32)}, but ${all}. // says a text with a slash.` };
}
