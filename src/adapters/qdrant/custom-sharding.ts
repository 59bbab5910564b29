/** Whether a collection's configuration says that its shards are made by whoever makes their keys. */
export function hasCustomSharding(config: unknown): boolean {
  const { params } = (config ?? {}) as { params?: { sharding_method?: unknown } | null };
  return params?.sharding_method === 'custom';
}
