import { NOVELTY_BUCKETS, noveltyBucket, TRAINING_SHARES } from '../../../shared/signal/novelty_buckets.ts';
import type { Signal } from '../api.ts';
import { num, percent } from '../format.ts';
import { t, type TextKey } from '../text/text.ts';
import { Panel } from './basics.tsx';

/** Below it a row is farther out than 99 % of the training, and below the other than 95 %. */
export const NOVEL = 0.01;
const UNUSUAL = 0.05;

/** Candidates in each bucket, as the server counts them; empty: none has a novelty. */
export function noveltiesOf(signals: readonly Signal[]): readonly number[] {
  const counts = NOVELTY_BUCKETS.map(() => 0);
  for (const { novelty, reason } of signals)
    if (typeof novelty === 'number' && reason !== 'SILENCE' && reason !== 'SHUTDOWN') counts[noveltyBucket(novelty)]!++;
  return counts.some((count) => count > 0) ? counts : [];
}

/** What a novelty says: `0.32: 32 % of the training rows are farther out, as of a usual row.` */
export function noveltyText(novelty: number): string {
  const key: TextKey =
    novelty === 0
      ? 'novelty.beyond'
      : novelty < NOVEL
        ? 'novelty.novel'
        : novelty < UNUSUAL
          ? 'novelty.unusual'
          : 'novelty.usual';
  return t(key, { value: num(novelty, 3), share: percent(novelty, novelty < UNUSUAL ? 1 : 0) });
}

interface Props {
  readonly kind: 'pair' | 'instrument';
  /** Of the period; not empty. */
  readonly counts: readonly number[];
  /** Oldest first. */
  readonly signals: readonly Signal[];
}

/** How unlike the training rows the candidates of a period are, beside those rows themselves. */
export function NoveltyPanel({ kind, counts, signals }: Props) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const shares = counts.map((count) => count / all);
  const most = Math.max(...shares, ...TRAINING_SHARES);
  const last = signals.findLast(({ novelty }) => typeof novelty === 'number');
  return (
    <Panel
      title={t('novelty.title')}
      aside={<span class="note">{t('novelty.candidates', { count: num(all, 0) })}</span>}
    >
      <p class="note">{t(kind === 'pair' ? 'novelty.ofPair' : 'novelty.ofInstrument')}</p>
      <table class="novelties" aria-label={t('novelty.title')}>
        <thead>
          <tr>
            <th>{t('novelty.range')}</th>
            <th aria-hidden="true" />
            <th class="number">{t('novelty.here')}</th>
            <th class="number">{t('novelty.training')}</th>
          </tr>
        </thead>
        <tbody>
          {NOVELTY_BUCKETS.map((to, i) => (
            <tr key={to}>
              <td>{i === 0 ? `≤ ${to}` : `${NOVELTY_BUCKETS[i - 1]!} – ${to}`}</td>
              <td class="bars" aria-hidden="true">
                <i class={to <= NOVEL ? 'novel' : ''} style={{ width: `${(100 * shares[i]!) / most}%` }} />
                <i class="training" style={{ width: `${(100 * TRAINING_SHARES[i]!) / most}%` }} />
              </td>
              <td class="number">{percent(shares[i]!, 1)}</td>
              <td class="number">{percent(TRAINING_SHARES[i]!, 1)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {last !== undefined && (
        <p class="note">
          {t('novelty.last', { time: `${last.timestamp.slice(0, 16).replace('T', ' ')} UTC` })}{' '}
          {noveltyText(last.novelty as number)}
        </p>
      )}
    </Panel>
  );
}
