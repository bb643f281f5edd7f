import { IDLE, type DirectionGate } from './direction_gate.ts';

export const seriesForesight: DirectionGate = {
  code: 'series_foresight',
  vetoes:
    'Series, or taker volume, that know what the price does next. `direction train` and `series import` already refuse them (SERIES_FORESIGHT).',
  limit: 'no series',
  check: ({ series }) => ({
    ...IDLE,
    unit: 'count',
    evidence: { series: [...new Set(series.map((own) => own.series))] },
  }),
};
