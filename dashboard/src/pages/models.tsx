import { api, type CurrentModel, type Edge, type Model, type ModelDetail } from '../api.ts';
import { minuteOf, num, signed } from '../format.ts';
import { currentModel, readModels, session, status, subjects } from '../live.ts';
import {
  Badge,
  ConfirmedButton,
  Empty,
  Failure,
  Loading,
  Panel,
  Table,
  useLoaded,
  type Column,
  type Tone,
} from '../parts/basics.tsx';
import { refusalsOf } from '../parts/model_banner.tsx';
import { RolloutPanel } from '../parts/rollout.tsx';
import { ShadowButton } from '../parts/shadow_button.tsx';
import { DirectionModels } from '../parts/direction_models.tsx';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { FailedGate, Reason } from '../parts/gate_text.tsx';
import { Gates, ModelComparison, Reliability } from '../parts/model_comparison.tsx';
import { NameUnknown } from '../parts/unknown_name.tsx';
import { named } from '../named.ts';
import { pathOf, place, setQuery } from '../router.ts';
import { codeText, t, type TextKey } from '../text/text.ts';
import { TrainingWarnings } from '../parts/training_warnings.tsx';

const TONES: Readonly<Record<string, Tone>> = {
  active: 'good',
  candidate: 'info',
  rejected: 'warn',
  archived: 'quiet',
};

/** One bundle (`?a=`, default: the active one) or two (`?b=`), and the registry. */
export default function ModelsPage() {
  const current = currentModel.value;
  const { query } = place.value;
  const { data, error, reload } = useLoaded(() => api.get('/api/ml/models'), current?.version ?? '');
  const versions = data?.models.filter(isOfPairs).map(nameOf) ?? null;
  const isRead = versions !== null || query.get('a') === null;
  const first = versionNamed(query.get('a'), versions) ?? (isRead ? (current?.version ?? null) : null);
  const second = versionNamed(query.get('b'), versions);
  const compared = useLoaded(() => readBoth(first, second), `${first} ${second}`);
  const shown = compared.data?.a ?? null;
  const change = async (act: () => Promise<unknown>): Promise<void> => {
    await act();
    await readModels();
    reload();
  };
  const models = data?.models ?? [];
  return (
    <>
      {error !== null && <Failure error={error} />}
      <RolloutPanel />
      {versions !== null &&
        (['a', 'b'] as const).map((key) => <VersionUnknown key={key} at={key} versions={versions} />)}
      {compared.error !== null && <Failure error={compared.error} />}
      {current !== null && current.version === null && <Empty text={t('models.none')} />}
      {shown !== null && (
        <Figures
          a={shown}
          b={compared.data!.b}
          current={current}
          versions={models.filter(isOfPairs).filter(isKept).map(nameOf)}
        />
      )}
      <Panel title={t('models.registry')} wide>
        <Table
          name="models"
          label={t('models.registry')}
          rows={data?.models}
          error={error}
          columns={columnsOf(current?.version ?? '', change)}
          rowKey={({ strategy, model_id }) => `${strategy} ${model_id}`}
          empty="models.none"
        />
      </Panel>
      {shown !== null && <Details a={shown} b={compared.data!.b} />}
      {subjects.value.some(({ kind }) => kind === 'instrument') && <DirectionModels />}
    </>
  );
}

/** The version that the query names; null until the versions are known, and when there is no such one. */
function versionNamed(asked: string | null, versions: readonly string[] | null): string | null {
  const own = named(asked, versions ?? []);
  return own.kind === 'known' ? own.name : null;
}

function titleOf(version: string, current: CurrentModel | null): TextKey {
  if (version !== current?.version) return 'models.bundle';
  const isRefused = status.value !== null && refusalsOf(status.value).some((one) => one.version === version);
  return isRefused ? 'models.refused' : 'models.active';
}

function VersionUnknown({ at, versions }: { readonly at: 'a' | 'b'; readonly versions: readonly string[] }) {
  const { query } = place.value;
  const own = named(query.get(at), versions);
  if (own.kind !== 'unknown') return null;
  const pathTo = (version: string): string => {
    const others = new URLSearchParams(query);
    others.set(at, version);
    return `${pathOf('models')}?${others.toString()}`;
  };
  return <NameUnknown text="unknown.model" own={own} known={versions} pathTo={pathTo} />;
}

