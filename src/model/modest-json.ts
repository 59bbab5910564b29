/** Folders within folders: an honest document has under 20 levels, and what walks it goes as deep as it is. */
const MOST_LEVELS = 100;

/** Values in one document: the largest honest manifest, of 10,000 artifacts, has under half a million. */
const MOST_VALUES = 2_000_000;

/**
 * Why a JSON text is not to be parsed; null when it may be. A few bytes of text become up to 60 of memory, and levels become the stack of
 * whoever walks them, so both are counted before anything is made of them. It says nothing of whether the text is JSON.
 */
export function whyNotParsed(text: string): string | null {
  let levels = 0;
  let values = 1;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (quoted) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) quoted = false;
      continue;
    }
    if (code === QUOTE) quoted = true;
    else if (code === COMMA) values += 1;
    else if (code === BRACE || code === BRACKET) {
      values += 1;
      levels += 1;
      if (levels > MOST_LEVELS) return `it is nested more than ${MOST_LEVELS} levels deep`;
    } else if (code === BRACE_END || code === BRACKET_END) levels -= 1;
    if (values > MOST_VALUES) return `it has more than ${MOST_VALUES} values`;
  }
  return null;
}

const [QUOTE, BACKSLASH, COMMA, BRACE, BRACKET, BRACE_END, BRACKET_END] = [
  0x22, 0x5c, 0x2c, 0x7b, 0x5b, 0x7d, 0x5d,
];
