import { DAEMON_METRICS, PROCESS_METRICS } from '../../daemon/metrics/metrics.ts';
import { SPECIFIED_NAMES, type Metric } from '../../shared/metrics/metric.ts';
import { TRAINER_METRICS } from '../../trainer/control/metrics/metrics.ts';

const WIDTH = 8;
const HEIGHT = 7;
const COLUMNS = 24;
const DATA_SOURCE = { type: 'prometheus', uid: '${datasource}' };
/** The specification's names repeat others. */
const isShown = ({ name }: Metric<never>): boolean => !(SPECIFIED_NAMES as readonly string[]).includes(name);

/** config/grafana/minutehand.json: a panel for each declared metric, to be imported into Grafana. */
export function renderDashboard(): string {
  const rows = [
    ['Signals', DAEMON_METRICS],
    ['Training and notifications', TRAINER_METRICS],
    ['Daemon process', PROCESS_METRICS],
  ] as const;
  let id = 0;
  let y = 0;
  const panels = rows.flatMap(([title, metrics]) => {
    const row = { id: ++id, type: 'row', title, collapsed: false, panels: [], gridPos: { x: 0, y: y++, w: COLUMNS, h: 1 } };
    const own = (metrics as readonly Metric<never>[]).filter(isShown).map((metric, index) => {
      const x = (index * WIDTH) % COLUMNS;
      if (x === 0 && index > 0) y += HEIGHT;
      return panelOf(metric, ++id, { x, y, w: WIDTH, h: HEIGHT });
    });
    y += HEIGHT;
    return [row, ...own];
  });
  const dashboard = {
    title: 'minutehand',
    uid: 'minutehand',
    schemaVersion: 39,
    timezone: 'utc',
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' }] },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function panelOf(metric: Metric<never>, id: number, gridPos: object): object {
  const { name, help } = metric;
  return {
    id,
    type: 'timeseries',
    title: name.replace(/^minutehand_/, '').replaceAll('_', ' '),
    description: help,
    datasource: DATA_SOURCE,
    gridPos,
    fieldConfig: { defaults: { unit: unitOf(name) }, overrides: [] },
    targets: [{ refId: 'A', datasource: DATA_SOURCE, ...queryOf(metric) }],
  };
}

/** Counters as rates, histograms as their 99th percentile or a share, gauges and summaries as they are. */
export function queryOf({ name, type, labels = [], shownUpTo }: Metric<never>): { expr: string; legendFormat: string } {
  const by = ['instance', ...labels];
  const legendFormat = by.map((label) => `{{${label}}}`).join(' ');
  if (type === 'counter') return { expr: `sum by (${by.join()}) (rate(${name}[5m]))`, legendFormat };
  if (type === 'gauge' || type === 'summary') return { expr: name, legendFormat };
  if (shownUpTo !== undefined) {
    const upTo = `sum by (${by.join()}) (increase(${name}_bucket{le="${shownUpTo}"}[1d]))`;
    const all = `sum by (${by.join()}) (increase(${name}_count[1d]))`;
    return { expr: `${upTo} / ${all}`, legendFormat: `share up to ${shownUpTo} ${legendFormat}` };
  }
  const buckets = `sum by (${[...by, 'le'].join()}) (rate(${name}_bucket[5m]))`;
  return { expr: `histogram_quantile(0.99, ${buckets})`, legendFormat: `p99 ${legendFormat}` };
}

function unitOf(name: string): string {
  if (name.endsWith('_seconds')) return 's';
  if (name.endsWith('_bytes')) return 'bytes';
  return name.endsWith('_total') ? 'cps' : 'short';
}