const nameOf = ({ model_id }: Model): string => model_id;
const isOfPairs = ({ strategy }: Model): boolean => strategy === 'pair_reversion';
const isKept = ({ removed_at }: Model): boolean => removed_at === null;

async function readBoth(a: string | null, b: string | null) {
  const read = (name: string | null) =>
    name === null ? null : api.get('/api/ml/models/{model_name}', { path: { model_name: name } });
  const [first, second] = await Promise.all([read(a), b === a ? null : read(b)]);
  return { a: first, b: second };
}

function Figures(props: {
  readonly a: ModelDetail;
  readonly b: ModelDetail | null;
  readonly current: CurrentModel | null;
  readonly versions: readonly string[];
}) {
  const { a, b, current } = props;
  const { period, engine } = a.manifest;
  return (
    <>
      <Panel title={`${t(titleOf(a.version, current))} · ${a.version}`} aside={<Choice {...props} />}>
        <p class="note">
          {engine.name} ·{' '}
          {t('models.period', {
            from: minuteOf(period.from),
            to: minuteOf(period.to),
            holdout: minuteOf(period.holdout_from),
          })}{' '}
          · {t(a.is_signed ? 'models.signed' : 'models.unsigned')}
        </p>
        <TrainingWarnings warnings={a.manifest.warnings} />
        <ModelComparison a={a} b={b} />
      </Panel>
      <Panel title={t('models.reliability')}>
        <Reliability a={a} b={b} />
      </Panel>
    </>
  );
}

function Details({ a, b }: { readonly a: ModelDetail; readonly b: ModelDetail | null }) {
  const labels = new Map(subjects.value.map(({ subject, label }) => [subject, label]));
  const edges = Object.entries(a.manifest.edge).map(([subject, own]) => ({ subject, ...own }));
  return (
    <>
      <Panel title={t('models.edge')} wide>
        <Table
          name="edge"
          label={t('models.edge')}
          rows={edges}
          rowKey={({ subject }) => subject}
          empty="models.none"
          columns={edgeColumns(labels)}
        />
      </Panel>
      <Panel title={t('models.gates')} wide>
        <Gates a={a} b={b} />
      </Panel>
      <Panel title={t('models.card')} wide>
        <details>
          <summary>{a.version}</summary>
          <pre class="card">{a.card}</pre>
        </details>
      </Panel>
    </>
  );
}

/** Selection of the bundles. */
function Choice({
  a,
  b,
  versions,
}: {
  readonly a: ModelDetail;
  readonly b: ModelDetail | null;
  readonly versions: readonly string[];
}) {
  const options = (without: string) =>
    versions
      .filter((version) => version !== without)
      .map((version) => (
        <option key={version} value={version}>
          {version}
        </option>
      ));
  return (
    <span class="choice">
      <select
        aria-label={t('models.bundle')}
        value={a.version}
        onChange={({ currentTarget }) => setQuery('a', currentTarget.value)}
      >
        {options(b?.version ?? '')}
      </select>
      <select
        aria-label={t('models.compareWith')}
        value={b?.version ?? ''}
        onChange={({ currentTarget }) => setQuery('b', currentTarget.value)}
      >
        <option value="">{t('models.compareWith')}</option>
        {options(a.version)}
      </select>
    </span>
  );
}

type EdgeRow = Edge & { readonly subject: string };

function edgeColumns(labels: ReadonlyMap<string, string>): Column<EdgeRow>[] {
  const number = (key: keyof EdgeRow, title: string, shown: (value: number | null) => string): Column<EdgeRow> => ({
    key,
    title,
    isNumber: true,
    value: (row) => (row[key] as number | null | undefined) ?? null,
    cell: (row) => shown((row[key] as number | null | undefined) ?? null),
  });
  return [
    {
      key: 'subject',
      title: t('subject.choose'),
      value: ({ subject }) => subject,
      cell: ({ subject }) => <a href={pathOf('subjects', subject)}>{labels.get(subject) ?? subject}</a>,
    },
    {
      key: 'no_edge',
      title: t('models.verdict'),
      value: ({ no_edge }) => !no_edge,
      cell: ({ no_edge }) => <Badge tone={no_edge ? 'quiet' : 'good'}>{t(no_edge ? 'models.no' : 'models.yes')}</Badge>,
    },
    number('trades', t('models.trades'), (value) => num(value, 0)),
    number('mean_gross_bps', t('models.gross'), signed),
    number('mean_net_bps', t('models.net'), signed),
    number('lower_5_net_bps', t('models.lower'), signed),
    number('mean_cost_bps', t('models.cost'), (value) => num(value)),
    number('break_even_cost_bps', t('models.breakEven'), signed),
  ];
}

