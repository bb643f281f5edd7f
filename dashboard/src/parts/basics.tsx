import { partsOfErrorLine } from '../../../shared/error_line.ts';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { csvCell } from '../../../shared/csv/csv_cell.ts';
import { ApiError } from '../api.ts';
import { codeText, t, type TextKey } from '../text/text.ts';

export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'quiet';

/** Code of a request that nothing answered. */
const UNREACHABLE = 'UNREACHABLE';
/** Statuses of a proxy, or of a server that starts or ends. */
const PASSING: ReadonlySet<number> = new Set([502, 503, 504]);
const RETRY_MS = 2000;
const MODE_TONES: Readonly<Record<string, Tone>> = { OK: 'good', WARMUP: 'info', DEGRADED: 'warn', HALT: 'bad' };

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function ModeBadge({ mode }: { readonly mode: string }) {
  return <Badge tone={MODE_TONES[mode] ?? 'quiet'}>{codeText('mode', mode)}</Badge>;
}

/** Side of a position: of leg A, or of the instrument. */
export function SideText({ kind, target }: { readonly kind: 'pair' | 'instrument'; readonly target: number }) {
  const side = target === 0 ? 'flat' : target > 0 ? 'long' : 'short';
  const text = side === 'flat' || kind === 'pair' ? t(`tile.${side}`) : t(`tile.${side}One`);
  return <span class={`side ${side}`}>{text}</span>;
}

export function Panel(props: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={props.wide === true ? 'panel wide' : 'panel'} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.aside !== undefined && <div class="aside">{props.aside}</div>}
      </header>
      {props.children}
    </section>
  );
}

export function Empty({ text }: { readonly text: string }) {
  return <p class="empty">{text}</p>;
}

/** Placeholder of a part whose data has not arrived yet. */
export function Loading() {
  return <Empty text={`${t('app.loading')}…`} />;
}

export function Failure({ error }: { readonly error: ApiError }) {
  if (error.code === UNREACHABLE)
    return (
      <div class="failure" role="status">
        {t('app.unreachable')}
      </div>
    );
  return (
    <div class="failure" role="alert">
      <strong>{error.code}</strong> <span lang="en">{error.message}</span>
      {error.next !== '' && (
        <span class="next" lang="en">
          {' '}
          → {error.next}
        </span>
      )}
    </div>
  );
}

/** Why a job has failed, and what to do. @param isShort without the latter, for a list */
export function FailedLine({ error, isBad, isShort = false }: FailedLineProps) {
  const { seen, next } = partsOfErrorLine(error);
  return (
    <span class={isBad ? 'bad' : 'note'} lang="en">
      {seen}
      {next !== null && !isShort && <span class="next"> → {next}</span>}
    </span>
  );
}

interface FailedLineProps {
  readonly error: string;
  readonly isBad: boolean;
  readonly isShort?: boolean;
}

export interface Loaded<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
  readonly reload: () => void;
}

/** Loads on mount and whenever `key` changes, and again while nothing answers; outdated responses are dropped. */
export function useLoaded<T>(read: () => Promise<T>, key: string): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; error: ApiError | null }>({ data: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isWanted = true;
    let again: ReturnType<typeof setTimeout> | undefined;
    read().then(
      (data) => isWanted && setState({ data, error: null }),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        if (!isWanted) return;
        setState(({ data }) => ({ data, error }));
        if (error.code === UNREACHABLE || PASSING.has(error.status))
          again = setTimeout(() => setTurn((now) => now + 1), RETRY_MS);
      },
    );
    return () => {
      isWanted = false;
      clearTimeout(again);
    };
  }, [key, turn]);
  return { ...state, reload: () => setTurn((now) => now + 1) };
}

