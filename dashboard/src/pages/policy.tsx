import { useEffect, useRef, useState } from 'preact/hooks';
import { api, ApiError, type InUse, type PolicyEntry as Entry } from '../api.ts';
import { nowMs, session } from '../live.ts';
import { Empty, Failure, Loading, Panel, Table, useLoaded, type Column } from '../parts/basics.tsx';
import { EffectLines } from '../parts/change_effects.tsx';
import { pathOf, place, setQuery } from '../router.ts';
import { allowedText, codeText, language, t } from '../text/text.ts';

/** Characters of a value that is shown whole, and of the beginning of a longer one. */
const LONGEST = 120;
const SHOWN = 60;
/** Polling interval of values: an approved change is applied at any time. */
const READ_MS = 3000;

export default function PolicyPage() {
  const { data, error } = useLoaded(() => api.get('/api/policy'), String(Math.floor(nowMs.value / READ_MS)));
  const [edited, setEdited] = useState<Entry | null>(null);
  const [proposed, setProposed] = useState<number | null>(null);
  const wanted = (place.value.query.get('filter') ?? '').toLowerCase();
  const isChangedOnly = place.value.query.get('changed') === 'only';
  const rows = (data?.entries ?? [])
    .filter(({ key, label_ja, description }) =>
      `${key} ${label_ja ?? ''} ${description}`.toLowerCase().includes(wanted),
    )
    .filter((entry) => !isChangedOnly || isChanged(entry));
  const sections = [...Map.groupBy(rows, sectionOf)];
  const isNarrowed = wanted !== '' || isChangedOnly;
  return (
    <Panel
      title={t('page.policy')}
      wide
      aside={
        <div class="tools">
          <label class="check">
            <input
              type="checkbox"
              checked={isChangedOnly}
              onChange={(event) => setQuery('changed', event.currentTarget.checked ? 'only' : '')}
            />
            {t('policy.changedOnly')}
          </label>
          <input
            type="search"
            aria-label={t('policy.filter')}
            placeholder={t('policy.filter')}
            value={wanted}
            onInput={(event) => setQuery('filter', event.currentTarget.value)}
          />
        </div>
      }
    >
      {error !== null && <Failure error={error} />}
      {proposed !== null && (
        <p role="status">
          <a class="good" href={pathOf('changes')}>
            {t('policy.proposed', { id: proposed })}
          </a>
        </p>
      )}
      {data === null && error === null && <Loading />}
      {data !== null && sections.length === 0 && (
        <Empty text={t(isChangedOnly ? 'policy.noneChanged' : 'policy.none')} />
      )}
      {sections.map(([section, own]) => (
        <details key={`${section} ${isNarrowed}`} class="section" open={isNarrowed}>
          <summary>
            <h3>{codeText('policy.section', section)}</h3>
            <span class="mono note">{section}</span>
            <span class="note">{sectionNote(own)}</span>
          </summary>
          <Table
            name={`policy_${section}`}
            label={codeText('policy.section', section)}
            rows={own}
            columns={columnsOf(setEdited)}
            rowKey={({ key }) => key}
            empty="policy.none"
            kind="policy"
          />
        </details>
      ))}
      {edited !== null && (
        <Proposal
          key={edited.key}
          entry={edited}
          inUse={data!.in_use}
          onClose={() => setEdited(null)}
          onProposed={(id) => {
            setProposed(id);
            setEdited(null);
          }}
        />
      )}
    </Panel>
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** For editing: an object is a line for each figure. */
function longText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2);
}

const FILES = ['core', 'retrain', 'signals'];

/** `core` for the keys of a policy file, `minutehand.train` for those of a part of minutehand.yaml. */
function sectionOf({ key }: Entry): string {
  const [file = '', part = '', name] = key.split('.');
  return FILES.includes(file) || name === undefined ? file : `${file}.${part}`;
}

function isChanged({ value, delivered }: Entry): boolean {
  return delivered !== null && shown(delivered) !== shown(value);
}