/** `AI1, AI2, AI3`, or `DIRECTION 1h`. */
function typesOf({ models, timeframe }: Model): string {
  const types = models.map(({ model_type }) => model_type).join(', ');
  return timeframe === null ? types : `${types} ${timeframe}`;
}

function columnsOf(active: string, change: (act: () => Promise<unknown>) => Promise<void>): Column<Model>[] {
  return [
    {
      key: 'model_id',
      title: t('models.version'),
      value: ({ model_id }) => model_id,
      cell: ({ strategy, model_id, is_active, is_previous, is_shadow }) => (
        <span class="mono">
          {strategy === 'direction' ? model_id : <a href={`${pathOf('models')}?a=${model_id}`}>{model_id}</a>}{' '}
          {is_active && <Badge tone="good">{t('models.badge.active')}</Badge>}
          {is_previous && <Badge tone="quiet">{t('models.badge.previous')}</Badge>}
          {is_shadow && <Badge tone="info">{t('models.badge.shadow')}</Badge>}
        </span>
      ),
    },
    {
      key: 'models',
      title: t('models.types'),
      value: typesOf,
      cell: typesOf,
    },
    {
      key: 'status',
      title: t('models.state'),
      value: ({ status }) => status,
      cell: ({ status }) => <Badge tone={TONES[status] ?? 'quiet'}>{codeText('status', status)}</Badge>,
    },
    {
      key: 'created',
      title: t('models.created'),
      value: ({ created }) => created,
      cell: ({ created }) => minuteOf(created),
    },
    {
      key: 'adopted_at',
      title: t('models.adopted'),
      value: ({ adopted_at }) => adopted_at,
      cell: ({ adopted_at }) => minuteOf(adopted_at),
    },
    {
      key: 'reasons',
      title: t('models.reasons'),
      value: ({ reasons }) => reasons.join(' '),
      cell: ({ reasons, failed_gates }) => (
        <div class="stacked">
          {failed_gates.length > 0
            ? failed_gates.map((gate) => <FailedGate key={keyOf(gate)} gate={gate} />)
            : reasons.map((reason) => <Reason key={reason} text={reason} />)}
        </div>
      ),
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      // Direction models are verified and promoted beside their figures, below.
      cell: (model) =>
        model.removed_at === null && isOfPairs(model) ? (
          <Actions model={model} active={active} change={change} />
        ) : null,
    },
  ];
}

function Actions(props: {
  readonly model: Model;
  readonly active: string;
  readonly change: (act: () => Promise<unknown>) => Promise<void>;
}) {
  const { change, active, model } = props;
  const { model_name: name, is_active, is_previous, is_shadow } = model;
  return (
    <span class="actions-row">
      {session.value?.role === 'approver' && !is_active && (
        <ConfirmedButton
          label={t(is_previous ? 'models.rollback' : 'models.promote')}
          question={t('models.confirm', { version: name, active })}
          evidence={() => <Evidence active={active} name={name} />}
          canOverride
          act={(reason) =>
            change(() =>
              api.post('/api/ml/models/{model_name}/load', {
                path: { model_name: name },
                body: { despite_gates: reason !== '', reason },
              }),
            )
          }
        />
      )}{' '}
      {session.value?.role === 'approver' && !is_active && (
        <ShadowButton version={name} timeframe={null} isShadow={is_shadow} change={change} />
      )}
    </span>
  );
}

/** The active bundle and the candidate for promotion, side by side. */
function Evidence({ active, name }: { readonly active: string; readonly name: string }) {
  const { data, error } = useLoaded(() => readBoth(active === '' ? null : active, name), `${active} ${name}`);
  if (error !== null) return <Failure error={error} />;
  if (data?.b == null) return <Loading />;
  const failed = (data.b.manifest.gates ?? []).filter(({ passed }) => !passed);
  return (
    <div class="evidence">
      <p class={failed.length === 0 ? 'good' : 'stacked'}>
        {failed.length === 0
          ? t('models.allPassed', { count: data.b.manifest.gates?.length ?? 0 })
          : failed.map((gate) => <FailedGate key={keyOf(gate)} tone="bad" gate={gate} />)}
      </p>
      <ModelComparison a={data.a ?? data.b} b={data.a === null ? null : data.b} />
    </div>
  );
}
