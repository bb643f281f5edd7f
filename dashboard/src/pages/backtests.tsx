import { useState } from 'preact/hooks';
import { api, type Backtest, type Subject } from '../api.ts';
import { parseTrades, type BacktestTrade } from '../charts/trades.ts';
import { minuteOf, num, percent, signed } from '../format.ts';
import { answered, nowMs, subjects } from '../live.ts';
import { Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { BacktestForm } from '../parts/backtest_form.tsx';
import { BacktestView, type ShownBacktest } from '../parts/backtest_view.tsx';
import { levelOf } from '../parts/heat.ts';
import { RequestedBacktests } from '../parts/requested_backtests.tsx';
import { shareText } from '../parts/share_text.ts';
import { sharpeNote, sharpeValue } from '../parts/sharpe.ts';
import { pathOf, place } from '../router.ts';
import { t } from '../text/text.ts';
import { BacktestPage } from './backtest.tsx';

const READ_MS = 5000;

/** All backtests, or the one that the path names. */
export default function BacktestsPage() {
  const { part } = place.value;
  return part === '' ? <Backtests /> : <BacktestPage key={part} asked={part} />;
}

/** Holdout backtests of all bundles, requested ones, and a form to start one. */
function Backtests() {
  const { data, error, reload } = useLoaded(() => api.get('/api/backtests'), String(Math.floor(nowMs.value / READ_MS)));
  const [shown, setShown] = useState<readonly ShownBacktest[]>([]);
  const rows = data?.backtests ?? [];
  const add = (more: readonly ShownBacktest[]): void => setShown((now) => [...now, ...more].slice(-2));
  return (
    <>
      {error !== null && <Failure error={error} />}
      <BacktestForm models={rows.map(({ version }) => version)} bars={data?.bars ?? null} onStarted={reload} />
      {data !== null && <RequestedBacktests requested={data.requested} onChanged={reload} />}
      <Panel title={t('backtests.title')} wide>
        <Table
          name="backtests"
          label={t('backtests.title')}
          rows={data?.backtests}
          error={error}
          columns={columnsOf()}
          rowKey={({ version }) => version}
          empty="backtests.none"
        />
        <p class="note">{t('backtests.headline')}</p>
      </Panel>
      {rows.length > 0 && <HeatMap rows={rows} />}
      <Files shown={shown} onRead={add} onClose={() => setShown([])} />
      {shown.length > 0 && <BacktestView shown={shown} />}
    </>
  );
}

/** Loads `trades.csv` of `minutehand backtest --out` in the browser: one file, or two to compare. */
function Files(props: {
  readonly shown: readonly ShownBacktest[];
  readonly onRead: (read: readonly ShownBacktest[]) => void;
  readonly onClose: () => void;
}) {
  const [refused, setRefused] = useState('');
  async function take(files: FileList | null): Promise<void> {
    const read = await Promise.all(
      [...(files ?? [])].map(async (file) => ({ name: file.name, trades: parseTrades(await file.text()) })),
    );
    setRefused(read.find(({ trades }) => trades === null)?.name ?? '');
    const sound = read.flatMap(({ name, trades }) => (trades === null ? [] : byModels(name, trades)));
    props.onRead(sound);
  }
  return (
    <Panel title={t('backtests.open')} wide>
      <form class="form fields">
        <label>
          {t('backtests.file')}
          <input
            type="file"
            accept=".csv"
            multiple
            onChange={({ currentTarget }) => void take(currentTarget.files).then(() => (currentTarget.value = ''))}
          />
        </label>
        {props.shown.length > 0 && (
          <button type="button" class="button" onClick={props.onClose}>
            {t('backtests.close')}
          </button>
        )}
      </form>
      {refused !== '' && (
        <p class="bad" role="alert">
          {t('backtests.refused', { file: refused })}
        </p>
      )}
    </Panel>
  );
}

/** A file may contain the trades of two bundles. */
function byModels(file: string, trades: readonly BacktestTrade[]): ShownBacktest[] {
  const groups = [...Map.groupBy(trades, ({ model_version }) => model_version)];
  return groups.map(([version, own]) => ({ name: `${file} ${version}`, trades: own }));
}

function columnsOf(): Column<Backtest>[] {
  const number = (
    key: string,
    title: string,
    of: (row: Backtest) => number | null,
    shown: (value: number | null, row: Backtest) => string,
  ): Column<Backtest> => ({
    key,
    title,
    isNumber: true,
    value: of,
    cell: (row) => shown(of(row), row),
  });
  return [
    {
      key: 'version',
      title: t('models.version'),
      value: ({ version }) => version,
      cell: ({ version }) => <span class="mono">{version}</span>,
    },
    {
      key: 'created',
      title: t('models.created'),
      value: ({ created }) => created,
      cell: ({ created }) => minuteOf(created),
    },
    number(
      'theta1',
      'θ1',
      ({ theta1 }) => theta1,
      (value) => num(value),
    ),
    number(
      'theta2',
      'θ2',
      ({ theta2 }) => theta2,
      (value) => num(value),
    ),
    number(
      'trades',
      t('models.trades'),
      ({ holdout }) => holdout?.trades ?? null,
      (value) => num(value, 0),
    ),
    number(
      'win_rate',
      t('monitor.winRate'),
      ({ holdout }) => holdout?.win_rate ?? null,
      (value, { holdout }) => shareText(value, holdout?.trades ?? 0),
    ),
    number(
      'mean_net_bps',
      t('models.net'),
      ({ holdout }) => holdout?.mean_net_bps ?? null,
      (value) => signed(value),
    ),
    {
      key: 'net_sharpe',
      title: t('backtests.sharpe'),
      isNumber: true,
      value: ({ sharpe }) => sharpe.value,
      cell: ({ sharpe }) => (
        <div class="stacked">
          <span>{sharpeValue(sharpe)}</span>
          <span class="note">{sharpeNote(sharpe)}</span>
        </div>
      ),
    },
    number(
      'max_drawdown',
      t('monitor.drawdown'),
      ({ holdout }) => holdout?.max_drawdown ?? null,
      (value) => (value === null ? '–' : percent(value, 2)),
    ),
  ];
}

const SHOWN_BUNDLES = 12;
/** Net basis points per trade at full color. */
const FULL = 5;

function HeatMap({ rows }: { readonly rows: readonly Backtest[] }) {
  return (
    <Panel title={t('backtests.heat')} wide>
      <Table
        name="backtests_by_subject"
        label={t('backtests.heat')}
        rows={answered.value.has('subjects') ? subjects.value.filter(({ kind }) => kind === 'pair') : undefined}
        rowKey={({ subject }) => subject}
        empty="backtests.none"
        kind="heat"
        columns={[
          {
            key: 'subject',
            title: t('subject.choose'),
            value: ({ subject }) => subject,
            cell: ({ subject, label }) => <a href={pathOf('subjects', subject)}>{label}</a>,
          },
          ...rows.slice(0, SHOWN_BUNDLES).map(({ version, edge }): Column<Subject> => ({
            key: version,
            title: version,
            isNumber: true,
            tone: ({ subject }) => levelOf(edge[subject]?.mean_net_bps ?? null, FULL),
            value: ({ subject }) => edge[subject]?.mean_net_bps ?? null,
            cell: ({ subject }) => {
              const own = edge[subject];
              return own?.mean_net_bps == null ? '' : `${signed(own.mean_net_bps)} (${num(own.trades, 0)})`;
            },
          })),
        ]}
      />
    </Panel>
  );
}
