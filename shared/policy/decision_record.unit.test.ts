import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { decisionRecord, parseDecisionRecord, settingsOfRecord } from './decision_record.ts';
import { withoutOpenLimits } from './exposure_limits.ts';
import { loadSettings } from './policy.ts';
import { canonicalJson } from './policy_hash.ts';

const settings = loadSettings({ env: {} });

it('a decision record has the hash of what steers decisions, and is restored from its text', () => {
  const { core, minutehand } = settings;
  const { decision, symbols } = minutehand;
  const record = decisionRecord(settings);
  expect(JSON.parse(record.text)).toEqual({ core: withoutOpenLimits(core), decision, symbols, rules: 2 });
  expect(record.policyHash).toBe(createHash('sha256').update(record.text).digest('hex').slice(0, 16));
  expect(record.policyHash).toBe(settings.policyHash);
  expect(record.policy).toMatchObject({ ...decision, require_edge: core.require_edge });
  expect(record.costs['XAUUSD']).toMatchObject(symbols['XAUUSD']!);
  expect(record.costs['XAUUSD']!.profile).toHaveLength(7 * 24 * 60);
  expect(parseDecisionRecord(record.text)).toEqual(record);
  expect(() => parseDecisionRecord('{')).toThrow(SyntaxError);
});

it('a record of the first version has its hash, its text and its rules', () => {
  const { core, minutehand } = settings;
  const { decision, symbols } = minutehand;
  const text = canonicalJson({ core: withoutOpenLimits(core), decision, symbols });
  const record = parseDecisionRecord(text);
  expect(record.text).toBe(text);
  expect(record.policyHash).toBe(createHash('sha256').update(text).digest('hex').slice(0, 16));
  expect([record.policy.rules, decisionRecord(settings).policy.rules]).toEqual([1, undefined]);
  const reduced = { ...core, leverage_reduction_rate: { drawdown: [], risk_score: [[0.5, 0.5]] } };
  const leverage = parseDecisionRecord(canonicalJson({ core: reduced, decision, symbols })).policy.leverage;
  expect(leverage).toMatchObject({ logReturns: true });
  const restored = settingsOfRecord(text, record.policyHash, settings);
  expect(restored).toEqual({ ...settings, policyHash: record.policyHash, rules: 1 });
  expect(settingsOfRecord(decisionRecord(settings).text, settings.policyHash, restored)).toEqual(settings);
});

it('limits of exposure are in the hash once there are any: without them it is the hash from before there were', () => {
  const { core, minutehand } = settings;
  const before = JSON.parse(decisionRecord(settings).text) as { core: object };
  expect(Object.keys(before.core)).not.toContain('max_symbol_exposure');
  const limited = decisionRecord({ core: { ...core, max_currency_exposure: 2 }, minutehand });
  expect(limited.policyHash).not.toBe(settings.policyHash);
  expect(limited.policy.exposure).toEqual({ symbol: null, currency: 2 });
  expect(parseDecisionRecord(limited.text)).toEqual(limited);
  expect(decisionRecord(settings).policy).not.toHaveProperty('exposure');
});
