import type { Status } from '../api.ts';
import { hasNoVerdict, keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { minuteOf } from '../format.ts';
import { status } from '../live.ts';
import { pathOf } from '../router.ts';
import { t } from '../text/text.ts';
import { Badge } from './basics.tsx';
import { GateLimit, GateName, GateSeen } from './gate_text.tsx';

type Override = Status['despite_gates'][number];

/** On every page: models in use although gates failed, and models that are not in use although a pointer names them. */
export function ModelBanner() {
  const found = status.value;
  if (found === null) return null;
  const refused = refusalsOf(found);
  if (found.despite_gates.length + refused.length === 0) return null;
  return (
    <ul class="alert-strip model-banner" role="alert">
      {found.despite_gates.map((one) => (
        <OverrideLine key={`${one.slot} ${one.version}`} override={one} />
      ))}
      {refused.map(({ version, text }) => (
        <li key={`${version} ${text}`} class="critical">
          <Badge tone="bad">{t('banner.refused')}</Badge>
          <a href={pathOf('models')}>{version}</a>
          <span class="note" lang="en">
            {text}
          </span>
        </li>
      ))}
    </ul>
  );
}

/** An earlier version, which did not check these gates, made and activated the bundle. */
function isUnproven({ gates, reason }: Override): boolean {
  return reason === '' && gates.every(hasNoVerdict);
}

function OverrideLine({ override }: { readonly override: Override }) {
  const { slot, version, gates, reason, by, at } = override;
  return (
    <li class="critical">
      <Badge tone="bad">{t(isUnproven(override) ? 'banner.unproven' : 'banner.despite')}</Badge>
      <a href={pathOf('models')}>{version}</a>
      <span class="mono">{slot}</span>
      <span>{reason === '' ? t('banner.noReason') : t('banner.reason', { reason, by, at: minuteOf(at) })}</span>
      <span class="stacked">
        {gates.map((gate) => (
          <span key={keyOf(gate)}>
            <GateName gate={gate} /> <GateSeen gate={gate} /> (<GateLimit gate={gate} />)
          </span>
        ))}
      </span>
    </li>
  );
}

/** Why the models that a pointer names are not in use: as daemons say, else as the trainer found. */
export function refusalsOf({ refused_models, daemons }: Status): { version: string; text: string }[] {
  const byDaemons = new Map<string, string>(
    daemons.flatMap(({ model_refused: refused }) =>
      refused === null ? [] : [[refused.version, `${refused.code}: ${refused.message}`] as const],
    ),
  );
  for (const { rules_refused } of daemons)
    for (const { subject, version, code, message } of rules_refused)
      byDaemons.set(version, `${subject}: ${code}: ${message}`);
  for (const { slot, version, code, message } of refused_models) {
    const named = version === '' ? slot : version;
    if (!byDaemons.has(named)) byDaemons.set(named, `${code}: ${message}`);
  }
  return [...byDaemons].map(([version, text]) => ({ version, text }));
}
