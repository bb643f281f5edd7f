import type { MarketKind } from '../../../shared/signal/signal.ts';
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { api, type BarChange } from '../api.ts';
import { minuteOf, num } from '../format.ts';
import { t, type TextKey } from '../text/text.ts';
import { ConfirmedButton, Failure, Loading, Panel, useLoaded } from './basics.tsx';
import { barChanges } from './import_buttons.tsx';

interface Of {
  readonly symbol: string;
  readonly market: MarketKind;
}

/** The last change that was made on this page: it is told also where its symbol has no bar left. */
const done = signal<BarChange | null>(null);

/** What the last change took out. */
export function BarChangeDone() {
  const change = done.value;
  if (change === null) return null;
  return (
    <div role="status">
      <p>{t('bars.done', { number: change.import_number ?? 0 })}</p>
      <Gone change={change} />
    </div>
  );
}

/** Takes bars of a symbol out: stored ones are deleted, received ones left out of all that learns. */
export function BarChanges({ symbol, market }: Of) {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const period = { ...(from === '' ? {} : { from: utc(from) }), ...(to === '' ? {} : { to: utc(to) }) };
  const remove = (dry_run: 'true' | 'false') =>
    api.post('/api/bars/delete', { query: { dry_run }, body: { symbol, market, ...period } });
  const leaveOut = (dry_run: 'true' | 'false', reason: string) =>
    api.post('/api/bars/leave-out', { query: { dry_run }, body: { symbol, reason, ...period } });
  const made = (change: BarChange): void => {
    done.value = change;
    barChanges.value++;
  };
  return (
    <Panel title={t('bars.title', { symbol })} wide>
      <p class="note">{t(market === 'live' ? 'bars.note' : 'bars.noteStored')}</p>
      <div class="form fields">
        <Side name="bars.from" value={from} onChange={setFrom} />
        <Side name="bars.to" value={to} onChange={setTo} />
      </div>
      <p class="actions">
        <ConfirmedButton
          label={t('bars.delete')}
          question={t('bars.deleteQuestion', { symbol })}
          tone="danger"
          evidence={() => <WouldGo look={() => remove('true')} />}
          act={async () => made(await remove('false'))}
        />
        {market === 'live' && (
          <ConfirmedButton
            label={t('bars.leaveOut')}
            question={t('bars.leaveOutQuestion', { symbol })}
            asksReason
            evidence={() => <WouldGo look={() => leaveOut('true', t('bars.look'))} />}
            act={async (reason) => made(await leaveOut('false', reason))}
          />
        )}
      </p>
    </Panel>
  );
}

/** A time of a field as UTC, which the page shows everywhere. */
const utc = (text: string): string => `${text.slice(0, 16)}:00Z`;

function Side(props: { readonly name: TextKey; readonly value: string; readonly onChange: (value: string) => void }) {
  return (
    <label>
      {t(props.name)}
      <input
        type="datetime-local"
        value={props.value}
        onInput={({ currentTarget }) => props.onChange(currentTarget.value)}
      />
    </label>
  );
}

function WouldGo({ look }: { readonly look: () => Promise<BarChange> }) {
  const { data, error } = useLoaded(look, '');
  if (error !== null) return <Failure error={error} />;
  return data === null ? <Loading /> : <Gone change={data} />;
}

function Gone({ change: { removed, models } }: { readonly change: BarChange }) {
  return (
    <ul>
      {removed.map(({ symbol, bars, first, last }) => (
        <li key={symbol}>
          {t('bars.goes', { symbol, bars: num(bars, 0), from: minuteOf(first * 1000), to: minuteOf(last * 1000) })}
        </li>
      ))}
      {models.length > 0 && <li>{t('imports.learned', { models: models.join(', ') })}</li>}
    </ul>
  );
}
