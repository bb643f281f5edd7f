import { useEffect, useState } from 'preact/hooks';
import { api, ApiError } from '../api.ts';
import { named, type Named, type UnknownName } from '../named.ts';
import { t, type TextKey } from '../text/text.ts';

interface Props {
  /** A text with `{name}`: what the address names and does not exist. */
  readonly text: TextKey;
  readonly own: UnknownName;
  readonly pathTo: (name: string) => string;
  readonly labelOf?: (name: string) => string;
  /** Offered where no name is near. */
  readonly known: readonly string[];
}

const SHOWN = 12;

/** In place of what the address names: that it does not exist, and the names that may have been meant. */
export function NameUnknown({ text, own, pathTo, labelOf = (name) => name, known }: Props) {
  const isNear = own.near.length > 0;
  const offered = isNear ? own.near : known.slice(0, SHOWN);
  return (
    <div class="failure unknown-name" role="alert">
      <strong>{t(text, { name: own.asked.slice(0, 80) })}</strong>
      {offered.length > 0 && (
        <span class="next">
          {' '}
          {t(isNear ? 'unknown.near' : 'unknown.known')}{' '}
          {offered.map((name, at) => (
            <span key={name}>
              {at > 0 && ', '}
              <a href={pathTo(name)}>{labelOf(name)}</a>
            </span>
          ))}
          {!isNear && known.length > SHOWN && ' …'}
        </span>
      )}
    </div>
  );
}

/**
 * What a pair, instrument or symbol of the address means. One that is not known as it is written is spelled by the
 * server, which has the names of brokers; null until it has answered.
 */
export function useSubjectNamed(asked: string, known: readonly string[]): Named | null {
  const [spelled, setSpelled] = useState<{ readonly asked: string; readonly subject: string } | null>(null);
  const direct = named(asked, known);
  const isUnclear = direct.kind === 'unknown' && known.length > 0;
  useEffect(() => {
    if (!isUnclear) return;
    let isWanted = true;
    api.get('/api/spelling', { query: { subject: asked.slice(0, 200) } }).then(
      ({ subject }) => isWanted && setSpelled({ asked, subject }),
      (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        if (isWanted) setSpelled({ asked, subject: asked });
      },
    );
    return () => void (isWanted = false);
  }, [asked, isUnclear]);
  if (direct.kind !== 'unknown') return direct;
  if (spelled?.asked !== asked) return null;
  const found = named(spelled.subject, known);
  return found.kind === 'unknown' ? { ...found, asked } : found;
}
