import { num, signed } from '../format.ts';
import { t } from '../text/text.ts';

const REACH = 4;
const at = (z: number): number => 50 + (50 * Math.max(-REACH, Math.min(REACH, z))) / REACH;

/** z on a scale from −4 to 4, with the zones of entry candidates. */
export function Gauge({
  z,
  entry,
  exit,
}: {
  readonly z: number | null;
  readonly entry: number;
  readonly exit: number;
}) {
  const label = t('tile.gauge', { z: signed(z), entry: num(entry, 1) });
  return (
    <svg class="gauge" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="track" x="0" y="3" width="100" height="2" />
      <rect class="zone" x="0" y="3" width={at(-entry)} height="2" />
      <rect class="zone" x={at(entry)} y="3" width={100 - at(entry)} height="2" />
      <rect class="exit" x={at(-exit)} y="3" width={Math.max(0.6, at(exit) - at(-exit))} height="2" />
      {z !== null && (
        <rect
          class={Math.abs(z) >= entry ? 'needle out' : 'needle'}
          x={at(z) - 0.9}
          y="0"
          width="1.8"
          height="8"
          rx="0.6"
        />
      )}
    </svg>
  );
}

/** A value from 0 to 1 with its threshold. */
export function Meter(props: {
  readonly label: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly wants: 'above' | 'below';
}) {
  const { label, value, limit, wants } = props;
  const passes = value !== null && limit !== null && (wants === 'above' ? value > limit : value < limit);
  return (
    <div class={`meter ${value === null ? 'none' : passes ? 'pass' : 'fail'}`}>
      <span class="name">{label}</span>
      <span class="number">{num(value)}</span>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="track" x="0" y="2" width="100" height="2" />
        <rect class="fill" x="0" y="2" width={100 * (value ?? 0)} height="2" />
        {limit !== null && <rect class="limit" x={100 * limit - 0.5} y="0" width="1" height="6" />}
      </svg>
    </div>
  );
}

/** Three probabilities that sum to 1, side by side. */
export function Shares({ up, range, down }: Readonly<Record<'up' | 'range' | 'down', number | null>>) {
  const label = t('tile.shares', { up: num(up), range: num(range), down: num(down) });
  const u = 100 * (up ?? 0);
  const r = 100 * (range ?? 0);
  const d = 100 * (down ?? 0);
  return (
    <svg class="shares" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={label}>
      <rect class="track" x="0" y="2" width="100" height="4" />
      <rect class="up" x="0" y="2" width={u} height="4" />
      <rect class="range" x={u} y="2" width={r} height="4" />
      <rect class="down" x={u + r} y="2" width={d} height="4" />
    </svg>
  );
}

/** A small line around 0, with the entry thresholds. */
export function Sparkline({
  values,
  limit,
  label,
}: {
  readonly values: readonly (number | null)[];
  readonly limit: number;
  readonly label: string;
}) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <svg class="spark" viewBox="0 0 100 28" role="img" aria-label={label} />;
  const reach = Math.max(limit * 1.15, ...known.map(Math.abs));
  const y = (value: number): number => 14 - (13 * value) / reach;
  const step = 100 / Math.max(1, values.length - 1);
  const points = values
    .map((value, i) => (value === null ? null : `${(i * step).toFixed(1)},${y(value).toFixed(1)}`))
    .filter((point) => point !== null);
  return (
    <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" role="img" aria-label={label}>
      <line class="bound" x1="0" x2="100" y1={y(limit)} y2={y(limit)} />
      <line class="bound" x1="0" x2="100" y1={y(-limit)} y2={y(-limit)} />
      <line class="zero" x1="0" x2="100" y1="14" y2="14" />
      <polyline points={points.join(' ')} />
    </svg>
  );
}
