// needs: nothing
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const RULES = 'deploy/prometheus/lifeboat.rules.yml';

/** The names of the metrics in an expression. @throws when it is not PromQL. */
function metricsIn(expression: string): string[] {
  const names: string[] = [];
  parser.parse(expression).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`Not PromQL at ${node.from}: ${expression}`);
      if (node.name !== 'VectorSelector') return;
      const name = node.node.getChild('Identifier');
      assert.ok(name, `a selector without a name in: ${expression}`);
      names.push(expression.slice(name.from, name.to));
    },
  });
  return names;
}

/** The names of all metrics in a scrape. */
async function scraped(): Promise<Set<string>> {
  const metrics = await createMetrics({ version: '0' }).registry.getMetricsAsJSON();
  return new Set(metrics.map(({ name }) => name));
}

/** promtool from the PATH; else out of Debian's package, which is unpacked and not installed. */
function findPromtool(): string | undefined {
  const folder = new URL('../../.cache/prometheus/', import.meta.url).pathname;
  const places = [...(process.env.PATH ?? '').split(delimiter), join(folder, 'usr/bin')];
  const find = () => places.map((place) => join(place, 'promtool')).find((path) => existsSync(path));
  if (find() || !existsSync('/usr/bin/apt-get')) return find();
  try {
    mkdirSync(folder, { recursive: true });
    execFileSync('apt-get', ['download', 'prometheus'], { cwd: folder, stdio: 'ignore', timeout: 60_000 });
    const packed = readdirSync(folder).find((name) => name.endsWith('.deb'));
    if (packed !== undefined) execFileSync('dpkg', ['-x', packed, '.'], { cwd: folder });
  } catch {
    // The check is skipped, and says so.
  }
  return find();
}

/** Made by Prometheus itself. */
const OF_PROMETHEUS = ['up'];

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string };
}

describe('the alert rules', async () => {
  const rules = (parse(await read(RULES)) as { groups: { rules: Rule[] }[] }).groups.flatMap((g) => g.rules);

  it('ask for metrics that exist', async () => {
    const names = await scraped();
    for (const { alert, expr } of rules) {
      for (const name of metricsIn(expr)) {
        assert.ok(names.has(name) || OF_PROMETHEUS.includes(name), `${alert} asks for ${name}`);
      }
    }
  });

  it('are told apart by name, weight and summary', () => {
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels.severity, /^(critical|warning)$/, alert);
      assert.ok(annotations.summary, alert);
    }
  });

  const promtool = findPromtool();
  const skip = promtool === undefined && 'promtool is neither installed nor to be had from Debian here';
  it('are accepted by Prometheus’ own promtool', { skip }, () => {
    const path = new URL(`../../${RULES}`, import.meta.url).pathname;
    assert.match(execFileSync(promtool ?? '', ['check', 'rules', path]).toString(), /14 rules found/);
  });
});

describe('the dashboard', async () => {
  interface Panel {
    title: string;
    type: string;
    targets?: { expr: string }[];
    gridPos: { x: number; y: number; w: number; h: number };
  }
  const dashboard = JSON.parse(await read('deploy/grafana/dashboards/lifeboat.json')) as {
    panels: Panel[];
    templating: { list: { type: string; name: string; definition?: string }[] };
  };

  it('asks for metrics that exist', async () => {
    const names = await scraped();
    for (const { title, targets } of dashboard.panels) {
      for (const { expr } of targets ?? []) {
        for (const name of metricsIn(expr)) assert.ok(names.has(name), `"${title}" asks for ${name}`);
      }
    }
    for (const { definition } of dashboard.templating.list) {
      const name = /^label_values\((\w+), /.exec(definition ?? '')?.[1];
      if (definition !== undefined) assert.ok(name && names.has(name), definition);
    }
  });

  it('shows every metric of the catalog', async () => {
    const shown = new Set(
      dashboard.panels.flatMap(({ targets }) => (targets ?? []).flatMap(({ expr }) => metricsIn(expr))),
    );
    // Judged by alerts, or of use only there.
    const elsewhere = [
      'lifeboat_build_info',
      'lifeboat_last_drill_timestamp_seconds',
      'lifeboat_repository_read_timestamp_seconds',
      'lifeboat_runs_total',
    ];
    const missing = [...(await scraped())].filter(
      (name) => name.startsWith('lifeboat_') && !shown.has(name) && !elsewhere.includes(name),
    );
    assert.deepEqual(missing, []);
  });

  it('has panels that do not lie upon each other', () => {
    for (const [index, { gridPos: a, title }] of dashboard.panels.entries()) {
      assert.ok(a.x + a.w <= 24, title);
      for (const { gridPos: b, title: other } of dashboard.panels.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        assert.ok(apart, `${title} and ${other}`);
      }
    }
  });
});

describe('docs/metrics.md', () => {
  it('names every metric, and none that is not', async () => {
    const text = await read('docs/metrics.md');
    const named = new Set(text.match(/\blifeboat_[a-z_]+\b/g));
    const own = [...(await scraped())].filter((name) => name.startsWith('lifeboat_'));
    assert.deepEqual([...named].sort(), own.sort());
  });
});
