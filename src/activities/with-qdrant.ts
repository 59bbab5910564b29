import { openQdrant, type Qdrant } from '../adapters/qdrant/qdrant.ts';
import type { QdrantService } from '../config/config.ts';

/** Work with one node, and free its connections. */
export async function withQdrant<T>(
  service: QdrantService,
  url: string,
  call: (qdrant: Qdrant) => Promise<T>,
): Promise<T> {
  const qdrant = openQdrant({ name: service.name, url, apiKey: service.apiKey });
  try {
    return await call(qdrant);
  } finally {
    await qdrant.close();
  }
}
