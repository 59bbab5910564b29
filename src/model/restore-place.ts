/** One restore's place: new stores on the way in, old ones kept aside. */
export interface RestorePlace {
  restore: string;
  /** The data directory of the service, in its container. */
  data: string;
  owner: { uid: number; gid: number };
  /** A volume to work on where the service's own has no room for both. */
  volume?: string;
}

/** Where a restore works on stores that lie like these: on the service's own volume, or on one of its own. */
export const restorePlace = (
  restore: string,
  { data, owner }: Pick<RestorePlace, 'data' | 'owner'>,
  volume?: string,
): RestorePlace => ({ restore, data, owner, ...(volume ? { volume } : {}) });
