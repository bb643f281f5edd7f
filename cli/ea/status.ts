import type { PairView } from './paper_agent.ts';

/** One line for each pair, for people who watch. @param width of the terminal */
export function statusLines(
  views: readonly PairView[],
  head: { readonly equity: number; readonly currency: string; readonly source: string; readonly killed: boolean },
  nowMs: number,
  width: number,
): string[] {
  const open = views.filter(({ side }) => side !== 0).length;
  const first = [
    `paper ${head.equity.toFixed(2)} ${head.currency}`,
    `${open} open`,
    ...(head.killed ? ['KILLED: no entries while the KILL file is there'] : []),
    head.source,
  ].join('  ');
  return [first, ...views.map((view) => lineOf(view, nowMs))].map((line) => line.slice(0, width));
}

function lineOf({ pairId, last, refusal, side, openedMs, floating, realised }: PairView, nowMs: number): string {
  const cells = [
    pairId.padEnd(16),
    last === null ? 'no signal yet' : signalText(last, nowMs),
    side === 0 ? 'flat' : `${side > 0 ? 'long' : 'short'} ${minutes(nowMs - openedMs!)} ${signed(floating)}`,
    `booked ${signed(realised)}`,
    ...(refusal === '' ? [] : [`refused ${refusal}`]),
  ];
  return cells.join('  ');
}

function signalText(
  { mode, reason, z, generatedMs, validUntilMs }: NonNullable<PairView['last']>,
  nowMs: number,
): string {
  const age = `${Math.max(0, Math.round((nowMs - generatedMs) / 1000))} s`;
  const silent = nowMs > validUntilMs ? ' SILENT' : '';
  return `${mode.padEnd(8)} ${reason.padEnd(11)} z ${z === null ? '–' : z.toFixed(2)}  ${age}${silent}`;
}

function minutes(ms: number): string {
  return ms < 90_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}

function signed(value: number): string {
  return `${value >= 0 ? '+' : ''}${value.toFixed(2)}`;
}
