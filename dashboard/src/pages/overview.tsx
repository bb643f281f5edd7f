import type { ComponentChildren } from 'preact';
import type { Signal, Status, Subject } from '../api.ts';
import { duration, microseconds, minuteOf, num, signed } from '../format.ts';
import {
  alerts,
  answered,
  isConnected,
  signalsPerMinute,
  currentModel,
  last,
  nowMs,
  openAlerts,
  run,
  status,
  subjects,
  trails,
} from '../live.ts';
import { Badge, Empty, Loading, ModeBadge, SideText } from '../parts/basics.tsx';
import { Gauge, Meter, Shares, Sparkline } from '../parts/gauge.tsx';
import { refusalsOf } from '../parts/model_banner.tsx';
import { Segments } from '../parts/segments.tsx';
import { pathOf, place, setQuery } from '../router.ts';
import { codeText, stageText, t } from '../text/text.ts';

export function Overview() {
  return (
    <>
      <Figures />
      <AlertStrip />
      {last.value.size === 0 && (areSignalsKnown() ? <Empty text={t('overview.noSignals')} /> : <Loading />)}
      <Tiles />
    </>
  );
}

/** The stream begins with the last signals. */
const areSignalsKnown = (): boolean => isConnected.value && answered.value.has('trails');

/** With more subjects than this they can be searched. */
const FEW = 20;

const KINDS = ['all', 'inPosition', 'notOk'] as const;
type Kind = (typeof KINDS)[number];

function isOfKind(kind: Kind, signal: Signal | null): boolean {
  if (kind === 'inPosition') return signal !== null && signal.target !== 0;
  return kind === 'all' || (signal !== null && signal.mode !== 'OK');
}

