import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';

/** From the mildest to the worst, as npm names them. */
export const SEVERITIES = ['low', 'moderate', 'high', 'critical'] as const;

const reason = z.string().min(10, 'say in a sentence why');

const POLICY = z.strictObject({
  licenses: z.strictObject({
    /** SPDX ids. */
    allowed: z.array(z.string()).min(1),
    /** By `name` or `name@version`: the licence that is accepted for this package alone. */
    exceptions: z.record(z.string(), z.strictObject({ license: z.string(), reason })),
  }),
  advisories: z.strictObject({
    /** The mildest that is a finding. */
    severity: z.enum(SEVERITIES),
    /** By id (`GHSA-…`): why it does not concern Lifeboat, and the last day (ISO 8601) on which that is taken as an answer. */
    accepted: z.record(z.string(), z.strictObject({ until: z.iso.date(), reason })),
  }),
});

/** What packages may bring along: `scripts/supply-chain.yaml`. */
export type Policy = z.infer<typeof POLICY>;

/** @throws {Error} that names the file and every wrong field. */
export async function readPolicy(file: string): Promise<Policy> {
  const { success, data, error } = POLICY.safeParse(parse(await readFile(file, 'utf8')));
  if (!success) throw new Error(`${file} is wrong:\n${z.prettifyError(error)}`);
  return data;
}
