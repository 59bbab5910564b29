import type { Neo4jService } from '../../src/config/config.ts';

/** A Neo4j service as a configuration that says no more than its container gives it. */
export const graphService = (more: Partial<Neo4jService> = {}): Neo4jService => ({
  kind: 'neo4j',
  name: 'graph',
  target: { container: 'neo4j' },
  stopGraceSeconds: 180,
  startTimeoutSeconds: 600,
  mode: 'auto',
  preCopy: true,
  checkCopies: true,
  ...more,
});
