import { randomBytes } from 'node:crypto';

/** A place where a secret stands that has no business there. */
export interface Finding {
  place: string;
  secret: string;
  /** How it is written there. */
  form: string;
  /** What stands around it. */
  around: string;
}

/** Secrets that can be recognised wherever they turn up, in whatever form. */
export interface Canaries {
  /** A new secret; `more` stands at its end, for what has to be escaped somewhere. */
  make(name: string, more?: string): string;
  /** Also look for a secret that was not made here. */
  also(name: string, value: string | Buffer): void;
  /** Where any of them is in `data`. */
  find(place: string, data: string | Uint8Array): Finding[];
}

const LETTERS_AROUND = 60;

/** How the bytes of a value can be written in a text or a file. */
export function formsOf(value: Buffer): Map<string, string> {
  const text = value.toString();
  const forms = new Map([
    ['hex', value.toString('hex')],
    ['as it is', text],
    ['in JSON', JSON.stringify(text).slice(1, -1)],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(text)).slice(3, -3)],
    ['in a URL', encodeURIComponent(text)],
    ['in HTML', text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')],
  ]);
  // Base64 of a longer text has it in one of three shapes; letters that depend on neighbours are left out.
  for (const offset of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(offset), value]).toString('base64');
    const whole = encoded.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + value.length) * 4) / 3));
    forms.set(`in base64 (${offset})`, whole);
    forms.set(`in base64url (${offset})`, whole.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

export function canaries(): Canaries {
  // One beginning for all, so that one search finds any of them.
  const mark = `cnry${randomBytes(6).toString('hex')}`;
  const wanted = new Map<string, [secret: string, form: string]>();
  const want = (name: string, value: Buffer): void => {
    for (const [form, written] of formsOf(value)) if (!wanted.has(written)) wanted.set(written, [name, form]);
  };
  want('one of the canaries', Buffer.from(mark));
  const names = new Map<string, string>();
  return {
    make(name, more = '') {
      const number = randomBytes(6).toString('hex');
      names.set(mark + number, name);
      return mark + number + more;
    },
    also: (name, value) => want(name, Buffer.from(value)),
    find(place, data) {
      const bytes = Buffer.from(data);
      return [...wanted].flatMap(([written, [secret, form]]): Finding[] => {
        const at = bytes.indexOf(written);
        if (at < 0) return [];
        const around = bytes
          .subarray(Math.max(0, at - LETTERS_AROUND), at + written.length + LETTERS_AROUND)
          .toString()
          .replace(/[^\x20-\x7e]+/g, ' ');
        const named = [...names].find(([canary]) => around.includes(canary))?.[1];
        return [{ place, secret: named ?? secret, form, around }];
      });
    },
  };
}