function sectionNote(own: readonly Entry[]): string {
  const changed = own.filter(isChanged).length;
  return t(changed === 0 ? 'policy.count' : 'policy.countChanged', { count: own.length, changed });
}

/** A long value would make its row higher than the window: it opens by a click. */
function Value({ text, tone }: { readonly text: string; readonly tone: string }) {
  if (text.length <= LONGEST) return <span class={tone}>{text}</span>;
  return (
    <details class={tone}>
      <summary>{text.slice(0, SHOWN)}…</summary>
      {text}
    </details>
  );
}

function columnsOf(edit: (entry: Entry) => void): Column<Entry>[] {
  return [
    {
      key: 'key',
      title: t('policy.key'),
      value: ({ key }) => key,
      cell: ({ key, label_ja, description, applies }) => (
        <div class="stacked">
          {language.value === 'ja' && label_ja !== null && <strong>{label_ja}</strong>}
          <span class="mono">{key}</span>
          <span class="note" lang="en">
            {description}
          </span>
          <span class="note short">{codeText('policy.applies', applies)}</span>
        </div>
      ),
    },
    {
      key: 'value',
      title: t('policy.value'),
      value: ({ value }) => shown(value),
      cell: (entry) => <Value text={shown(entry.value)} tone={isChanged(entry) ? 'mono changed' : 'mono'} />,
    },
    {
      key: 'delivered',
      title: t('policy.delivered'),
      value: ({ delivered }) => shown(delivered),
      cell: ({ delivered }) => <Value text={delivered === null ? '' : shown(delivered)} tone="mono note" />,
    },
    {
      key: 'allowed',
      title: t('policy.allowed'),
      value: ({ allowed }) => allowed,
      cell: ({ allowed }) => <Value text={allowedText(allowed)} tone="note" />,
    },
    {
      key: 'act',
      title: t('app.actions'),
      value: () => null,
      cell: (entry) =>
        session.value?.role === 'viewer' ? null : (
          <button
            type="button"
            class="button"
            aria-label={`${t('policy.edit')} ${entry.key}`}
            onClick={() => edit(entry)}
          >
            {t('policy.edit')}
          </button>
        ),
    },
  ];
}

function Proposal({
  entry,
  inUse,
  onClose,
  onProposed,
}: {
  readonly entry: Entry;
  readonly inUse: InUse;
  readonly onClose: () => void;
  readonly onProposed: (id: number) => void;
}) {
  const [error, setError] = useState<ApiError | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    setError(null);
    const fields = new FormData(form.current!);
    const text = String(fields.get('value'));
    try {
      const { change_id } = await api.put('/api/ml/config', {
        body: {
          changes: { [entry.key]: typeof entry.value === 'string' ? text : parsed(text) },
          reason: String(fields.get('reason')),
        },
      });
      onProposed(change_id);
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    }
  }
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={t('policy.propose')}>
      <form ref={form} class="form" onInput={() => setError(null)} onSubmit={(event) => void submit(event)}>
        <h2>{t('policy.propose')}</h2>
        <p class="mono">{entry.key}</p>
        <p class="note">{allowedText(entry.allowed)}</p>
        <p class="stacked">
          <EffectLines changes={{ [entry.key]: entry.value }} before={null} inUse={inUse} />
        </p>
        <label>
          {t('policy.new')}
          {shown(entry.value).length <= LONGEST ? (
            <input name="value" required defaultValue={shown(entry.value)} />
          ) : (
            <textarea name="value" required rows={12} defaultValue={longText(entry.value)} />
          )}
        </label>
        <label>
          {t('policy.reason')}
          <input name="reason" required maxLength={2000} />
        </label>
        {error !== null && <Failure error={error} />}
        <div class="actions">
          <button type="button" class="button" onClick={onClose}>
            {t('app.cancel')}
          </button>
          <button type="submit" class="button primary">
            {t('policy.propose')}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/**
 * Parses numbers, lists and booleans as JSON; anything else is sent as text, and the server reports what it expects.
 */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
