/** What a manifest records of a collection, as far as it is compared. */
export interface CollectionFacts {
  points: number;
  config: Record<string, unknown>;
  payloadSchema: Record<string, unknown>;
}

export interface Difference {
  /** Where: `points`, `config.params.vectors.size`, `payloadSchema.tag`. */
  field: string;
  recorded: unknown;
  live: unknown;
}

/**
 * How a collection differs from what was recorded of it: exact points, vectors and other parameters, quantization, payload indexes.
 * Left out is what may differ without a loss: status, segments, how many vectors are indexed, and the tuning of the index, the
 * optimizers and the WAL, which a restore into an existing collection leaves as it is there. A parameter that only a newer server knows is no difference.
 */
export function compareCollection(recorded: CollectionFacts, live: CollectionFacts): Difference[] {
  const differences: Difference[] = [];
  if (recorded.points !== live.points)
    differences.push({ field: 'points', recorded: recorded.points, live: live.points });
  const [was, is] = [objectOf(recorded.config.params), objectOf(live.config.params)];
  differences.push(
    ...vectorDifferences('config.params.vectors', was.vectors, is.vectors),
    ...vectorDifferences('config.params.sparse_vectors', was.sparse_vectors, is.sparse_vectors),
    ...knownDifferences('config.params', without(was), without(is)),
    ...knownDifferences(
      'config.quantization_config',
      recorded.config.quantization_config,
      live.config.quantization_config,
    ),
    ...indexDifferences(recorded.payloadSchema, live.payloadSchema),
  );
  return differences;
}

/**
 * Whether a difference tells of the data that a snapshot carries: points, which vectors there are and of what size and distance, and recorded
 * payload indexes that are missing. A restore into a collection that is there leaves its configuration, and indexes that it has more, as they are.
 */
export const isOfData = ({ field, live }: Difference): boolean =>
  field === 'points' ||
  /^config\.params\.(vectors|sparse_vectors)(\.[^.]+)?\.(size|distance)$/.test(field) ||
  (/^config\.params\.(vectors|sparse_vectors)(\.[^.]+)?$/.test(field) &&
    !/\.(on_disk|hnsw_config|quantization_config)$/.test(field)) ||
  (field.startsWith('payloadSchema.') && live === undefined);

/** A difference as words: `points: 20 recorded, 15 now`. */
export function describeDifference({ field, recorded, live }: Difference): string {
  const text = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));
  return `${field}: ${text(recorded)} recorded, ${text(live)} now`;
}

function without(params: Record<string, unknown>): Record<string, unknown> {
  const { vectors: _vectors, sparse_vectors: _sparse, ...rest } = params;
  return rest;
}

/** Both have the same named vectors, each with the recorded parameters; a single unnamed one has its size at the top. */
function vectorDifferences(field: string, recorded: unknown, live: unknown): Difference[] {
  const [was, is] = [objectOf(recorded), objectOf(live)];
  if ('size' in was || 'size' in is) return knownDifferences(field, was, is);
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
  return names.flatMap((name) =>
    name in was && name in is
      ? knownDifferences(`${field}.${name}`, was[name], is[name])
      : [{ field: `${field}.${name}`, recorded: was[name], live: is[name] }],
  );
}

/** Payload indexes by field: their type and their parameters, not how many points they cover by now. */
function indexDifferences(recorded: Record<string, unknown>, live: Record<string, unknown>): Difference[] {
  const fields = [...new Set([...Object.keys(recorded), ...Object.keys(live)])].sort();
  const shape = (index: unknown): unknown => {
    if (index === undefined) return undefined;
    const { data_type, params } = objectOf(index);
    return params === undefined || params === null ? { data_type } : { data_type, params };
  };
  return fields.flatMap((name) => {
    const [was, is] = [shape(recorded[name]), shape(live[name])];
    const field = `payloadSchema.${name}`;
    return was === undefined || is === undefined
      ? [{ field, recorded: was, live: is }]
      : knownDifferences(field, was, is);
  });
}

/** Compares what was recorded, however deep; what was not recorded, or recorded as unset, has no say unless it is set now. */
function knownDifferences(field: string, recorded: unknown, live: unknown): Difference[] {
  if (isUnset(recorded) && isUnset(live)) return [];
  if (typeof recorded === 'object' && recorded !== null && !Array.isArray(recorded)) {
    const [was, is] = [objectOf(recorded), objectOf(live)];
    if (isUnset(live)) return [{ field, recorded, live }];
    return Object.keys(was)
      .sort()
      .flatMap((key) => knownDifferences(`${field}.${key}`, was[key], is[key]));
  }
  return JSON.stringify(recorded) === JSON.stringify(live) ? [] : [{ field, recorded, live }];
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null;
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
