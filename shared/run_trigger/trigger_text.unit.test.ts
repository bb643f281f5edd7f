import { describe, expect, it } from 'vitest';
import { FINDING_CODES, runTriggerSchema, SCHEDULES, type Finding, type RunTrigger } from './run_trigger.ts';
import { findingText, triggerText } from './trigger_text.ts';

const finding = (trigger: Finding['trigger'], evidence: Finding['evidence'] = {}): Finding => ({
  trigger,
  subject: 'z_score',
  figure: 0.41,
  limit: 0.25,
  pair: 'EURUSD_GBPUSD',
  evidence,
});

/** Every name that a catalog reads. */
const EVIDENCE = {
  live: 0.5,
  bundle: 0.6,
  mean: 0.7,
  calls: 40,
  version: 'v1',
  lowest: 0.2,
  highest: 0.6,
  candidates: 300,
  pass_rate: 0.4,
  positions: 30,
  live_bps: 1,
  bundle_bps: 2,
  kind: 'spread_and_slippage',
  symbol: 'XAUUSD',
  account: 'real',
  fills: 12,
  configured_bps: 1,
  gap_percent: 50,
  spread_bps: 2,
  slippage_bps: 0.5,
};

const TRIGGERS: readonly RunTrigger[] = [
  { code: 'command', values: { command: 'train' } },
  { code: 'request', values: { door: 'retrain', options: {}, settings: {} } },
  { code: 'request', values: { door: 'api', options: { seed: 3 }, settings: { 'train.folds': 4 } } },
  { code: 'first_models', values: {} },
  ...SCHEDULES.map((schedule): RunTrigger => ({ code: 'schedule', values: { schedule } })),
  { code: 'monitor', values: { findings: [finding('drift psi')], more: 2 } },
];

describe('triggers', () => {
  it.each(TRIGGERS)('are data that has words in each language: %j', (trigger) => {
    expect(runTriggerSchema.parse(JSON.parse(JSON.stringify(trigger)))).toEqual(trigger);
    expect(triggerText(trigger, 'ja')).not.toMatch(/undefined|NaN/);
    if (trigger.code !== 'command') expect(triggerText(trigger, 'ja')).not.toBe(triggerText(trigger));
  });

  it('of a request have its options as a command line has them', () => {
    expect(TRIGGERS.slice(1, 3).map((trigger) => triggerText(trigger))).toEqual([
      'request',
      'api --seed 3 --set train.folds=4',
    ]);
  });

  it('of the monitor name the findings, and count the others', () => {
    expect(triggerText(TRIGGERS.at(-1)!)).toBe(
      'monitor: drift psi z_score 0.41 > 0.25 (most in EURUSD_GBPUSD) and 2 more',
    );
  });

  it.each(FINDING_CODES)('of the finding "%s" have all figures in each language', (code) => {
    for (const language of ['en', 'ja'] as const)
      expect(findingText(finding(code, EVIDENCE), language)).not.toMatch(/undefined|NaN/);
  });

  it('of another program are shown as they are', () => {
    const written: RunTrigger = { code: 'other', values: { text: 'drift' } };
    expect(triggerText(written, 'ja')).toBe('drift');
  });
});
