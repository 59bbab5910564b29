import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Secret } from '../config/secret.ts';

/** How long a login lasts (milliseconds): a week. */
const SESSION_MS = 7 * 86_400_000;

const COOKIE = 'lifeboat_status';

/** Wrong tokens that are answered in a minute, from everybody together; after that, nobody's token is looked at. */
const WRONG_PER_MINUTE = 30;

/** Who may see the page. */
export interface Access {
  /** Whether a token is asked for at all. */
  guarded: boolean;
  /** Whether this request may see the page. */
  allows(request: IncomingMessage): boolean;
  /** The `Set-Cookie` of a login with the right token; null for a wrong one; `later` after too many wrong ones. */
  login(token: string): string | null | 'later';
  /** The `Set-Cookie` that ends a login. */
  logout(): string;
}

/** Compares in constant time; hashes first, so that the length does not show. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Access by a token in the `Authorization` header, or by the cookie of a login. The cookie holds no token. */
export function tokenAccess(token: Secret, options: { secureCookie: boolean }): Access {
  const sign = (until: string): string =>
    createHmac('sha256', token.reveal()).update(`lifeboat status page ${until}`).digest('base64url');
  const attributes = `; HttpOnly; SameSite=Strict; Path=/${options.secureCookie ? '; Secure' : ''}`;
  let wrong = { minute: 0, count: 0 };

  function rightToken(given: string): boolean | 'later' {
    const minute = Math.floor(Date.now() / 60_000);
    if (wrong.minute !== minute) wrong = { minute, count: 0 };
    if (wrong.count >= WRONG_PER_MINUTE) return 'later';
    if (same(given, token.reveal())) return true;
    wrong.count += 1;
    return false;
  }
  return {
    guarded: true,
    allows(request) {
      const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (bearer !== undefined) return rightToken(bearer) === true;
      const [until, signature] = cookieOf(request)?.split('.') ?? [];
      if (until === undefined || signature === undefined || !/^\d{1,15}$/.test(until)) return false;
      return same(signature, sign(until)) && Number(until) > Date.now();
    },
    login(given) {
      const right = rightToken(given);
      if (right !== true) return right === 'later' ? 'later' : null;
      const until = String(Date.now() + SESSION_MS);
      return `${COOKIE}=${until}.${sign(until)}; Max-Age=${SESSION_MS / 1000}${attributes}`;
    },
    logout: () => `${COOKIE}=; Max-Age=0${attributes}`,
  };
}

/** No token: only what this machine itself asks for by one of its own names, so that no foreign page can read along. */
export const localAccess: Access = {
  guarded: false,
  allows: (request) => /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(request.headers.host ?? ''),
  login: () => null,
  logout: () => `${COOKIE}=; Max-Age=0; Path=/`,
};

function cookieOf(request: IncomingMessage): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === COOKIE) return value;
  }
  return undefined;
}
