import { useState } from 'preact/hooks';
import { api, ApiError, type ImportPreview } from '../api.ts';
import { num, price } from '../format.ts';
import { codeText, t } from '../text/text.ts';
import { Badge, Failure, Panel } from './basics.tsx';
import { canImport, ImportButtons, sendFile } from './import_buttons.tsx';
import { Fact } from './fact.tsx';
import { firstLines, looksDamaged } from './file_text.ts';
import { commandOf, givenOf, namedFields, NOTHING_TOLD, ReadingFields, type Reading } from './import_reading.tsx';

interface Shown {
  readonly file: File;
  /** How it was read. */
  readonly reading: Reading;
  /** Whether only its first part was looked at. */
  readonly isCut: boolean;
  readonly preview: ImportPreview;
}

const PARQUET = /\.parquet$/i;

/** A file of bars that is looked at before it is imported. */
export function ImportPreviewPanel() {
  const [shown, setShown] = useState<Shown | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  /** A file that is no text. */
  const [damaged, setDamaged] = useState<string | null>(null);
  const [busyWith, setBusyWith] = useState<string | null>(null);
  const [chosen, setChosen] = useState<File | null>(null);
  const [reading, setReading] = useState<Reading>(NOTHING_TOLD);

  async function look(file: File): Promise<void> {
    setChosen(file);
    setBusyWith(file.name);
    setShown(null);
    setError(null);
    setDamaged(null);
    try {
      if (PARQUET.test(file.name)) {
        setShown({ file, reading, isCut: false, preview: await sendFile(file, reading, { dry_run: 'true' }) });
        return;
      }
      const text = await textOf(file);
      if (text === null) {
        setDamaged(file.name);
        return;
      }
      const looked = firstLines(text);
      const name = file.name.replace(/\.gz$/i, '');
      const preview = await api.post('/api/imports/preview', {
        body: { name, text: looked, ...givenOf({ ...reading, price: '' }) },
      });
      setShown({ file, reading, isCut: looked.length < text.length, preview });
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    } finally {
      setBusyWith(null);
    }
  }

  return (
    <Panel title={t('preview.title')} wide>
      <p class="note">{t('preview.intro')}</p>
      <label class="form">
        <span>{t('preview.file')}</span>
        <input
          type="file"
          accept={canImport() ? '.csv,.txt,.json,.gz,.parquet' : '.csv,.txt,.json,.gz'}
          disabled={busyWith !== null}
          onChange={({ currentTarget }) => {
            const file = currentTarget.files?.[0];
            if (file !== undefined) void look(file);
            currentTarget.value = '';
          }}
        />
      </label>
      <ReadingFields reading={reading} onChange={setReading} />
      {chosen !== null && (
        <p>
          <button type="button" class="button" disabled={busyWith !== null} onClick={() => void look(chosen)}>
            {t('preview.again', { name: chosen.name })}
          </button>
        </p>
      )}
      {busyWith !== null && <p role="status">{t('preview.looking', { name: busyWith })}…</p>}
      {damaged !== null && (
        <p role="alert" class="bad">
          {t('preview.damaged', { name: damaged })}
        </p>
      )}
      {error !== null && <Failure error={error} />}
      {shown !== null && <Preview shown={shown} />}
    </Panel>
  );
}

/** Of a file that the browser decompresses where its name ends in .gz; null: it is no text, or its end is missing. */
async function textOf(file: File): Promise<string | null> {
  try {
    const text = /\.gz$/i.test(file.name)
      ? await new Response(file.stream().pipeThrough(new DecompressionStream('gzip'))).text()
      : await file.text();
    return looksDamaged(text) ? null : text;
  } catch {
    return null;
  }
}

function Preview({ shown: { file, reading, isCut, preview } }: { readonly shown: Shown }) {
  const { name } = file;
  const { refused, symbols, series } = preview;
  const fields = refused === null ? [] : namedFields(refused.next);
  if (refused !== null)
    return (
      <div role="alert">
        <p class="bad">
          {name}: {refused.message}
        </p>
        <p lang="en">{refused.next}</p>
        {fields.length > 0 && <p>{t('preview.fields', { fields: fields.join(', ') })}</p>}
      </div>
    );
  return (
    <div role="status">
      {isCut && <p class="note">{t('preview.cut')}</p>}
      {symbols.map((symbol) => (
        <PreviewedSymbol key={symbol.symbol} symbol={symbol} />
      ))}
      {series.map((one) => (
        <p key={`${one.symbol} ${one.name}`}>
          {t('preview.series', { symbol: one.symbol, name: one.name, added: num(one.added, 0) })}
        </p>
      ))}
      {[...symbols.filter(({ would_be_taken }) => would_be_taken), ...series].length > 0 && (
        <>
          {canImport() && <ImportButtons file={file} reading={reading} />}
          <p>
            {t('preview.next')} <code>{commandOf(name, reading)}</code>
          </p>
        </>
      )}
    </div>
  );
}

function PreviewedSymbol({ symbol: one }: { readonly symbol: ImportPreview['symbols'][number] }) {
  const [low, high] = one.price_range ?? [null, null];
  return (
    <>
      <h3>
        {one.symbol} <Badge tone={one.would_be_taken ? 'good' : 'bad'}>{codeText('verdict', one.verdict)}</Badge>
      </h3>
      {one.findings.map(({ code, text }) => (
        <p key={text} class="bad">
          {codeText('verdict', code)}: {text}
        </p>
      ))}
      {one.near_symbols.length > 0 && (
        <p class="bad">
          {t('preview.nearSymbols', {
            symbol: one.symbol,
            others: one.near_symbols.join(', '),
            first: one.near_symbols[0]!,
          })}
        </p>
      )}
      <dl class="facts row">
        <Fact name={t('preview.symbol')}>{`${one.symbol} (${one.symbol_by})`}</Fact>
        <Fact name={t('preview.timeframe')}>
          {one.timeframe_by === null ? one.timeframe : `${one.timeframe} (${one.timeframe_by})`}
        </Fact>
        <Fact name={t('preview.clock')}>
          {`${one.clock ?? '–'}${one.clock_is_checked ? ` (${t('preview.clockChecked')})` : ''}`}
        </Fact>
        <Fact name={t('preview.prices')}>{low === null ? '–' : `${price(low)} – ${price(high)}`}</Fact>
        <Fact name={t('preview.rows')}>{num(one.read, 0)}</Fact>
        {one.would_be_taken && (
          <>
            <Fact name={t('preview.added')}>{num(one.added, 0)}</Fact>
            <Fact name={t('preview.duplicates')}>{num(one.duplicates, 0)}</Fact>
            <Fact name={t('preview.conflicts')}>{num(one.conflicts, 0)}</Fact>
          </>
        )}
        <Fact name={t('preview.rejected')}>{num(one.rejected, 0)}</Fact>
      </dl>
      {one.read_by.length > 0 && <p class="note">{one.read_by.join('; ')}</p>}
      {one.first_rejected.map(({ line, code, seen }) => (
        <p key={line} class="note">
          {t('preview.rejectedRow', { line, code, seen })}
        </p>
      ))}
    </>
  );
}
