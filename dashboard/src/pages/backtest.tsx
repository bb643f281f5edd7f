import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { gateText } from '../../../shared/bundle/gates/gate_text.ts';
import { api, type BacktestResult, type Gate, type RequestedBacktest } from '../api.ts';
import { duration, minuteOf, num } from '../format.ts';
import { nowMs, status } from '../live.ts';
import { parseTrades } from '../charts/trades.ts';
import { Badge, Empty, FailedLine, Failure, Loading, Panel, Table, useLoaded } from '../parts/basics.tsx';
import { BacktestView, type ShownBacktest } from '../parts/backtest_view.tsx';
import { Claims, FigureTable, Counts } from '../parts/backtest_figures.tsx';
import { Gates } from '../parts/model_comparison.tsx';
import { backtestTone, periodText } from '../parts/requested_backtests.tsx';
import { NameUnknown } from '../parts/unknown_name.tsx';
import { Segments } from '../parts/segments.tsx';
import { named } from '../named.ts';
import { pathOf, place, setQuery } from '../router.ts';
import { codeText, language, stageText, t } from '../text/text.ts';

const READ_MS = 3000;

/** A requested backtest (`/app/backtests/12`), or beside another (`?with=11`). */
export function BacktestPage({ asked }: { readonly asked: string }) {
  const { data, error } = useLoaded(() => api.get('/api/backtests'), String(Math.floor(nowMs.value / READ_MS)));
  if (error !== null) return <Failure error={error} />;
  if (data === null) return <Loading />;
  const { requested } = data;
  const ids = requested.map(({ backtest_id }) => String(backtest_id));
  const own = named(asked, ids);
  const found = requested.find(({ backtest_id }) => own.kind === 'known' && String(backtest_id) === own.name);
  if (found === undefined)
    return (
      <NameUnknown
        text="unknown.backtest"
        own={{ kind: 'unknown', asked, near: [] }}
        known={ids}
        pathTo={(id) => pathOf('backtests', id)}
      />
    );
  return <Known key={found.backtest_id} found={found} requested={requested} />;
}

interface KnownProps {
  readonly found: RequestedBacktest;
  readonly requested: readonly RequestedBacktest[];
}

function Known({ found, requested }: KnownProps) {
  const id = found.backtest_id;
  const others = requested.filter((one) => one.status === 'done' && one.backtest_id !== id);
  const beside = others.find(({ backtest_id }) => String(backtest_id) === place.value.query.get('with'));
  const own = useBacktest(id, found.status);
  const other = useBacktest(beside?.backtest_id ?? null, 'done');
  return (
    <>
      <Panel
        title={t('backtests.one', { id })}
        wide
        aside={
          <>
            {others.length > 0 && (
              <label>
                {t('backtests.second')}{' '}
                <select
                  value={beside?.backtest_id ?? ''}
                  onChange={({ currentTarget }) => setQuery('with', currentTarget.value)}
                >
                  <option value="">{t('backtests.noSecond')}</option>
                  {others.map((one) => (
                    <option key={one.backtest_id} value={one.backtest_id}>
                      {`#${one.backtest_id} ${one.request.models.join(' · ')} ${periodText(one.request)}`}
                    </option>
                  ))}
                </select>
              </label>
            )}{' '}
            <a class="button" href={pathOf('backtests')}>
              {t('backtests.all')}
            </a>
          </>
        }
      >
        {own.error !== null && <Failure error={own.error} />}
        {other.error !== null && <Failure error={other.error} />}
        <Request found={found} />
        {found.status === 'done' && own.data !== null && own.data.figures === null && (
          <Empty text={t('backtests.otherVersion')} />
        )}
      </Panel>
      {own.data !== null && own.data.figures !== null && (
        <Result own={own.data} other={beside === undefined ? null : other.data} />
      )}
    </>
  );
}

/** Read once it is done; its state is in the list before. */
function useBacktest(id: number | null, state: string) {
  return useLoaded(
    () =>
      id === null ? Promise.resolve(null) : api.get('/api/backtests/{backtest_id}', { path: { backtest_id: id } }),
    `${id} ${state}`,
  );
}

