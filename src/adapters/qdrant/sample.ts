import { createHash } from 'node:crypto';
import type { Asking, Point, PointId, Qdrant } from './qdrant.ts';

/** One point of a sample: the sha256 of its payload and vectors. */
export interface SampledPoint {
  id: PointId;
  sha256: string;
}

/** Points in a sample; the manifest stays small and a changed store is still found with near certainty. */
export const SAMPLE_SIZE = 32;
/** Ids that are asked for at once to choose them, and how often: of a larger collection only the first ones, in their order, are looked at. */
const PAGE = 1000;
const MOST_PAGES = 100;

/**
 * Choose a sample of a collection's points: those whose ids have the lowest hashes, so the same points give the same sample,
 * spread over all ids. Only ids are read to choose; payload and vectors of the chosen ones to hash.
 */
export async function samplePoints(
  qdrant: Qdrant,
  collection: string,
  options: Asking & { size?: number; page?: number; scan?: number } = {},
): Promise<SampledPoint[]> {
  const { size = SAMPLE_SIZE, page: most = PAGE, scan = most * MOST_PAGES, ...asking } = options;
  let chosen: { id: PointId; rank: string }[] = [];
  let offset: PointId | undefined;
  for (let scanned = 0; scanned < scan; ) {
    const page = await qdrant.scroll(collection, {
      ...asking,
      limit: Math.min(most, scan - scanned),
      ...(offset === undefined ? {} : { offset }),
    });
    scanned += page.points.length;
    const ranked = page.points.map(({ id }) => ({ id, rank: sha256(String(id)) }));
    chosen = [...chosen, ...ranked].sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, size);
    if (page.next === null || page.points.length === 0) break;
    offset = page.next;
  }
  const ids = chosen.map((point) => point.id);
  return hashPoints(qdrant, collection, ids, asking);
}

/** How many ids may be asked for at once: where a collection is in strict mode, the server refuses more than its configuration says. */
export function largestPage(config: Record<string, unknown>): number {
  const strict = config.strict_mode_config as { enabled?: unknown; max_query_limit?: unknown } | null;
  const most = strict?.enabled === true ? strict.max_query_limit : undefined;
  return typeof most === 'number' && most >= 1 ? Math.min(PAGE, most) : PAGE;
}

/** The hashes of these points, in this order; those that are not there are left out. */
export async function hashPoints(
  qdrant: Qdrant,
  collection: string,
  ids: readonly PointId[],
  options: Asking = {},
): Promise<SampledPoint[]> {
  if (ids.length === 0) return [];
  const found = await qdrant.retrieve(collection, ids, options);
  const hashes = new Map(found.map((point) => [String(point.id), hashOf(point)]));
  return ids.flatMap((id) => {
    const hash = hashes.get(String(id));
    return hash === undefined ? [] : [{ id, sha256: hash }];
  });
}

/** The ids of the points of a recorded sample that are missing or different now. */
export function changedPoints(recorded: readonly SampledPoint[], live: readonly SampledPoint[]): PointId[] {
  const hashes = new Map(live.map((point) => [String(point.id), point.sha256]));
  return recorded.filter((point) => hashes.get(String(point.id)) !== point.sha256).map((point) => point.id);
}

/**
 * The hash of a point's payload and vectors in canonical JSON. Numbers are as the server writes them: a 32-bit float has one shortest text,
 * so the same stored vector has the same hash on every server of these versions.
 */
export function hashOf(point: Point): string {
  return sha256(canonicalJson({ payload: point.payload ?? null, vector: point.vector ?? null }));
}

/** JSON with the keys of every object in order. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