function Tiles() {
  const isMany = subjects.value.length > FEW;
  const { query } = place.value;
  const wanted = isMany ? (query.get('filter') ?? '').toLowerCase() : '';
  const kind = (isMany && KINDS.find((own) => own === query.get('show'))) || 'all';
  const signalOf = ({ subject }: Subject): Signal | null => last.value.get(subject) ?? null;
  const shown = subjects.value.filter(
    (one) => isOfKind(kind, signalOf(one)) && `${one.subject} ${one.label}`.toLowerCase().includes(wanted),
  );
  const countOf = (own: Kind): number => subjects.value.filter((one) => isOfKind(own, signalOf(one))).length;
  return (
    <>
      {isMany && (
        <div class="page-head">
          <Segments
            label={t('overview.which')}
            values={KINDS}
            chosen={kind}
            textOf={(own) => t(`overview.${own}`, { count: countOf(own) })}
            onChoose={(own) => setQuery('show', own === 'all' ? '' : own)}
            wrap
          />
          <input
            type="search"
            aria-label={t('overview.filter')}
            placeholder={t('overview.filter')}
            value={query.get('filter') ?? ''}
            onInput={(event) => setQuery('filter', event.currentTarget.value)}
          />
        </div>
      )}
      {isMany && shown.length === 0 && <Empty text={t('overview.noneShown')} />}
      <ul class="tiles">
        {shown.map((subject) => (
          <li key={subject.subject}>
            <Tile subject={subject} signal={signalOf(subject)} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Figure(props: {
  readonly label: string;
  readonly children: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly href?: string;
}) {
  const content = (
    <>
      <dt>{props.label}</dt>
      <dd>
        <span class="value">{props.children}</span>
        {props.note !== undefined && <span class="note">{props.note}</span>}
      </dd>
    </>
  );
  return <div class="figure">{content}</div>;
}

function Figures() {
  const found = status.value;
  const model = currentModel.value;
  const daemons = found?.daemons ?? [];
  const worst = (of: (daemon: (typeof daemons)[number]) => number | null): number | null =>
    daemons.reduce<number | null>(
      (most, daemon) => (of(daemon) === null ? most : Math.max(most ?? 0, of(daemon)!)),
      null,
    );
  const signals = [...last.value.values()];
  const modes = Map.groupBy(signals, ({ mode }) => mode);
  const positions = signals.filter(({ target }) => target !== 0).length;
  // A pointer names them, and daemons do not use them.
  const isRefused =
    found !== null && model?.version != null && refusalsOf(found).some(({ version }) => version === model.version);
  const training = run.value?.status === 'running' ? run.value : null;
  return (
    <dl class="figures">
      <Figure
        label={t('overview.models')}
        note={
          isRefused
            ? t('overview.refused', { version: model!.version! })
            : model?.manifest
              ? t('overview.age', { age: duration(nowMs.value - Date.parse(model.manifest.created)) })
              : undefined
        }
      >
        <a href={pathOf('models')}>
          {isRefused ? servedOf(daemons) : model === null ? '–' : (model.version ?? t('overview.none'))}
        </a>
      </Figure>
      <Figure label={t('overview.latency')}>
        {microseconds(worst((daemon) => daemon.latency_us_p50))} <i>/</i>{' '}
        {microseconds(worst((daemon) => daemon.latency_us_p99))}
      </Figure>
      <Figure label={t('overview.bars')}>{num(signalsPerMinute.value, 0)}</Figure>
      <Figure label={t('overview.modes')}>
        {[...modes].map(([mode, ofMode]) => (
          <span key={mode} class="pair">
            <ModeBadge mode={mode} /> {ofMode.length}
          </span>
        ))}
      </Figure>
      <Figure label={t('overview.positions')}>{signals.length === 0 && !areSignalsKnown() ? '–' : positions}</Figure>
      <Figure label={t('overview.alerts')}>
        <a href={pathOf('alerts')}>{answered.value.has('alerts') ? openAlerts.value.length : '–'}</a>
      </Figure>
      <Figure label={t('overview.daemons')}>
        {daemons.map(({ shard, presence, degradations }) => (
          <span key={shard} class="pair">
            <Badge tone={presence === 'up' ? (degradations.length > 0 ? 'warn' : 'good') : 'bad'}>{shard}</Badge>
          </span>
        ))}
      </Figure>
      <Figure
        label={t('overview.training')}
        note={training === null ? undefined : stageText(training.stage.split(',')[0]!)}
      >
        <a href={pathOf('runs')}>
          {training === null ? (isConnected.value ? t('overview.idle') : '–') : `${num(training.percent, 0)} %`}
        </a>
      </Figure>
    </dl>
  );
}

/** Versions that the daemons use. */
function servedOf(daemons: Status['daemons']): string {
  const versions = new Set(daemons.flatMap(({ model_version }) => model_version ?? []));
  return versions.size === 0 ? t('overview.none') : [...versions].join(', ');
}

function AlertStrip() {
  const shown = alerts.value.filter(({ state }) => state === 'open').slice(0, 3);
  if (shown.length === 0) return null;
  return (
    <ul class="alert-strip">
      {shown.map((alert) => (
        <li key={alert.alert_id} class={alert.severity}>
          <Badge tone={alert.severity === 'critical' ? 'bad' : alert.severity === 'warning' ? 'warn' : 'info'}>
            {codeText('severity', alert.severity)}
          </Badge>
          <a href={pathOf('alerts')}>{codeText('event', alert.event)}</a>
          <span class="note" lang="en">
            {alert.text}
          </span>
        </li>
      ))}
    </ul>
  );
}

interface TileProps {
  readonly subject: Subject;
  readonly signal: Signal | null;
}

function Tile({ subject, signal }: TileProps) {
  const tone = signal === null || signal.mode === 'OK' ? '' : signal.mode.toLowerCase();
  return (
    <a class={`tile ${tone} ${signal?.action.toLowerCase() ?? ''}`} href={pathOf('subjects', subject.subject)}>
      <div class="tile-head">
        <strong>{subject.label}</strong>
        {signal !== null && <ModeBadge mode={signal.mode} />}
      </div>
      {subject.kind === 'pair' ? (
        <SpreadFigures subject={subject} signal={signal} />
      ) : (
        <DirectionFigures subject={subject} signal={signal} />
      )}
      <div class="tile-foot">
        <SideText kind={subject.kind} target={signal?.target ?? 0} />
        <span class="reason">{signal === null ? t('tile.waiting') : codeText('reason', signal.reason)}</span>
        {signal !== null && (
          <time dateTime={signal.timestamp} title={minuteOf(signal.timestamp)}>
            {t('tile.ago', { age: duration(nowMs.value - signal.generated_at_ms) })}
          </time>
        )}
      </div>
    </a>
  );
}

function SpreadFigures({ subject, signal }: TileProps) {
  const entry = subject.z_entry ?? 2;
  const trail = trails.value.get(subject.subject) ?? [];
  const trend = trail.map(({ z_score }) => z_score);
  const prob = signal?.return_prob ?? null;
  return (
    <>
      <div class="tile-z">
        <span class={`z ${Math.abs(signal?.z_score ?? 0) >= entry ? 'out' : ''}`}>
          <small>{t('tile.z')}</small>
          {signed(signal?.z_score)}
        </span>
        <Sparkline values={trend} limit={entry} label={t('tile.trend', { count: trend.length })} />
      </div>
      <Gauge z={signal?.z_score ?? null} entry={entry} exit={subject.z_exit ?? 0} />
      <div class="meters">
        <Meter label={t('tile.prob')} value={prob} limit={signal?.theta1 ?? null} wants="above" />
        <Meter label={t('tile.risk')} value={signal?.risk_score ?? null} limit={signal?.theta2 ?? null} wants="below" />
      </div>
    </>
  );
}

function DirectionFigures({ subject, signal }: TileProps) {
  const { ml_up_prob: up = null, ml_down_prob: down = null, ml_range_prob: range = null } = signal ?? {};
  const trend = (trails.value.get(subject.subject) ?? []).map(leadOf);
  return (
    <>
      <div class="tile-z">
        <span class="z">
          <small>{t('tile.upMinusDown')}</small>
          {signal === null ? signed(null) : signed(leadOf(signal))}
        </span>
        <Sparkline values={trend} limit={subject.theta_up ?? 0.5} label={t('tile.lead', { count: trend.length })} />
      </div>
      <Shares up={up} range={range} down={down} />
      <div class="meters">
        <Meter label={t('tile.up')} value={up} limit={subject.theta_up} wants="above" />
        <Meter label={t('tile.down')} value={down} limit={subject.theta_down} wants="above" />
      </div>
    </>
  );
}

/** ml_up_prob − ml_down_prob. */
function leadOf({ ml_up_prob: up, ml_down_prob: down }: Signal): number | null {
  return up === null || up === undefined ? null : up - (down ?? 0);
}
