import { t } from '../text/text.ts';

/** What the marks of entries and exits, and the bodies of candles, mean. */
export function MarkLegend({ isPair }: { readonly isPair: boolean }) {
  const entry = isPair ? 'mark buy' : 'mark one';
  return (
    <p class="note legend">
      <span class={entry}>▲</span> {t(isPair ? 'trades.markBuy' : 'trades.markBuyOne')} <span class={entry}>▼</span>{' '}
      {t(isPair ? 'trades.markSell' : 'trades.markSellOne')} <span class="mark exit">●</span> {t('trades.markExit')}
      {!isPair && (
        <>
          {' '}
          <span class="mark buy">▯</span> {t('trades.rise')} <span class="mark fall">▮</span> {t('trades.fall')}
        </>
      )}
    </p>
  );
}
