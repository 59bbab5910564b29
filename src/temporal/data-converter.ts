import { fileURLToPath } from 'node:url';
import { Client, type Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { Config } from '../config/config.ts';
import { type CodecUse, payloadCodec } from './payload-codec.ts';

/** The module that encodes failures for a codec; workflow bundles need it beside the workers. */
export const FAILURE_CONVERTER = fileURLToPath(new URL('failure-converter.ts', import.meta.url));

/** The codec as a configuration has it. */
export const codecOf = ({ temporal: { codec } }: Pick<Config, 'temporal'>): CodecUse => ({
  encrypts: codec !== undefined,
  keys: () => codec?.keys ?? [],
});

/**
 * A client whose payloads go through the configured codec: every client of Lifeboat's is made here. Without keys it encrypts
 * nothing, and says which key is missing when it is given something encrypted.
 */
export const openClient = (connection: Connection, namespace: string, codec: CodecUse): Client =>
  new Client({ connection, namespace, dataConverter: { payloadCodecs: [payloadCodec(codec)] } });

/** The same for a worker, whose failures are encoded too; its workflow bundle has to be made for that. */
export const workerDataConverter = (codec: CodecUse): DataConverter => ({
  payloadCodecs: [payloadCodec(codec)],
  ...(codec.encrypts && { failureConverterPath: FAILURE_CONVERTER }),
});
