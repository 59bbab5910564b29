/** How a payload is written in a recorded history: its value itself, and not the bytes of it. */
interface Readable {
  $json: unknown;
}

interface Payload {
  metadata: { encoding: string };
  data?: string;
}

/** In every payload below this value, its JSON in the place of the bytes. */
export const readablePayloads = (value: unknown): unknown => changeBelow(value, isPayload, readable);

/** The reverse: what Temporal reads. */
export const payloadsOf = (value: unknown): unknown => changeBelow(value, isReadable, encoded);

function changeBelow<T>(
  value: unknown,
  is: (one: object) => one is T & object,
  change: (one: T) => unknown,
): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (is(value)) return change(value);
  if (Array.isArray(value)) return value.map((one) => changeBelow(one, is, change));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, changeBelow(one, is, change)]));
}

const isPayload = (value: object): value is Payload =>
  'metadata' in value && typeof (value as Payload).metadata?.encoding === 'string';

const isReadable = (value: object): value is Readable => '$json' in value;

const JSON_PLAIN = Buffer.from('json/plain').toString('base64');

function readable(payload: Payload): unknown {
  // `undefined` and bytes stay as they are.
  if (payload.metadata.encoding !== JSON_PLAIN) return payload;
  return { $json: JSON.parse(Buffer.from(payload.data ?? '', 'base64').toString()) };
}

const encoded = ({ $json }: Readable): Payload => ({
  metadata: { encoding: JSON_PLAIN },
  data: Buffer.from(JSON.stringify($json)).toString('base64'),
});
