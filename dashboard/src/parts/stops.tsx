import { useRef, useState } from 'preact/hooks';
import { api, ApiError, type Status } from '../api.ts';
import { minuteOf } from '../format.ts';
import { readStatus, session, status, subjects } from '../live.ts';
import { t } from '../text/text.ts';
import { Badge, Failure } from './basics.tsx';

const ACTIONS = ['entries', 'close', 'resume'] as const;
type Action = (typeof ACTIONS)[number];
/** All subjects. */
const ALL = '*';

/** On every page: one button that stops entries, closes all, or resumes, after a confirmation with a reason. */
export function StopButton() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [action, setAction] = useState<Action>('entries');
  const [subject, setSubject] = useState(ALL);
  const [reason, setReason] = useState('');
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const stops = status.value?.stops ?? [];
  const isAllowed = session.value?.role !== 'viewer';
  const choices = stops.length === 0 ? ACTIONS.filter((one) => one !== 'resume') : ACTIONS;

  function open(): void {
    setError(null);
    setReason('');
    setAction(stops.length > 0 ? 'resume' : 'entries');
    setSubject(stops[0]?.pair_id ?? ALL);
    dialog.current?.showModal();
  }

  async function confirm(): Promise<void> {
    setBusy(true);
    const named = subject === ALL ? {} : { subjects: [subject] };
    try {
      if (action === 'resume') await api.post('/api/stops/resume', { body: named });
      else await api.post('/api/stops', { body: { kind: action, reason: reason.trim(), ...named } });
      await readStatus();
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
      <button type="button" class={`button ${stops.length > 0 ? '' : 'danger'} stop`} onClick={open}>
        {t(stops.length > 0 ? 'stops.title' : 'stops.open')}
      </button>
      <dialog ref={dialog} aria-label={t('stops.title')}>
        <h2>{t('stops.title')}</h2>
        <form
          class="form"
          method="dialog"
          onSubmit={(event) => {
            event.preventDefault();
            void confirm();
          }}
        >
          <label>
            {t('stops.what')}
            <select value={action} onChange={({ currentTarget }) => setAction(currentTarget.value as Action)}>
              {choices.map((one) => (
                <option key={one} value={one}>
                  {t(`stops.${one}`)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {t('stops.of')}
            <select value={subject} onChange={({ currentTarget }) => setSubject(currentTarget.value)}>
              <option value={ALL}>{t('stops.all')}</option>
              {subjects.value.map(({ subject: id, label }) => (
                <option key={id} value={id}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          {action !== 'resume' && (
            <label>
              {t('stops.reason')}
              <input
                required
                maxLength={500}
                value={reason}
                onInput={({ currentTarget }) => setReason(currentTarget.value)}
              />
            </label>
          )}
          {action !== 'resume' && reason.trim() === '' && <p class="note">{t('stops.needsReason')}</p>}
          <p class="note">{t(isAllowed ? 'stops.effect' : 'stops.refusedRole')}</p>
          {error !== null && <Failure error={error} />}
          <div class="actions">
            <button type="button" class="button" onClick={() => dialog.current?.close()}>
              {t('app.cancel')}
            </button>
            <button
              type="submit"
              class={`button primary ${action === 'resume' ? '' : 'danger'}`}
              disabled={isBusy || !isAllowed || (action !== 'resume' && reason.trim() === '')}
            >
              {t('app.confirm')}
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}

type Stop = Status['stops'][number];

/** On every page: what a person has stopped, who, when and why. */
export function StopBanner() {
  const stops = status.value?.stops ?? [];
  if (stops.length === 0) return null;
  return (
    <ul class="alert-strip model-banner" role="status">
      {stops.map((stop) => (
        <Line key={`${stop.pair_id} ${stop.kind}`} stop={stop} />
      ))}
    </ul>
  );
}

function Line({ stop: { pair_id, kind, reason, by, since } }: { readonly stop: Stop }) {
  const label = subjects.value.find(({ subject }) => subject === pair_id)?.label ?? pair_id;
  return (
    <li class="critical">
      <Badge tone="bad">{t(kind === 'close' ? 'stops.bannerClose' : 'stops.bannerEntries')}</Badge>
      <strong>{pair_id === ALL ? t('stops.all') : label}</strong>
      <span class="note">{t('stops.by', { by, at: minuteOf(since), reason })}</span>
    </li>
  );
}
