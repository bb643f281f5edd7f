import { useMemo, useState } from 'preact/hooks';
import { api, type SearchHistory } from '../api.ts';
import { SearchHistoryChart } from '../charts/history.tsx';
import { ParallelCoordinates } from '../charts/parallel.tsx';
import { importanceOf, trialsOf, type Trials } from '../charts/trials.ts';
import { compact, minuteOf, num, percent } from '../format.ts';
import { named } from '../named.ts';
import { pathOf, place, setQuery } from '../router.ts';
import { codeText, t } from '../text/text.ts';
import { Empty, Failure, Loading, Panel, Table, useLoaded, type Column } from './basics.tsx';
import { NameUnknown } from './unknown_name.tsx';

/** Parameter searches: `?search=`, default: the newest. */
export function Searches({ version }: { readonly version: string }) {
  const { data, error } = useLoaded(() => api.get('/api/searches'), version);
  const searches = data?.searches ?? [];
  const asked = place.value.query.get('search');
  const ids = searches.map(({ search_id }) => search_id);
  const own = named(asked, ids);
  const chosen = searches.find(({ search_id }) => own.kind === 'known' && search_id === own.name) ?? searches[0];
  return (
    <Panel
      title={t('runs.searches')}
      wide
      aside={
        chosen !== undefined && (
          <select
            aria-label={t('runs.searches')}
            value={chosen.search_id}
            onChange={({ currentTarget }) => setQuery('search', currentTarget.value)}
          >
            {searches.map(({ search_id, model, is_finished, is_running, changed_ms }) => (
              <option key={search_id} value={search_id}>
                {`${model.toUpperCase()} · ${minuteOf(changed_ms)}${is_finished ? '' : ` · ${codeText('status', is_running ? 'running' : 'interrupted')}`}`}
              </option>
            ))}
          </select>
        )
      }
    >
      {error !== null && <Failure error={error} />}
      {own.kind === 'unknown' && data !== null && (
        <NameUnknown
          text="unknown.search"
          own={own}
          known={ids}
          pathTo={(id) => `${pathOf('runs')}?search=${encodeURIComponent(id)}`}
        />
      )}
      {data === null && error === null && <Loading />}
      {data !== null && chosen === undefined && <Empty text={t('runs.noSearches')} />}
      {chosen !== undefined && <Search key={chosen.search_id} id={chosen.search_id} changed={chosen.changed_ms} />}
    </Panel>
  );
}

function Search({ id, changed }: { readonly id: string; readonly changed: number }) {
  const { data, error } = useLoaded(
    () => api.get('/api/searches/{search_id}', { path: { search_id: id } }),
    `${id} ${changed}`,
  );
  if (error !== null) return <Failure error={error} />;
  if (data === null) return <Loading />;
  return <Trialed history={data} />;
}

const SHOWN = 20;

function Trialed({ history }: { readonly history: SearchHistory }) {
  const trials = useMemo(() => trialsOf(history), [history]);
  const [filters, setFilters] = useState<ReadonlyMap<number, readonly [number, number]>>(new Map());
  if (trials.count === 0) return <Empty text={t('runs.noTrials')} />;
  const pruned = history.state.filter((state) => state === 'pruned').length;
  return (
    <>
      <p class="note">
        {t('runs.trials', {
          all: num(history.state.length, 0),
          complete: num(trials.count, 0),
          pruned: num(pruned, 0),
        })}
      </p>
      <h3>{t('runs.history')}</h3>
      <SearchHistoryChart trials={trials} direction={history.direction} />
      <h3>{t('runs.importance')}</h3>
      <Importance trials={trials} />
      <h3>{t('runs.parallel')}</h3>
      <ParallelCoordinates trials={trials} filters={filters} onFilter={setFilters} />
      <h3>{t('runs.bestTrials', { count: Math.min(SHOWN, trials.count) })}</h3>
      <BestTrials history={history} trials={trials} />
    </>
  );
}

/** With fewer, chance alone gives each parameter a large share. */
const LEAST_FOR_IMPORTANCE = 30;

function Importance({ trials }: { readonly trials: Trials }) {
  const rows = useMemo(() => importanceOf(trials), [trials]);
  const count = num(trials.count, 0);
  if (trials.count < LEAST_FOR_IMPORTANCE)
    return <p class="note">{t('runs.importanceFew', { count, least: num(LEAST_FOR_IMPORTANCE, 0) })}</p>;
  return (
    <>
      <p class="note">{t('runs.importanceBy', { count })}</p>
      <Table
        name="importance"
        label={t('runs.importance')}
        rows={rows}
        rowKey={({ name }) => name}
        empty="runs.noTrials"
        columns={[
          {
            key: 'parameter',
            title: t('runs.parameter'),
            value: ({ name }) => name,
            cell: ({ name }) => <span class="mono">{name}</span>,
          },
          {
            key: 'share',
            title: t('runs.share'),
            isNumber: true,
            value: ({ share }) => share,
            cell: ({ share }) => percent(share, 1),
          },
          {
            key: 'bar',
            title: '',
            value: () => null,
            cell: ({ share }) => (
              <svg class="share-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
                <rect width={100 * share} height="6" />
              </svg>
            ),
          },
        ]}
      />
    </>
  );
}

function BestTrials({ history, trials }: { readonly history: SearchHistory; readonly trials: Trials }) {
  const rows = useMemo(() => {
    const order = Array.from({ length: trials.count }, (_, i) => i).sort((a, b) => trials.rank[a]! - trials.rank[b]!);
    return order.slice(0, SHOWN).map((i) => trials.number[i]!);
  }, [trials]);
  const columns: Column<number>[] = [
    { key: 'trial', title: '#', isNumber: true, value: (i) => i, cell: (i) => i },
    {
      key: 'value',
      title: t('runs.logLoss'),
      isNumber: true,
      value: (i) => history.value[i]!,
      cell: (i) => num(history.value[i], 5),
    },
    ...Object.entries(history.params).map(([name, column]) => ({
      key: name,
      title: name.replace(/^.*\./, ''),
      isNumber: true,
      value: (i: number) => column[i] ?? null,
      cell: (i: number) => {
        const value = column[i] ?? null;
        return typeof value === 'number' ? compact(value) : String(value ?? '–');
      },
    })),
  ];
  return (
    <Table
      name="trials"
      label={t('runs.bestTrials', { count: rows.length })}
      rows={rows}
      columns={columns}
      rowKey={(i) => i}
      empty="runs.noTrials"
    />
  );
}
