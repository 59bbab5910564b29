import type { ProcessIdentity } from './process.ts';

/** What is written down about a testbed that runs, so that tests find it and `down` ends it. */
export interface TestbedState {
  id: string;
  /** A scratch directory, removed with the testbed. */
  directory: string;
  /** When it was brought up, in ISO 8601. */
  startedAt: string;
  /** The run that the testbed belongs to; when that was killed, the next start removes the testbed. Null: it stays. */
  owner: ProcessIdentity | null;
  /** Everything that `down` has to end. */
  processes: ProcessIdentity[];
  docker?: {
    /** As in `DOCKER_HOST`. */
    host: string;
    /** The same as a path, where it is a Unix socket; else empty. */
    socketPath: string;
    /** Whether the testbed started the engine itself. */
    private: boolean;
  };
  neo4jImage?: string;
  temporal?: { address: string; namespace: string; uiUrl: string };
  s3?: S3State;
  gcs?: { endpoint: string };
  qdrant?: { url: string; apiKey: string; real: boolean };
}

export interface S3State {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** A bucket that is there. */
  bucket: string;
}
