import { LifeboatError } from '../../model/failures.ts';
import { idForJson } from './big-numbers.ts';
import type { QdrantHttp } from './http.ts';
import { at } from './path.ts';
import type { Asking, CollectionInfo, Point, PointId, Qdrant } from './qdrant.ts';
import { largestPage } from './sample.ts';

type CollectionCalls = Pick<
  Qdrant,
  'collections' | 'exists' | 'collectionInfo' | 'countExact' | 'deleteCollection' | 'scroll' | 'retrieve'
>;

/** What is asked of collections and their points. */
export function collectionCalls(http: QdrantHttp): CollectionCalls {
  const calls: CollectionCalls = {
    async collections(options: Asking = {}): Promise<string[]> {
      const { collections } = await http.result<{ collections: { name: string }[] }>({
        method: 'GET',
        path: '/collections',
        doing: 'listing its collections',
        ...options,
      });
      return collections.map((collection) => collection.name).sort();
    },

    async exists(collection: string, options: Asking = {}): Promise<boolean> {
      const doing = `looking for the collection "${collection}"`;
      const call = { method: 'GET', path: `${at(collection)}/exists`, doing, collection } as const;
      return (await http.result<{ exists: boolean }>({ ...call, ...options })).exists;
    },

    collectionInfo(collection: string, options: Asking = {}): Promise<CollectionInfo> {
      const doing = `reading the configuration of the collection "${collection}"`;
      return http.result({ method: 'GET', path: at(collection), doing, collection, ...options });
    },

    async countExact(collection: string, options: Asking = {}): Promise<number> {
      try {
        const { count } = await http.result<{ count: number }>({
          method: 'POST',
          path: `${at(collection)}/points/count`,
          json: { exact: true },
          doing: `counting the points of "${collection}"`,
          collection,
          // An exact count reads every segment.
          works: true,
          ...options,
        });
        return count;
      } catch (error) {
        // The strict mode of a collection may forbid an exact count with what else is exact; reading all ids gives the same number.
        if (!(error instanceof LifeboatError && /Exact search disabled/.test(error.message))) throw error;
        return await countIds(calls, collection, options);
      }
    },

    deleteCollection(collection: string, options: Asking = {}): Promise<boolean> {
      const doing = `deleting the collection "${collection}"`;
      return http.result({
        method: 'DELETE',
        path: at(collection),
        doing,
        collection,
        works: true,
        ...options,
      });
    },

    async scroll(
      collection: string,
      options: Asking & { limit: number; offset?: PointId; payload?: boolean; vector?: boolean },
    ): Promise<{ points: Point[]; next: PointId | null }> {
      const { limit, offset, payload = false, vector = false, ...asking } = options;
      const page = await http.result<{ points: Point[]; next_page_offset?: PointId | null }>({
        method: 'POST',
        path: `${at(collection)}/points/scroll`,
        json: {
          limit,
          with_payload: payload,
          with_vector: vector,
          ...(offset === undefined ? {} : { offset: idForJson(offset) }),
        },
        doing: `reading points of "${collection}"`,
        collection,
        ...asking,
      });
      return { points: page.points, next: page.next_page_offset ?? null };
    },

    retrieve(collection: string, ids: readonly PointId[], options: Asking = {}): Promise<Point[]> {
      return http.result({
        method: 'POST',
        path: `${at(collection)}/points`,
        json: { ids: ids.map(idForJson), with_payload: true, with_vector: true },
        doing: `reading points of "${collection}"`,
        collection,
        ...options,
      });
    },
  };
  return calls;
}

async function countIds(calls: CollectionCalls, collection: string, options: Asking): Promise<number> {
  const { config } = await calls.collectionInfo(collection, options);
  const limit = largestPage(config);
  let count = 0;
  let offset: PointId | undefined;
  for (;;) {
    const from = offset === undefined ? {} : { offset };
    const { points, next } = await calls.scroll(collection, { ...options, limit, ...from });
    count += points.length;
    if (next === null) return count;
    offset = next;
  }
}
