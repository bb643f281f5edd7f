import { api, type Evolving, type KeptRule } from '../api.ts';
import { num } from '../format.ts';
import { nowMs, run as live, session } from '../live.ts';
import { Badge, ConfirmedButton, Failure, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { frontColumns } from '../parts/front_columns.tsx';
import { RuleDetail } from '../parts/rule_detail.tsx';
import { RuleEditor } from '../parts/rule_editor.tsx';
import { SearchStart } from '../parts/search_start.tsx';
import { place, setQuery } from '../router.ts';
import { codeText, stageText, t } from '../text/text.ts';

const READ_MS = 3000;

/** Searches of rules as they run, all kept rules, and one of them (`?rule=`, default: the newest). */
export default function StrategiesPage() {
  const { data, error, reload } = useLoaded(
    () => api.get('/api/strategies'),
    `${live.value?.run_id} ${live.value?.status}`,
  );
  const rules = data?.rules ?? [];
  const asked = place.value.query.get('rule');
  const shown = rules.find(({ version }) => version === asked) ?? rules.find((rule) => rule.error === null);
  return (
    <>
      {error !== null && <Failure error={error} />}
      <Progress />
      <Panel title={t('strategies.title')} wide>
        <Table
          name="rules"
          label={t('strategies.title')}
          rows={data === null ? undefined : rules}
          error={error}
          columns={columnsOf()}
          rowKey={({ version }) => version}
          empty="strategies.none"
        />
      </Panel>
      {shown !== undefined && shown.error === null && (
        <RuleDetail key={shown.version} version={shown.version} onChange={reload} />
      )}
      {data !== null && (
        <>
          <SearchStart spaces={data.spaces} instruments={data.instruments} />
          <RuleEditor instruments={data.instruments} />
        </>
      )}
    </>
  );
}

function columnsOf(): Column<KeptRule>[] {
  return [
    {
      key: 'version',
      title: t('models.version'),
      value: ({ version }) => version,
      cell: ({ version, served, shadow, error }) => (
        <span class="mono">
          <button type="button" class="link" onClick={() => setQuery('rule', version)}>
            {version}
          </button>{' '}
          {served && <Badge tone="good">{t('strategies.served')}</Badge>}
          {shadow && <Badge tone="quiet">{t('strategies.shadow')}</Badge>}
          {error !== null && <Badge tone="bad">{error}</Badge>}
        </span>
      ),
    },
    {
      key: 'instrument',
      title: t('strategies.instrument'),
      value: ({ instrument }) => instrument,
      cell: ({ instrument }) => instrument ?? '–',
    },
    {
      key: 'name',
      title: t('strategies.name'),
      value: ({ name }) => name,
      cell: ({ name }) => <span class="mono">{name ?? '–'}</span>,
    },
    {
      key: 'origin',
      title: t('strategies.origin'),
      value: ({ origin }) => origin,
      cell: ({ origin }) => (origin === null ? '–' : codeText('strategies.origin', origin)),
    },
    {
      key: 'failed_gates',
      title: t('strategies.refusedBy'),
      value: ({ failed_gates }) => failed_gates.join(' '),
      cell: (rule) => <Verdict rule={rule} />,
    },
  ];
}

function Verdict({ rule: { failed_gates: failed, missing_gates: missing, error } }: { readonly rule: KeptRule }) {
  if (error !== null) return <>–</>;
  if (failed.length + missing.length === 0) return <Badge tone="good">{t('strategies.passed')}</Badge>;
  return (
    <span class="stacked">
      <span class="mono">{failed.join(', ')}</span>
      {missing.length > 0 && <span class="note">{t('strategies.missing', { gates: missing.join(', ') })}</span>}
    </span>
  );
}

/** The run in progress: its searches by generation, and the front of the one that proposes. */
function Progress() {
  const { data, error, reload } = useLoaded(
    () => api.get('/api/strategies/status'),
    String(Math.floor(nowMs.value / READ_MS)),
  );
  if (error !== null) return <Failure error={error} />;
  const run = data?.run ?? null;
  if (data === null || run === null) return null;
  const proposing = data.searches.reduce<Evolving | null>(
    (most, own) => (most === null || own.blocks > most.blocks ? own : most),
    null,
  );
  return (
    <Panel
      title={t(run.kind === 'judge' ? 'strategies.currentJudge' : 'strategies.current')}
      wide
      aside={
        session.value?.role !== 'viewer' && (
          <ConfirmedButton
            tone="danger"
            label={t('strategies.stop')}
            question={t('strategies.confirmStop', { id: run.run_id })}
            act={() => api.post('/api/strategies/stop').then(reload)}
          />
        )
      }
    >
      <p>
        {stageText(run.stage)} <span class="note">{`${num(run.percent, 0)} %`}</span>
      </p>
      <progress max="100" value={run.percent} aria-label={t('strategies.current')} />
      {data.searches.length > 0 && <Generations searches={data.searches} />}
      {proposing !== null && proposing.front.length > 0 && (
        <>
          <h3>{t('strategies.front')}</h3>
          <Front search={proposing} />
        </>
      )}
    </Panel>
  );
}

function Generations({ searches }: { readonly searches: readonly Evolving[] }) {
  const number = (key: 'blocks' | 'generation' | 'rules', title: string): Column<Evolving> => ({
    key,
    title,
    isNumber: true,
    value: (own) => own[key],
    cell: (own) => num(own[key], 0),
  });
  return (
    <Table
      name="generations"
      label={t('strategies.generation')}
      rows={searches}
      rowKey={({ blocks }) => blocks}
      empty="strategies.idle"
      columns={[
        number('blocks', t('strategies.blocks')),
        number('generation', t('strategies.generation')),
        number('rules', t('strategies.tried')),
      ]}
    />
  );
}

function Front({ search }: { readonly search: Evolving }) {
  return (
    <Table
      name="front"
      label={t('strategies.front')}
      rows={search.front}
      rowKey={({ rule }) => rule}
      empty="strategies.idle"
      columns={[
        {
          key: 'rule',
          title: t('strategies.rule'),
          value: ({ rule }) => rule,
          cell: ({ rule }) => <span class="mono">{rule}</span>,
        },
        ...frontColumns(),
        {
          key: 'conditions',
          title: t('strategies.conditions'),
          isNumber: true,
          value: ({ conditions }) => conditions,
          cell: ({ conditions }) => num(conditions, 0),
        },
      ]}
    />
  );
}
