import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Config, Service } from '../../src/config/config.ts';
import { type LabelledContainer, servicesFromLabels, withLabelledServices } from '../../src/config/labels.ts';

const container = (name: string, labels: Record<string, string>): LabelledContainer => ({
  id: `id-of-${name}`,
  name: `/${name}`,
  labels,
});
const neo4j = (labels: Record<string, string> = {}) =>
  container('graph', { 'lifeboat.enable': 'true', 'lifeboat.kind': 'neo4j', ...labels });
const qdrant = (labels: Record<string, string> = {}) =>
  container('vectors', { 'lifeboat.enable': 'true', 'lifeboat.kind': 'qdrant', ...labels });

function errorsOf(containers: LabelledContainer[], declared: Service[] = [], env = {}): string {
  return servicesFromLabels(containers, declared, env).errors.join('\n');
}

describe('labels', () => {
  test('declare services, with secrets from the variables of this process', () => {
    const { services, errors } = servicesFromLabels(
      [
        qdrant({ 'lifeboat.url': 'http://127.0.0.1:6333/', 'lifeboat.include': 'notes, resources' }),
        neo4j({
          'lifeboat.bolt': 'bolt://127.0.0.1:7687',
          'lifeboat.password-env': 'GRAPH_PW',
          'lifeboat.stop-grace': '5m',
          'lifeboat.mode': 'dump',
        }),
      ],
      [],
      { GRAPH_PW: 'pw' },
    );
    assert.deepEqual(errors, []);
    const [graph, vectors] = services;
    assert.ok(graph?.kind === 'neo4j' && vectors?.kind === 'qdrant');
    assert.deepEqual(graph.target, { container: 'graph' });
    assert.equal(graph.password?.reveal(), 'pw');
    assert.equal(graph.username, 'neo4j');
    assert.equal(graph.stopGraceSeconds, 300);
    assert.equal(graph.mode, 'dump');
    assert.deepEqual(vectors.urls, ['http://127.0.0.1:6333']);
    assert.deepEqual(vectors.include, ['notes', 'resources']);
  });

  test('a container of compose is named and found by its compose service', () => {
    const compose = { 'com.docker.compose.project': 'lifeos', 'com.docker.compose.service': 'neo4j' };
    const [service] = servicesFromLabels([neo4j(compose)]).services;
    assert.equal(service?.name, 'neo4j');
    assert.deepEqual(service?.kind === 'neo4j' && service.target, {
      compose: { project: 'lifeos', service: 'neo4j' },
    });
  });

  test('a container without them, or switched off, is nobody’s business', () => {
    const containers = [
      container('web', { 'traefik.enable': 'true' }),
      neo4j({ 'lifeboat.enable': 'false' }),
      container('helper', { 'lifeboat.role': 'helper', 'lifeboat.set': 'x' }),
    ];
    assert.deepEqual(servicesFromLabels(containers), { services: [], problems: [], errors: [] });
  });

  test('the order of the containers does not matter', () => {
    const both = [qdrant({ 'lifeboat.url': 'http://h:1' }), neo4j()];
    assert.deepEqual(servicesFromLabels(both), servicesFromLabels(both.toReversed()));
  });
});

describe('bad labels', () => {
  test('an unknown one is told with the nearest known one and the container’s name', () => {
    assert.match(
      errorsOf([neo4j({ 'lifeboat.bold': 'x' })]),
      /^container graph: lifeboat\.bold: unknown label: did you mean "lifeboat\.bolt"/,
    );
  });
  test('the name of the pause of the application, as a name or as that of the compose service', () => {
    const compose = { 'com.docker.compose.project': 'p', 'com.docker.compose.service': 'application' };
    for (const labels of [{ 'lifeboat.name': 'application' }, compose]) {
      assert.match(errorsOf([neo4j(labels)]), /lifeboat\.name: no service can be named "application"/);
    }
  });
  test('an unknown kind', () => {
    assert.match(errorsOf([neo4j({ 'lifeboat.kind': 'mysql' })]), /lifeboat\.kind: .*neo4j or qdrant/);
  });
  test('a kind that is missing', () => {
    assert.match(
      errorsOf([container('x', { 'lifeboat.enable': 'true' })]),
      /lifeboat\.kind: .*neo4j or qdrant/,
    );
  });
  test('a label that does not belong to the kind', () => {
    const found = errorsOf([neo4j({ 'lifeboat.url': 'http://h:1' })]);
    assert.match(found, /lifeboat\.url: unknown key "url" does not belong to a neo4j/);
  });
  test('a Qdrant without an address', () => {
    assert.match(errorsOf([qdrant()]), /lifeboat\.url: is missing/);
  });
  test('a value that is wrong', () => {
    assert.match(
      errorsOf([neo4j({ 'lifeboat.stop-grace': 'long' })]),
      /lifeboat\.stop-grace: "long" must be a duration/,
    );
    assert.match(errorsOf([neo4j({ 'lifeboat.enable': 'yes' })]), /lifeboat\.enable: is "yes"/);
  });
  test('a variable that is not set', () => {
    assert.match(errorsOf([neo4j({ 'lifeboat.password-env': 'NONE' })]), /variable NONE is not set/);
    const inherited = neo4j({ 'lifeboat.password-env': 'constructor' });
    assert.match(errorsOf([inherited]), /variable constructor is not set/);
  });
  test('two containers with one name', () => {
    const second = { ...neo4j({ 'lifeboat.name': 'graph' }), name: 'other' };
    assert.match(
      errorsOf([neo4j(), second]),
      /^container other: lifeboat\.name: there is a service "graph" already/,
    );
  });
});

describe('labels beside the file', () => {
  const declared: Service = {
    kind: 'neo4j',
    name: 'graph',
    target: { container: 'graph' },
    bolt: 'bolt://127.0.0.1:7687',
    stopGraceSeconds: 180,
    startTimeoutSeconds: 600,
    mode: 'auto',
    preCopy: true,
    checkCopies: true,
  };

  test('a container that the file has too is one service, and the file’s', () => {
    const labels = { 'lifeboat.bolt': 'bolt://127.0.0.1:7687' };
    assert.deepEqual(servicesFromLabels([neo4j(labels)], [declared]), {
      services: [],
      problems: [],
      errors: [],
    });
  });

  test('what the labels say otherwise than the file is refused', () => {
    const found = errorsOf([neo4j({ 'lifeboat.mode': 'dump', 'lifeboat.name': 'other' })], [declared]);
    assert.match(found, /lifeboat\.mode: is "dump", and the file says "auto" for the service "graph"/);
    assert.match(found, /lifeboat\.name: is "other", and the file says "graph"/);
  });

  test('another container with the name of a declared service is refused', () => {
    const other = { ...neo4j({ 'lifeboat.name': 'graph' }), name: 'other', id: 'x' };
    assert.match(errorsOf([other], [declared]), /there is a service "graph" already/);
  });

  test('a configuration takes them in, or refuses all bad ones at once', () => {
    const config = { services: [declared], consistent: true } as unknown as Config;
    const merged = withLabelledServices(config, [qdrant({ 'lifeboat.url': 'http://h:1' })]);
    assert.deepEqual(
      merged.services.map(({ name }) => name),
      ['graph', 'vectors'],
    );
    assert.equal(merged.consistent, true);
    assert.throws(
      () => withLabelledServices(config, [qdrant(), neo4j({ 'lifeboat.mode': 'dump' })]),
      /has 2 problems:\n {2}container graph: lifeboat\.mode: .*\n {2}container vectors: lifeboat\.url: is missing/,
    );
  });
});
