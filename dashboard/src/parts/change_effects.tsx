import { changeEffects, type ChangeEffect, type InUse } from '../../../shared/policy/change_effects.ts';
import { changedFigures } from '../../../shared/policy/differences.ts';
import { codeText, t } from '../text/text.ts';

type Values = Readonly<Record<string, unknown>>;

/**
 * What a change has effect on from when, and what keeps another value.
 * @param before null before a value is proposed
 * @param isFolded what keeps another value opens by a click
 */
export function EffectLines(props: {
  readonly changes: Values;
  readonly before: Values | null;
  readonly inUse: InUse;
  readonly isFolded?: boolean;
}) {
  const effects = changeEffects(props.changes, props.before, props.inUse);
  const line = (effect: ChangeEffect) => (
    <span key={effect.kind === 'applies' ? effect.applies : effect.keeper} class="note">
      {effectText(effect, effects)}
    </span>
  );
  if (props.isFolded !== true) return <>{effects.map(line)}</>;
  const kept = effects.filter(({ kind }) => kind === 'kept');
  return (
    <>
      {effects.filter(({ kind }) => kind === 'applies').map(line)}
      {kept.length > 0 && (
        <details class="note">
          <summary>{t('changes.kept')}</summary>
          <span class="stacked">{kept.map(line)}</span>
        </details>
      )}
    </>
  );
}

function effectText(effect: ChangeEffect, all: readonly ChangeEffect[]): string {
  if (effect.kind === 'kept') return t(`policy.kept.${effect.keeper}`, { names: effect.names.join(', ') });
  const text = codeText('policy.applies', effect.applies);
  const isOnly = all.filter(({ kind }) => kind === 'applies').length === 1;
  return isOnly ? text : `${effect.keys.join(', ')}: ${text}`;
}

/** Earlier and new value of each figure that differs. */
export function DifferenceLines({ changes, before }: { readonly changes: Values; readonly before: Values }) {
  return (
    <>
      {changedFigures({ changes, before }).map((one) => (
        <span key={one.key} class="mono">
          {one.key} <del>{valueText(one.before)}</del> → <ins>{valueText(one.after)}</ins>
        </span>
      ))}
    </>
  );
}

function valueText(value: unknown): string {
  return value === undefined ? '–' : JSON.stringify(value);
}
