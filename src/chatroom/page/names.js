/** The colour of a name, the same as in the terminal. */

const COLOURS = 10;

/** CRC-32 of the folded name, as `chatter` has it. @param {string} name */
export function colourOf(name) {
	const folded = name.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ");
	let crc = -1;
	for (const byte of new TextEncoder().encode(folded)) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return (~crc >>> 0) % COLOURS;
}