function Request({ found }: { readonly found: RequestedBacktest }) {
  const { request, started_ms, finished_ms } = found;
  const facts: readonly (readonly [string, string])[] = [
    [t('models.version'), request.models.join(' · ')],
    [t('backtests.asked'), periodText(request)],
    [t('backtests.pairs'), request.pairs === null ? t('subject.everything') : request.pairs.join(' ')],
    ['θ1', request.theta1 === null ? t('backtests.ofBundle') : num(request.theta1)],
    ['θ2', request.theta2 === null ? t('backtests.ofBundle') : num(request.theta2)],
    [t('backtests.costModel'), codeText('costs', request.costs)],
    ['policy_hash', found.policy_hash],
    [t('audit.actor'), found.requested_by],
    [t('policy.reason'), found.reason === '' ? '–' : found.reason],
    [t('runs.duration'), started_ms === null ? '–' : duration((finished_ms ?? nowMs.value) - started_ms)],
  ];
  return (
    <>
      <p>
        <Badge tone={backtestTone(found.status)}>{codeText('status', found.status)}</Badge>{' '}
        {found.status === 'running' && `${stageText(found.stage)} ${num(found.percent, 0)} %`}
        {found.error !== null && <FailedLine error={found.error} isBad={found.status === 'failed'} />}
      </p>
      <dl class="inline">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

type Figures = NonNullable<BacktestResult['figures']>;

function Result({ own, other }: { readonly own: BacktestResult; readonly other: BacktestResult | null }) {
  const [view, setView] = useState<'all_pairs' | 'edge_pairs'>('all_pairs');
  const figures = own.figures!;
  const beside = other?.figures ?? null;
  const columnsOf = (result: BacktestResult) =>
    (result.figures?.bundles ?? []).map((bundle) => ({ name: nameOf(result, bundle.version), bundle }));
  // The other one first, so that the difference is what this one has more.
  const columns = other === null ? columnsOf(own) : [...columnsOf(other).slice(0, 1), ...columnsOf(own).slice(0, 1)];
  const isSame = beside === null || barsOf(figures) === barsOf(beside);
  return (
    <>
      <Panel
        title={t('backtests.figures')}
        wide
        aside={
          <Segments
            label={t('backtests.view')}
            values={['all_pairs', 'edge_pairs'] as const}
            chosen={view}
            textOf={(name) => t(`backtests.${name}`)}
            onChoose={setView}
          />
        }
      >
        <Window figures={figures} />
        {status.value?.market === 'simulated' && <p class="notice">{t('performance.simulated')}</p>}
        {!isSame && <p class="notice">{t('backtests.otherPeriod')}</p>}
        {columns.map(({ name, bundle }) => (
          <Warnings key={name} name={name} bundle={bundle} />
        ))}
        <FigureTable columns={columns.map(({ name, bundle }) => ({ name, view: bundle[view], bundle }))} />
      </Panel>
      {columns.map(({ name, bundle }) => (
        <Claims key={name} name={name} bundle={bundle} />
      ))}
      <TradesOf own={own} other={other}>
        <Counts columns={columns.map(({ name, bundle }) => ({ name, view: bundle[view] }))} />
        <Costs figures={figures} />
        <GatesOf versions={[...new Set(columns.map(({ bundle }) => bundle.version))]} />
      </TradesOf>
    </>
  );
}

const nameOf = ({ backtest_id }: BacktestResult, version: string): string => `#${backtest_id} ${version}`;
const barsOf = ({ period, pairs, bars }: Figures): string => JSON.stringify([period, pairs, bars]);

/** The data that it ran on. */
function Window({ figures: { period, bars, trading_days, pairs, missing_pairs } }: { readonly figures: Figures }) {
  return (
    <>
      <p>
        {t('backtests.window', {
          from: minuteOf(period.from),
          to: minuteOf(period.to),
          bars: num(bars, 0),
          days: num(trading_days, 0),
          pairs: num(pairs.length, 0),
        })}
      </p>
      {missing_pairs.length > 0 && <p class="bad">{t('backtests.missing', { pairs: missing_pairs.join(' ') })}</p>}
    </>
  );
}

function Warnings({ name, bundle }: { readonly name: string; readonly bundle: Figures['bundles'][number] }) {
  return (
    <>
      {bundle.trained_on_period && (
        <p class="notice">{t('backtests.inSample', { name, to: minuteOf(bundle.trained.holdout_from) })}</p>
      )}
      {bundle.pairs_without_edge.length > 0 && (
        <p class="note">{t('backtests.noEdge', { name, pairs: bundle.pairs_without_edge.join(' ') })}</p>
      )}
    </>
  );
}

interface TradesProps {
  readonly own: BacktestResult;
  readonly other: BacktestResult | null;
  /** Before the trades. */
  readonly children: ComponentChildren;
}

/** Trades of one result by its bundles, or of the first bundles of two results. */
function TradesOf({ own, other, children }: TradesProps) {
  const ids = [...(other === null ? [] : [other.backtest_id]), own.backtest_id];
  const { data } = useLoaded(() => Promise.all(ids.map(readTrades)), ids.join());
  const shown = data === null ? [] : other === null ? data.flat() : data.flatMap((own) => own.slice(0, 1));
  return (
    <>
      {shown.map(({ name, trades }) => (
        <OpenAtEnd key={name} name={name} count={trades.filter(({ reason }) => reason === END_OF_DATA).length} />
      ))}
      {shown.length > 0 ? (
        <BacktestView shown={shown}>{children}</BacktestView>
      ) : (
        <>
          {data !== null && (
            <Panel title={t('backtests.trades')} wide>
              <Empty text={t('backtests.noFiles')} />
            </Panel>
          )}
          {children}
        </>
      )}
      <Panel title={t('backtests.files')}>
        <ul class="stacked">
          {['trades.csv', 'equity.csv', 'report.html'].map((name) => (
            <li key={name}>
              <a class="mono" href={`/api/backtests/${own.backtest_id}/files/${name}`} target="_blank" rel="noreferrer">
                {name}
              </a>
            </li>
          ))}
          {testerFiles(own).map(({ version, view, path }) => (
            <li key={path}>
              <a class="mono" href={path} download>
                tester_signals.csv
              </a>{' '}
              <span class="note">{t('backtests.tester', { model: version, view: t(`backtests.${view}`) })}</span>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}

/** Reason of a trade that the end of the bars closed. */
const END_OF_DATA = 'END_OF_DATA';

function OpenAtEnd({ name, count }: { readonly name: string; readonly count: number }) {
  return count === 0 ? null : <p class="notice">{t('backtests.openAtEnd', { name, count })}</p>;
}

/** Files for MetaTrader's strategy tester: one for each bundle and view with trades. */
function testerFiles({ backtest_id, figures }: BacktestResult) {
  return (figures?.bundles ?? []).flatMap((bundle) =>
    (['edge_pairs', 'all_pairs'] as const)
      .filter((view) => bundle[view].trades > 0)
      .map((view) => {
        const query = new URLSearchParams({ view, model: bundle.version });
        return { version: bundle.version, view, path: `/api/backtests/${backtest_id}/tester-signals?${query}` };
      }),
  );
}

/** Nothing where the files are no longer kept, or there was no trade. */
async function readTrades(id: number): Promise<ShownBacktest[]> {
  const response = await fetch(`/api/backtests/${id}/files/trades.csv`);
  const trades = response.ok ? parseTrades(await response.text()) : null;
  const groups = [...Map.groupBy(trades ?? [], ({ model_version }) => model_version)];
  return groups.map(([version, rows]) => ({ name: `#${id} ${version}`, trades: rows }));
}

/** A figure, or what the prices are. */
function costText(value: number | string | undefined) {
  return typeof value === 'string' ? codeText('jobValue', value) : num(value);
}

function Costs({ figures: { costs, assumptions, cost_model } }: { readonly figures: Figures }) {
  const rows = Object.entries(costs).map(([symbol, own]) => ({ symbol, own }));
  const names = [...new Set(rows.flatMap(({ own }) => Object.keys(own) as (keyof typeof own)[]))];
  const title = `${t('backtests.costs')} · ${codeText('costs', cost_model)}`;
  return (
    <Panel title={title} wide>
      <Table
        name="backtest_costs"
        label={title}
        rows={rows}
        rowKey={({ symbol }) => symbol}
        empty="backtests.none"
        columns={[
          { key: 'symbol', title: t('data.symbol'), value: ({ symbol }) => symbol, cell: ({ symbol }) => symbol },
          ...names.map((name) => ({
            key: name,
            title: codeText('cost', name),
            isNumber: name !== 'price',
            value: ({ own }: (typeof rows)[number]) => own[name] ?? null,
            cell: ({ own }: (typeof rows)[number]) => costText(own[name]),
          })),
        ]}
      />
      <details>
        <summary>{t('backtests.assumptions')}</summary>
        <ul class="stacked" lang="en">
          {assumptions.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </details>
    </Panel>
  );
}

/** Gates of the bundles, as their training recorded them. */
function GatesOf({ versions }: { readonly versions: readonly string[] }) {
  const read = (version: string) =>
    api.get('/api/ml/models/{model_name}', { path: { model_name: version } }).catch(() => null);
  const { data } = useLoaded(() => Promise.all(versions.map(read)), versions.join());
  if (data === null) return null;
  const found = data.filter((detail) => detail !== null);
  const [a, b] = found;
  return (
    <Panel title={t('models.gates')} wide>
      {a === undefined && <Empty text={t('backtests.noBundle')} />}
      {found.map(({ version, manifest }) => (
        <p key={version}>{gatesText(version, manifest.gates ?? [])}</p>
      ))}
      {a !== undefined && (
        <details>
          <summary>{t('backtests.everyGate')}</summary>
          <Gates a={a} b={b ?? null} />
        </details>
      )}
    </Panel>
  );
}

function gatesText(version: string, gates: readonly Gate[]): string {
  const failed = gates.filter(({ passed }) => !passed);
  const names = failed.map((gate) => gateText(gate, language.value).name).join(', ');
  const count = num(gates.length, 0);
  if (failed.length === 0) return `${version}: ${t('models.allPassed', { count })}`;
  return `${version}: ${t('backtests.gatesFailed', { failed: num(failed.length, 0), count, names })}`;
}
