import type { ComponentChildren } from 'preact';
import type { Edge, Gate, ModelDetail } from '../api.ts';
import { holdoutSharpe, type ShownSharpe } from '../../../shared/bundle/holdout_sharpe.ts';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { gateText } from '../../../shared/bundle/gates/gate_text.ts';
import { num, percent, signed } from '../format.ts';
import { language, t } from '../text/text.ts';
import { Badge, Table, type Column } from './basics.tsx';
import { sharpeNote, sharpeValue } from './sharpe.ts';
import { GateLimit, GateName, GateSeen } from './gate_text.tsx';

interface Row {
  readonly name: string;
  readonly a: number | null;
  readonly b: number | null;
  readonly shown: (value: number | null) => string;
  /** In place of what `shown` makes of the values. */
  readonly texts?: Readonly<Record<'a' | 'b', ComponentChildren>>;
  /** Direction of improvement; 0: neither. */
  readonly better: 1 | -1 | 0;
}

/** Metrics of one bundle, or of two side by side. */
export function ModelComparison({ a, b }: { readonly a: ModelDetail; readonly b: ModelDetail | null }) {
  const rows = rowsOf(a, b);
  const number = (key: 'a' | 'b', title: string): Column<Row> => ({
    key,
    title,
    isNumber: true,
    value: (row) => row[key],
    cell: (row) => row.texts?.[key] ?? row.shown(row[key]),
  });
  return (
    <Table
      name="comparison"
      label={t('models.compare')}
      rows={rows}
      rowKey={({ name }) => name}
      empty="models.none"
      columns={[
        { key: 'name', title: t('models.figure'), value: ({ name }) => name, cell: ({ name }) => name },
        number('a', a.version),
        ...(b === null
          ? []
          : [
              number('b', b.version),
              {
                key: 'difference',
                title: t('models.difference'),
                isNumber: true,
                value: (row: Row) => differenceOf(row),
                cell: Difference,
              },
            ]),
      ]}
    />
  );
}

function differenceOf({ a, b }: Row): number | null {
  return a === null || b === null ? null : b - a;
}

function Difference(row: Row) {
  const difference = differenceOf(row);
  const shown = shownDifference(row);
  // What is rounded to zero is neither better nor worse.
  if (difference === null || row.better === 0 || !/[1-9]/.test(shown)) return <span>{shown}</span>;
  return <span class={difference * row.better > 0 ? 'good' : 'bad'}>{shown}</span>;
}

function shownDifference(row: Row): string {
  const difference = differenceOf(row);
  if (difference === null) return '–';
  const size = row.shown(Math.abs(difference)).replace(/^\+/, '');
  return /[1-9]/.test(size) ? `${difference < 0 ? '−' : '+'}${size}` : size;
}

function rowsOf(a: ModelDetail, b: ModelDetail | null): Row[] {
  const row = (
    name: string,
    of: (detail: ModelDetail) => number | null | undefined,
    better: Row['better'],
    shown: Row['shown'] = (value) => num(value, 4),
  ): Row => ({ name, a: of(a) ?? null, b: b === null ? null : (of(b) ?? null), shown, better });
  const count = (value: number | null): string => num(value, 0);
  const share = (value: number | null): string => (value === null ? '–' : percent(value, 2));
  const models = (['ai1', 'ai2'] as const).flatMap((name) =>
    (
      [
        ['auc', 'AUC', 1],
        ['brier', 'Brier', -1],
        ['log_loss', t('runs.logLoss').toLowerCase(), -1],
        ['ece', 'ECE', -1],
      ] as const
    ).map(([metric, shown, better]) =>
      row(`${name.toUpperCase()} ${shown}`, ({ manifest }) => manifest.metrics[name].holdout[metric], better),
    ),
  );
  return [
    row('θ1', ({ manifest }) => manifest.theta1, 0, num),
    row('θ2', ({ manifest }) => manifest.theta2, 0, num),
    ...models,
    row(t('models.placeboAuc'), ({ manifest }) => manifest.skill?.placebo_auc, 0),
    row(t('models.skill'), ({ manifest }) => manifest.skill?.skill, 1),
    row(t('models.skillError'), ({ manifest }) => manifest.skill?.standard_error, 0),
    row(t('models.skillLower'), ({ manifest }) => manifest.skill?.lower_95, 1),
    row('AI3 Brier', ({ manifest }) => manifest.metrics.ai3.holdout.brier, -1),
    row(t('models.edgePairs'), ({ manifest }) => withEdge(manifest.edge), 1, count),
    row(t('models.trades'), ({ manifest }) => manifest.backtest?.trades, 0, count),
    row(t('monitor.winRate'), ({ manifest }) => manifest.backtest?.win_rate, 1, share),
    row(t('models.net'), ({ manifest }) => manifest.backtest?.mean_net_bps, 1, signed),
    {
      ...row(t('backtests.sharpe'), (detail) => sharpeOf(detail).value, 1, num),
      texts: { a: sharpeCell(a), b: sharpeCell(b) },
    },
    row(t('monitor.drawdown'), ({ manifest }) => manifest.backtest?.max_drawdown, -1, share),
    row(t('models.failedGates'), ({ manifest }) => failed(manifest.gates ?? []).length, -1, count),
  ];
}

const sharpeOf = ({ manifest: { backtest, period } }: ModelDetail): ShownSharpe =>
  holdoutSharpe(backtest?.net_sharpe, period);

function sharpeCell(detail: ModelDetail | null): ComponentChildren {
  if (detail === null) return null;
  const sharpe = sharpeOf(detail);
  return (
    <div class="stacked">
      <span>{sharpeValue(sharpe)}</span>
      <span class="note">{sharpeNote(sharpe)}</span>
    </div>
  );
}

