import { useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { api, type FileImport } from '../api.ts';
import { minuteOf, num } from '../format.ts';
import { session } from '../live.ts';
import { codeText, t } from '../text/text.ts';
import { ConfirmedButton, Failure, Loading, useLoaded } from './basics.tsx';
import { givenOf, type Reading } from './import_reading.tsx';

/** Counts changes of stored bars that were made on this page: what shows bars is read again. */
export const barChanges = signal(0);

export function canImport(): boolean {
  return session.value?.role === 'approver';
}

interface ImportMode {
  readonly dry_run?: 'true' | 'false';
  readonly replace?: 'true' | 'false';
}

/** Sends a whole file to the trainer. */
export function sendFile(file: File, reading: Reading, mode: ImportMode): Promise<FileImport> {
  return api.post('/api/imports', { query: { name: file.name, ...givenOf(reading), ...mode }, file });
}

/** Imports a file that was looked at, or lets it replace stored bars; each after what it would change. */
export function ImportButtons({ file, reading }: { readonly file: File; readonly reading: Reading }) {
  const [done, setDone] = useState<FileImport | null>(null);
  const button = (replace: 'true' | 'false') => (
    <ConfirmedButton
      label={t(replace === 'true' ? 'take.replace' : 'take.import')}
      question={t(replace === 'true' ? 'take.replaceQuestion' : 'take.importQuestion', { name: file.name })}
      evidence={() => <WouldChange file={file} reading={reading} replace={replace} />}
      act={async () => {
        setDone(await sendFile(file, reading, { replace }));
        barChanges.value++;
      }}
    />
  );
  return (
    <div>
      <p class="actions">
        {button('false')} {button('true')}
      </p>
      {done !== null && <Done done={done} />}
    </div>
  );
}

function WouldChange({ file, reading, replace }: { file: File; reading: Reading; replace: 'true' | 'false' }) {
  const { data, error } = useLoaded(() => sendFile(file, reading, { replace, dry_run: 'true' }), file.name);
  if (error !== null) return <Failure error={error} />;
  return data === null ? <Loading /> : <Changed made={data} />;
}

/** What an import changes, by symbol, and whose models learned from bars that it replaces. */
function Changed({ made: { refused, symbols, series, models } }: { readonly made: FileImport }) {
  if (refused !== null) return <p class="bad">{refused.message}</p>;
  return (
    <ul>
      {symbols.map((one) => (
        <li key={one.symbol} class={one.would_be_taken ? '' : 'bad'}>
          {one.would_be_taken
            ? t('take.symbol', {
                symbol: one.symbol,
                added: num(one.added, 0),
                replaced: num(one.replaced, 0),
                kept: num(one.conflicts - one.replaced, 0),
                duplicates: num(one.duplicates, 0),
              })
            : t('take.refused', { symbol: one.symbol, verdict: codeText('verdict', one.verdict) })}
        </li>
      ))}
      {series.map((one) => (
        <li key={`${one.symbol} ${one.name}`}>
          {t('take.series', { symbol: one.symbol, name: one.name, added: num(one.added, 0) })}
        </li>
      ))}
      {models.length > 0 && <li>{t('imports.learned', { models: models.join(', ') })}</li>}
    </ul>
  );
}

function Done({ done }: { readonly done: FileImport }) {
  const { import_number: number } = done;
  return (
    <div role="status">
      <p class={number === null ? 'bad' : 'good'}>
        {number === null ? t('take.nothing') : t('take.done', { number })} {minuteOf(Date.now())}
      </p>
      <Changed made={done} />
    </div>
  );
}