/** A button that asks for confirmation, and shows errors. */
export function ConfirmedButton(props: {
  readonly label: string;
  readonly question: string;
  readonly tone?: 'danger';
  /** Shown with the question; rendered when the question is asked. */
  readonly evidence?: () => ComponentChildren;
  /** @param reason given in the dialog: with asksReason, and after a refusal with MODEL_GATES; else empty */
  readonly act: (reason: string) => Promise<unknown>;
  /** The dialog asks for a reason from the start. */
  readonly asksReason?: boolean;
  /** Failed gates may be overridden with a reason. */
  readonly canOverride?: boolean;
}) {
  const [reason, setReason] = useState('');
  const [isOpen, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const isOverride = props.canOverride === true && error?.code === 'MODEL_GATES';
  const needsReason = isOverride || props.asksReason === true;
  function open(): void {
    setError(null);
    setReason('');
    setOpen(true);
    dialog.current?.showModal();
  }
  async function confirm(): Promise<void> {
    setBusy(true);
    try {
      await props.act(needsReason ? reason.trim() : '');
      dialog.current?.close();
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      setError(caught);
    } finally {
      setBusy(false);
    }
  }
  return (
    <>
      <button type="button" class={`button ${props.tone ?? ''}`} onClick={open}>
        {props.label}
      </button>
      <dialog
        ref={dialog}
        aria-label={props.label}
        class={props.evidence === undefined ? '' : 'wide'}
        onClose={() => setOpen(false)}
      >
        <p>{props.question}</p>
        {isOpen && props.evidence?.()}
        {error !== null && <Failure error={error} />}
        {needsReason && (
          <label class="override">
            {t(isOverride ? 'models.despite.reason' : 'policy.reason')}
            <input maxLength={500} value={reason} onInput={({ currentTarget }) => setReason(currentTarget.value)} />
          </label>
        )}
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {t('app.cancel')}
          </button>
          <button
            type="button"
            class={`button primary ${props.tone ?? ''}`}
            disabled={isBusy || (needsReason && reason.trim() === '')}
            onClick={() => void confirm()}
          >
            {t(isOverride ? 'models.despite' : 'app.confirm')}
          </button>
        </div>
      </dialog>
    </>
  );
}

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly isNumber?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
  /** CSS class of the cell. */
  readonly tone?: (row: Row) => string;
  /** Value in CSV and JSON. */
  readonly value: (row: Row) => string | number | boolean | null;
}

/** A table that can be saved as CSV and JSON. */
export function Table<Row>(props: {
  readonly name: string;
  readonly label: string;
  /** undefined: not answered yet. */
  readonly rows: readonly Row[] | undefined;
  /** Why there is no answer; the page shows it. */
  readonly error?: ApiError | null;
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string | number;
  readonly empty: TextKey;
  /** All rows, if `rows` is one page of them. */
  readonly saved?: readonly Row[];
  /** cards: in a narrow window each row is a block, whose cells have their titles. */
  readonly kind?: 'heat' | 'heat small' | 'policy' | 'gates' | 'cards';
}) {
  const { rows, columns, name, saved = rows ?? [] } = props;
  if (rows === undefined) return props.error == null ? <Loading /> : null;
  if (rows.length === 0) return <Empty text={t(props.empty)} />;
  return (
    <div class="table">
      <div class="scroll" tabIndex={0} role="region" aria-label={props.label}>
        <table class={props.kind}>
          <thead>
            <tr>
              {columns.map(({ key, title, isNumber }) => (
                <th key={key} scope="col" class={isNumber === true ? 'number' : ''}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={props.rowKey(row)}>
                {columns.map(({ key, title, isNumber, cell, tone }) => (
                  <td
                    key={key}
                    {...(props.kind === 'cards' && { 'data-title': title })}
                    class={`${isNumber === true ? 'number' : ''} ${tone?.(row) ?? ''}`}
                  >
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="exports">
        <button type="button" class="link" onClick={() => save(`${name}.csv`, 'text/csv', csvOf(columns, saved))}>
          {t('app.csv')}
        </button>
        <button
          type="button"
          class="link"
          onClick={() => save(`${name}.json`, 'application/json', jsonOf(columns, saved))}
        >
          {t('app.json')}
        </button>
      </div>
    </div>
  );
}

function csvOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return [columns.map(({ key }) => key), ...rows.map((row) => columns.map(({ value }) => value(row)))]
    .map((line) => `${line.map(csvCell).join(',')}\n`)
    .join('');
}

function jsonOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  return JSON.stringify(
    rows.map((row) => Object.fromEntries(columns.map(({ key, value }) => [key, value(row)]))),
    null,
    1,
  );
}

function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