function withEdge(edge: Readonly<Record<string, Edge>>): number {
  return Object.values(edge).filter(({ no_edge }) => !no_edge).length;
}

function failed(gates: readonly Gate[]): readonly Gate[] {
  return gates.filter(({ passed }) => !passed);
}

interface GateRow {
  readonly key: string;
  /** One of both, for its name and limit. */
  readonly gate: Gate;
  readonly a: Gate | null;
  readonly b: Gate | null;
}

/** A bundle of any kind with its verdicts. */
interface Judged {
  readonly version: string;
  readonly manifest: Pick<ModelDetail['manifest'], 'gates'>;
}

/** Gate results of one bundle, or of two side by side. */
export function Gates({ a, b }: { readonly a: Judged; readonly b: Judged | null }) {
  const of = (detail: Judged | null): ReadonlyMap<string, Gate> =>
    new Map((detail?.manifest.gates ?? []).map((gate) => [keyOf(gate), gate]));
  const own = of(a);
  const other = of(b);
  const rows = [...new Set([...own.keys(), ...other.keys()])].map((key): GateRow => {
    const first = own.get(key) ?? null;
    const second = other.get(key) ?? null;
    return { key, gate: (first ?? second)!, a: first, b: second };
  });
  const column = (key: 'a' | 'b', title: string): Column<GateRow> => ({
    key,
    title,
    value: (row) => (row[key] === null ? null : `${row[key].passed ? 'passed' : 'failed'} ${seenOf(row[key])}`),
    cell: (row) =>
      row[key] === null ? (
        '–'
      ) : (
        <>
          <Badge tone={row[key].passed ? 'good' : 'bad'}>
            {t(row[key].passed ? 'models.passed' : 'models.failed')}
          </Badge>{' '}
          <GateSeen gate={row[key]} />
        </>
      ),
  });
  return (
    <Table
      name="gates"
      label={t('models.gates')}
      rows={rows}
      rowKey={({ key }) => key}
      empty="models.none"
      kind="gates"
      columns={[
        {
          key: 'gate',
          title: t('models.gate'),
          value: ({ key }) => key,
          cell: ({ gate }) => <GateName gate={gate} />,
        },
        column('a', b === null ? t('models.seen') : a.version),
        ...(b === null ? [] : [column('b', b.version)]),
        {
          key: 'limit',
          title: t('models.limit'),
          value: ({ gate }) => gateText(gate, language.value).limit,
          cell: ({ gate }) => <GateLimit gate={gate} />,
        },
      ]}
    />
  );
}

function seenOf(gate: Gate): string {
  return gateText(gate, language.value).seen;
}

const SIDE = 220;
const MARGIN = 26;

/** Fraction of positives against predicted probability on the holdout; a calibrated model is on the diagonal. */
export function Reliability({ a, b }: { readonly a: ModelDetail; readonly b: ModelDetail | null }) {
  return (
    <div class="reliability">
      {(['ai1', 'ai2'] as const).map((name) => (
        <figure key={name}>
          <figcaption>{name.toUpperCase()}</figcaption>
          <svg
            viewBox={`0 0 ${SIDE} ${SIDE}`}
            role="img"
            aria-label={`${t('models.reliability')} ${name.toUpperCase()}: ${textOf(a.reliability[name])}`}
          >
            <Axes />
            <Curve bins={a.reliability[name]} kind="a" />
            {b !== null && <Curve bins={b.reliability[name]} kind="b" />}
          </svg>
        </figure>
      ))}
      <p class="legend">
        <span>
          <span class="key a" /> {a.version}
        </span>
        {b !== null && (
          <span>
            <span class="key b" /> {b.version}
          </span>
        )}
      </p>
    </div>
  );
}

type Bins = ModelDetail['reliability']['ai1'];

const at = (share: number): number => MARGIN + share * (SIDE - MARGIN - 8);
const up = (share: number): number => SIDE - at(share);

function textOf(bins: Bins): string {
  return bins
    .filter(({ rows }) => rows > 0)
    .map(({ confidence, frequency }) => `${num(confidence)} → ${num(frequency)}`)
    .join(', ');
}

function Axes() {
  return (
    <g class="axes">
      {[0, 0.5, 1].map((share) => (
        <g key={share}>
          <line x1={at(share)} x2={at(share)} y1={up(0)} y2={up(1)} />
          <line x1={at(0)} x2={at(1)} y1={up(share)} y2={up(share)} />
          <text x={at(share)} y={SIDE - 10} text-anchor="middle">
            {share}
          </text>
          <text x={MARGIN - 5} y={up(share) + 3} text-anchor="end">
            {share}
          </text>
        </g>
      ))}
      <line class="diagonal" x1={at(0)} y1={up(0)} x2={at(1)} y2={up(1)} />
    </g>
  );
}

/** Point size shows the number of rows. */
function Curve({ bins, kind }: { readonly bins: Bins; readonly kind: 'a' | 'b' }) {
  const shown = bins.flatMap(({ rows, confidence, frequency }) =>
    confidence === null || frequency === null ? [] : [{ rows, x: at(confidence), y: up(frequency) }],
  );
  const most = Math.max(1, ...shown.map(({ rows }) => rows));
  return (
    <g class={`curve ${kind}`}>
      <polyline points={shown.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')} />
      {shown.map(({ x, y, rows }) => (
        <circle key={x} cx={x} cy={y} r={1.5 + 3 * Math.sqrt(rows / most)} />
      ))}
    </g>
  );
}
