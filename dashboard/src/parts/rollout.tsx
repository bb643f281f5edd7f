import { api, type Rollout, type RolloutLook } from '../api.ts';
import { minuteOf, num, percent, signed } from '../format.ts';
import { currentModel, session } from '../live.ts';
import { codeText, t } from '../text/text.ts';
import { Badge, ConfirmedButton, Failure, Panel, Table, useLoaded, type Column, type Tone } from './basics.tsx';
import { Fact } from './fact.tsx';

/** Harm at which a rollout is aborted: DECISIVE_E_VALUE of trainer/control/rollout/verdict.ts. */
const ABORTED_AT = 20;
const STAGES = ['test', 'pilot', 'rollout', 'full'] as const;
const TONES: Readonly<Record<string, Tone>> = {
  active: 'info',
  promoted: 'good',
  aborted: 'bad',
  inconclusive: 'quiet',
};

/** The newest rollout, of pairs or of a direction model, with its evidence, and the ones before. */
export function RolloutPanel() {
  const { data, error, reload } = useLoaded(() => api.get('/api/ml/rollout'), currentModel.value?.version ?? '');
  if (error !== null) return <Failure error={error} />;
  const rollout = data?.rollout ?? null;
  if (rollout === null) return null;
  const isActive = rollout.status === 'active';
  const aside = isActive && session.value != null && session.value.role !== 'viewer' && (
    <ConfirmedButton
      tone="danger"
      label={t('rollout.abort')}
      question={t('rollout.abort.confirm', { version: rollout.challenger, champion: rollout.champion })}
      act={async () => {
        await api.post('/api/ml/rollout/abort', { body: { reason: t('rollout.abort.reason') } });
        reload();
      }}
    />
  );
  return (
    <Panel title={t('rollout.title', { what: subjectText(rollout) })} aside={aside} wide>
      <Stages rollout={rollout} />
      <dl class="facts row rollout-facts">
        <Fact name={t('models.state')}>
          <Badge tone={TONES[rollout.status] ?? 'quiet'}>{codeText('rollout.status', rollout.status)}</Badge>
        </Fact>
        <Fact name={t('rollout.champion')}>
          <span class="mono">{rollout.champion}</span>
        </Fact>
        <Fact name={t('rollout.challenger')}>
          <span class="mono">{rollout.challenger}</span>
        </Fact>
        {rollout.updates !== undefined && (
          <Fact name={t('rollout.updates')}>
            {num(rollout.updates.length, 0)} · {minuteOf(rollout.updates.at(-1)!.from)}
          </Fact>
        )}
        <Fact name={t('rollout.started')}>{minuteOf(rollout.started)}</Fact>
        <Fact name={t('rollout.inStage')}>{minuteOf(rollout.stage_started)}</Fact>
        <Fact name={t('rollout.power')}>
          {rollout.power === null ? t('rollout.unknown') : percent(rollout.power, 0)}
        </Fact>
      </dl>
      {rollout.reason !== '' && (
        <p lang="en" class="note">
          {rollout.reason}
        </p>
      )}
      {isActive && <Evidence rollout={rollout} look={data?.look ?? null} />}
      <Earlier rollout={rollout} />
    </Panel>
  );
}

/** `pairs`, `direction 1h`, or `rule BTCUSDT@1h`. */
function subjectText({ timeframe, instrument }: Pick<Rollout, 'timeframe' | 'instrument'>): string {
  if (instrument !== undefined) return t('rollout.rule', { instrument });
  return timeframe === undefined ? t('rollout.pairs') : t('rollout.direction', { timeframe });
}

/** All stages, with those that were reached. */
function Stages({ rollout: { stage, share, status } }: { readonly rollout: Rollout }) {
  const reached = STAGES.indexOf(stage);
  return (
    <ol class="rollout-stages" aria-label={t('rollout.stages')}>
      {STAGES.map((own, at) => (
        <li key={own} class={at < reached ? 'over' : at > reached ? 'ahead' : ''}>
          <span aria-current={at === reached && status === 'active' ? 'step' : undefined}>
            {codeText('rollout.stage', own)}
            {at === reached && ` · ${percent(share, 0)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** E-values against their limits, the result of the challenger, and what the next step waits for. */
function Evidence({ rollout, look }: { readonly rollout: Rollout; readonly look: RolloutLook | null }) {
  const { evidence = null, next = '', blocked = [] } = look ?? {};
  return (
    <>
      {evidence === null ? (
        <p class="note">{t('rollout.notYet')}</p>
      ) : (
        <dl class="facts row rollout-facts">
          <Fact name={t('rollout.labels')}>{num(evidence.labels, 0)}</Fact>
          <Fact name={t('rollout.benefit')}>
            {num(evidence.benefit)} / {num(rollout.promotion_e_value, 0)}
          </Fact>
          <Fact name={t('rollout.harm')}>
            {num(evidence.harm)} / {num(ABORTED_AT, 0)}
          </Fact>
          <Fact name={t('rollout.loss')}>{signed(evidence.loss_bps)}</Fact>
        </dl>
      )}
      {next !== '' && (
        <p class="note">
          {t('rollout.next')}: <span lang="en">{next}</span>
        </p>
      )}
      {blocked.length > 0 && (
        <ul class="note" lang="en" aria-label={t('rollout.blocked')}>
          {blocked.map((condition) => (
            <li key={condition}>{condition}</li>
          ))}
        </ul>
      )}
    </>
  );
}

type EarlierRollout = NonNullable<Rollout['earlier']>[number];

function Earlier({ rollout: { earlier = [] } }: { readonly rollout: Rollout }) {
  if (earlier.length === 0) return null;
  const columns: Column<EarlierRollout>[] = [
    {
      key: 'id',
      title: t('rollout.id'),
      value: ({ id }) => id,
      cell: ({ id }) => <span class="mono">{id}</span>,
    },
    {
      key: 'of',
      title: t('models.types'),
      value: ({ timeframe, instrument }) => instrument ?? timeframe ?? '',
      cell: (own) => subjectText(own),
    },
    {
      key: 'challenger',
      title: t('rollout.challenger'),
      value: ({ challenger }) => challenger,
      cell: ({ challenger }) => <span class="mono">{challenger}</span>,
    },
    {
      key: 'needed',
      title: t('rollout.needed'),
      isNumber: true,
      value: ({ promotion_e_value: needed }) => needed,
      cell: ({ promotion_e_value: needed }) => num(needed, 0),
    },
    {
      key: 'status',
      title: t('models.state'),
      value: ({ status }) => status,
      cell: ({ status }) => <Badge tone={TONES[status] ?? 'quiet'}>{codeText('rollout.status', status)}</Badge>,
    },
    {
      key: 'reason',
      title: t('rollout.reason'),
      value: ({ reason }) => reason,
      cell: ({ reason }) => <span lang="en">{reason}</span>,
    },
  ];
  return (
    <>
      <h3>{t('rollout.earlier')}</h3>
      <Table
        name="rollouts"
        label={t('rollout.earlier')}
        rows={[...earlier].reverse()}
        columns={columns}
        rowKey={({ id }) => id}
        empty="models.none"
      />
    </>
  );
}
