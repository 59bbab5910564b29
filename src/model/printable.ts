/**
 * What a terminal or a reader's eye takes as an order instead of a letter: control characters but line feed and tab, and those that turn
 * the direction of writing (Unicode Standard Annex #9), by which one name can look like another.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const ORDERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Colours as Lifeboat's own command line writes them; nothing of them hides or moves text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a colour.
const COLOUR = /(\u001b\[(?:[0-4]|2[2-4]|3[0-79]|9[0-7])m)/;

/** A text from elsewhere, fit to be shown: what could give a terminal orders stands there as `\u001b` and the like. */
export const printable = (text: string): string =>
  text.replace(ORDERS, (order) => `\\u${order.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The same for a whole output, which keeps its own colours. */
export const printableWithColours = (text: string): string =>
  text
    .split(COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('');

/** At most so many characters, with a sign that there were more. */
export const shortened = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
