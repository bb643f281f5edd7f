import { currentModel, hasOwnClock, last } from '../live.ts';
import { num } from '../format.ts';
import { pathOf } from '../router.ts';
import { codeText, t, type TextKey } from '../text/text.ts';
import { Panel } from './basics.tsx';

/** What would have to change for an entry, by the reason of the last signals. */
const CHANGES: Readonly<Record<string, TextKey>> = {
  NO_EDGE: 'noTrades.NO_EDGE',
  NO_MODEL: 'noTrades.NO_MODEL',
  WARMUP: 'noTrades.WARMUP',
  NO_SETUP: 'noTrades.NO_SETUP',
  PROB_LOW: 'noTrades.PROB_LOW',
  RISK_HIGH: 'noTrades.RISK_HIGH',
  COST_HIGH: 'noTrades.COST_HIGH',
  EXPOSURE: 'noTrades.EXPOSURE',
  NEWS: 'noTrades.NEWS',
  NOVEL_INPUT: 'noTrades.NOVEL_INPUT',
  SESSION: 'noTrades.SESSION',
  KPI_HALT: 'noTrades.KPI_HALT',
  STOPPED: 'noTrades.STOPPED',
  SILENCE: 'noTrades.SILENCE',
};

/** Why there is no trade, from the last signals, and what would have to change. */
export function NoTrades({ hasAccount }: { readonly hasAccount: boolean }) {
  const pairs = [...last.value.values()].filter(({ pair_id }) => pair_id.includes('_'));
  const groups = [...Map.groupBy(pairs, ({ reason }) => reason)].sort((a, b) => b[1].length - a[1].length);
  const verdicts = currentModel.value?.manifest?.edge ?? {};
  // Models that no daemon runs, such as those of another market, bring no entries.
  const edges = pairs.filter(
    ({ pair_id, reason }) => reason !== 'NO_MODEL' && verdicts[pair_id]?.no_edge === false,
  ).length;
  return (
    <Panel title={t('noTrades.title')} wide>
      {pairs.length === 0 ? (
        <p>{t('noTrades.noSignals')}</p>
      ) : (
        <ul class="why-none">
          {groups.map(([reason, own]) => (
            <li key={reason}>
              <strong>
                {t('noTrades.of', { count: num(own.length, 0), all: num(pairs.length, 0) })}{' '}
                {codeText('reason', reason)}
              </strong>
              <span>{t(CHANGES[reason] ?? 'noTrades.other')}</span>
            </li>
          ))}
        </ul>
      )}
      {edges > 0 && <p>{t('noTrades.edges', { count: edges })}</p>}
      <p class="note">{t(hasAccount ? 'noTrades.account' : accountHint())}</p>
      <p>
        <a class="link" href={pathOf('subjects')}>
          {t('noTrades.explain')}
        </a>{' '}
        ·{' '}
        <a class="link" href={pathOf('backtests')}>
          {t('page.backtests')}
        </a>
      </p>
    </Panel>
  );
}

function accountHint(): TextKey {
  return hasOwnClock() ? 'noTrades.noAccountSimulated' : 'noTrades.noAccount';
}
