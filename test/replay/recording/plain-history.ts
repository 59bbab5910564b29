import proto from '@temporalio/proto';

const { History } = proto.temporal.api.history.v1;

/** What a Temporal server answers of a run. */
export type History = proto.temporal.api.history.v1.IHistory;

/**
 * A history as plain JSON: names for enumerations, base64 for bytes. The SDK's own `historyToJSON` fails where npm gives its packages
 * more than one copy of protobufjs.
 */
export const plainHistory = (history: History): { events: unknown[] } =>
  History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String }) as {
    events: unknown[];
  };

/** The reverse: what Temporal reads. */
export const historyOfPlain = (plain: object): History =>
  History.fromObject(plain as { [key: string]: unknown });
