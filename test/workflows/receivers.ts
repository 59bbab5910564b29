import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

/** What came in over HTTP. */
export interface Posted {
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A mail as its reader sees it. */
export interface Mail {
  user: string | undefined;
  subject: string;
  kind: string;
  text: string;
}

/** Somebody for each kind of channel, on this machine. */
export interface Receivers {
  /** Of the HTTP receiver; what is posted below `/slow` is never answered. */
  url: string;
  posted: Posted[];
  /** Requests that are still waiting for an answer. */
  held: ServerResponse[];
  smtpPort: number;
  mails: Mail[];
  /** A URL at which nothing listens. */
  goneUrl: string;
  close(): Promise<void>;
}

/** @param mailPassword the only one that the mail server takes. */
export async function startReceivers(mailPassword: string): Promise<Receivers> {
  const posted: Posted[] = [];
  const held: ServerResponse[] = [];
  const http = createServer(async (request, response) => {
    const path = request.url ?? '';
    let body = '';
    for await (const chunk of request) body += chunk;
    posted.push({ path, headers: request.headers, body });
    if (path.startsWith('/slow')) held.push(response);
    else response.end('ok');
  });
  const mails: Mail[] = [];
  const smtp = new SMTPServer({
    allowInsecureAuth: true,
    hideSTARTTLS: true,
    disableReverseLookup: true,
    onAuth({ username, password }, _session, done) {
      if (password === mailPassword) done(null, { user: username ?? '' });
      else done(new Error('Wrong password'));
    },
    async onData(stream, session, done) {
      const { subject = '', text = '', headers } = await simpleParser(stream);
      mails.push({ user: session.user, subject, text, kind: String(headers.get('x-lifeboat-kind')) });
      done();
    },
  });
  smtp.on('error', () => undefined);
  const smtpPort = await portOf(smtp.listen(0, '127.0.0.1') as unknown as Server);
  const port = await portOf(http.listen(0, '127.0.0.1'));
  return {
    url: `http://127.0.0.1:${port}`,
    posted,
    held,
    smtpPort,
    mails,
    goneUrl: `http://127.0.0.1:${await freePort()}`,
    async close() {
      http.closeAllConnections();
      http.close();
      await new Promise<void>((resolve) => smtp.close(resolve));
    },
  };
}

async function portOf(server: Pick<Server, 'address' | 'listening' | 'on'>): Promise<number> {
  if (!server.listening) await once(server as Server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port that nothing listens at. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Far longer than anything takes, so that what never comes ends its test and names itself. */
const LIMIT_MS = 5 * 60_000;

/** Asked again until there is an answer: what is told, and what a server lists, comes a moment later. */
export async function until<T>(
  ask: () => T | undefined | null | false | Promise<T | undefined | null | false>,
): Promise<T> {
  const end = Date.now() + LIMIT_MS;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer as T;
    await setTimeout(100);
  }
  throw new Error(`For ${LIMIT_MS / 60_000} minutes this was not so: ${ask}`);
}
