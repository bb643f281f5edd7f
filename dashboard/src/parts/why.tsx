import { useEffect, useRef, useState } from 'preact/hooks';
import { conditionUnit } from '../../../shared/explain/condition_unit.ts';
import { api, ApiError, type Condition, type ExplainedModel, type Explanation } from '../api.ts';
import { compact, minuteOf, num, percent, signed } from '../format.ts';
import { Badge, Failure, Panel } from './basics.tsx';
import { Fact } from './fact.tsx';
import { NOVEL, noveltyText } from './novelty.tsx';
import { codeText, meaningText, t } from '../text/text.ts';

/** An explanation is requested once the pointer has rested on a minute for this long. */
const REST_MS = 120;
const SHOWN = 6;
const SECONDS_PER_BAR = 60;
const SHOWN_RELATION: Readonly<Record<string, string>> = { '>=': '≥', '<=': '≤' };

interface Props {
  readonly subject: string;
  /** Epoch seconds of the bar's close. */
  readonly time: number | null;
  readonly isPinned: boolean;
  readonly isLatest: boolean;
  readonly onUnpin: () => void;
}

/** Explains the answer to a minute. */
export function Why({ subject, time, isPinned, isLatest, onUnpin }: Props) {
  const [explanation, setExplanation] = useState<Explanation | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const turns = useRef({ subject, asked: 0, shown: 0 });
  turns.current.subject = subject;
  useEffect(() => {
    if (time === null) return;
    const timer = setTimeout(() => {
      // The API names a bar by the open of its last minute.
      const minute = `${new Date((time - SECONDS_PER_BAR) * 1000).toISOString().slice(0, 16)}Z`;
      const turn = ++turns.current.asked;
      // Minutes may end faster than the server answers: only what a later answer has overtaken is dropped.
      const isWanted = (): boolean => {
        if (turns.current.subject !== subject || turn < turns.current.shown) return false;
        turns.current.shown = turn;
        return true;
      };
      api.get('/api/explain', { query: { subject, time: minute } }).then(
        (found) => {
          if (!isWanted()) return;
          setExplanation(found);
          setError(null);
        },
        (caught: unknown) => {
          if (!(caught instanceof ApiError)) throw caught;
          if (isWanted()) setError(caught);
        },
      );
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [subject, time]);
  return (
    <Panel
      title={t('why.title')}
      aside={
        isPinned ? (
          <button type="button" class="link" onClick={onUnpin}>
            {t('why.pinned')} ✕
          </button>
        ) : (
          <span class="note">{isLatest ? t('why.live') : ''}</span>
        )
      }
    >
      <div class="why" aria-live="polite">
        {error !== null ? (
          <Failure error={error} />
        ) : explanation === null ? (
          <p class="empty">{t('why.hint')}</p>
        ) : (
          <Answer why={explanation} />
        )}
      </div>
    </Panel>
  );
}

function Answer({ why }: { readonly why: Explanation }) {
  const { kind, signal, models, direction, rule, costs, conditions, to_enter, to_exit, reproduced, features } = why;
  const failedRule = why.failed_rule ?? null;
  return (
    <>
      <p class="why-head">
        <time class="mono" dateTime={signal.timestamp}>
          {t('why.closed', { time: minuteOf(signal.timestamp) })}
        </time>
        <Badge tone={signal.action === 'ENTER' ? 'good' : signal.action === 'EXIT' ? 'warn' : 'quiet'}>
          {codeText('action', signal.action)}
        </Badge>
        <strong>{codeText('reason', signal.reason)}</strong>
      </p>
      <p>{meaningText(kind, signal.reason)}</p>
      {rule != null && <p class="note">{t('why.rule', { name: rule.name, version: rule.version })}</p>}
      {failedRule !== null && <p class="bad">{t('why.failedRule', { version: failedRule })}</p>}
      {to_exit.length > 0 && (
        <>
          <h3>{t('why.toExit')}</h3>
          <Conditions conditions={to_exit} />
        </>
      )}
      {(models ?? direction ?? rule ?? null) === null ? (
        <p class="note">{t('why.unscored')}</p>
      ) : (
        (conditions.length > 0 || signal.action === 'ENTER') && (
          <>
            <h3>{t('why.toEnter')}</h3>
            {to_enter.length === 0 ? <p class="good">{t('why.toEnter.none')}</p> : <Conditions conditions={to_enter} />}
          </>
        )
      )}
      {(models !== null || direction !== null) && (
        <>
          {costs !== null && (
            <>
              <h3>{t('why.costs')}</h3>
              <dl class="facts">
                <Fact name={t('why.gross')}>{`${signed(costs.expected_gross_bps)} bp`}</Fact>
                <Fact name={t('why.roundTrip')}>{`−${num(costs.round_trip_bps)} bp`}</Fact>
                <Fact name={t('why.swap')}>{`${signed(-costs.expected_swap_bps)} bp`}</Fact>
                <Fact name={t('why.net')}>{`${signed(costs.expected_net_bps)} bp`}</Fact>
                {costs.break_even_prob !== null && <Fact name={t('why.breakEven')}>{num(costs.break_even_prob)}</Fact>}
              </dl>
            </>
          )}
          <h3>{t('why.models')}</h3>
          {typeof signal.novelty === 'number' && (
            <dl class="facts">
              <Fact name={t('why.novelty')}>
                <span class={signal.novelty < NOVEL ? 'bad' : ''}>{noveltyText(signal.novelty)}</span>
              </Fact>
            </dl>
          )}
          {models !== null &&
            (['ai1', 'ai2', 'ai3'] as const).map((name) => (
              <Attribution key={name} name={name.toUpperCase()} model={models[name]} features={features} />
            ))}
          {direction !== null &&
            (['up', 'down', 'range'] as const).map((name) => (
              <Attribution key={name} name={t(`tile.${name}`)} model={direction[name]} features={features} isScore />
            ))}
        </>
      )}
      <AllFeatures features={features} />
      <p class={reproduced.equal ? 'note' : 'bad'}>
        {reproduced.equal ? t('why.reproduced') : t('why.differs', { code: reproduced.code ?? '' })}
      </p>
    </>
  );
}

/** Minutes and bars are whole. */
const digitsOf = (condition: string): number => (conditionUnit(condition) === null ? 3 : 0);

function Conditions({ conditions }: { readonly conditions: readonly Condition[] }) {
  return (
    <ol class="conditions">
      {conditions.map(({ name, holds, value, limit, relation, change, relative }) => (
        <li key={name}>
          <strong>{codeText('condition', name)}</strong>
          {value !== null && limit !== null && (
            <span>
              {t('why.now', { value: num(value, digitsOf(name)) })},{' '}
              {t('why.must', {
                relation: SHOWN_RELATION[relation ?? ''] ?? relation ?? '',
                limit: num(limit, digitsOf(name)),
              })}
            </span>
          )}
          {holds && <span class="good">{t('why.holds')}</span>}
          {!holds && change !== null && relative !== null && (
            <span class="mono">
              {signed(change, digitsOf(name))}
              {conditionUnit(name) === null && ` (${percent(relative)})`}
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

interface AttributionProps {
  readonly name: string;
  readonly model: ExplainedModel;
  readonly features: Explanation['features'];
  /** Scores before a softmax, not probabilities. */
  readonly isScore?: boolean;
}

/** Contributions as bars around 0, largest first. */
function Attribution({ name, model, features, isScore = false }: AttributionProps) {
  const { answer, expected, contributions, code } = model;
  const shown = (contributions ?? []).slice(0, SHOWN);
  const most = Math.max(...shown.map(({ logits }) => Math.abs(logits)), 1e-9);
  const known = new Map(features.map((feature) => [feature.name, feature]));
  return (
    <div class="attribution">
      <p>
        <strong>{name}</strong> <span class="mono">{num(answer, 3)}</span>{' '}
        {expected !== null && (
          <span class="note">
            {isScore
              ? t('why.score', { value: signed(expected, 3) })
              : t('why.average', { value: num(1 / (1 + Math.exp(-expected)), 3) })}
          </span>
        )}
        {code !== null && <span class="note">{code}</span>}
      </p>
      <ul>
        {shown.map(({ feature, logits }) => {
          const { value, percentile } = known.get(feature)!;
          const width = (50 * Math.abs(logits)) / most;
          return (
            <li key={feature}>
              <span class="mono name">{feature}</span>
              <span
                class="number"
                title={percentile === null ? '' : t('why.percentile', { value: num(100 * percentile, 0) })}
              >
                {compact(value)}
              </span>
              <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect class="axis" x="49.7" y="0" width="0.6" height="8" />
                <rect
                  class={logits > 0 ? 'up' : 'down'}
                  x={logits > 0 ? 50 : 50 - width}
                  y="1.5"
                  width={width}
                  height="5"
                />
              </svg>
              <span class="number">{signed(logits)}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function AllFeatures({ features }: Pick<Explanation, 'features'>) {
  if (features.every(({ value }) => value === null)) return null;
  return (
    <details>
      <summary>{t('why.features')}</summary>
      <table class="small">
        <thead>
          <tr>
            <th scope="col">{t('why.feature')}</th>
            <th scope="col" class="number">
              {t('why.value')}
            </th>
            <th scope="col" class="number">
              {t('why.rank')}
            </th>
          </tr>
        </thead>
        <tbody>
          {features.map(({ name, value, percentile, unit }) => (
            <tr key={name}>
              <td class="mono" title={unit}>
                {name}
              </td>
              <td class="number">{compact(value)}</td>
              <td class="number">{percentile === null ? '–' : num(100 * percentile, 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
