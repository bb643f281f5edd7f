import { expect, it } from 'vitest';
import type { EpochMs } from '../../shared/bar.ts';
import { byTransport } from './transports.ts';
import { Stopwatch } from './stopwatch.ts';

/** A stopwatch with a manual clock. */
function open() {
  let nowUs = 1000;
  const watch = new Stopwatch({ nowMs: () => 0 as EpochMs, monotonicUs: () => nowUs });
  return { watch, pass: (us: number) => void (nowUs += us) };
}

it('a batch is timed station by station, from the arrival of its first bar', () => {
  const { watch, pass } = open();
  watch.start();
  pass(10);
  watch.lap('features');
  watch.arrived(900);
  pass(20);
  watch.lap('infer');
  pass(30);
  watch.lap('decide');
  pass(5);
  watch.handed('websocket');
  pass(2);
  watch.handed('redis');
  watch.lap('publish');
  pass(100);
  watch.start();
  pass(40);
  watch.handed('file');
  watch.lap('file');
  pass(3);
  watch.lap('shadow');
  pass(4);
  watch.lap('journal');
  expect(watch.timing(7)).toMatchObject({
    signals: 7,
    features_us: 10,
    infer_us: 20,
    decide_us: 30,
    publish_us: 7,
    file_us: 40,
    shadow_us: 3,
    journal_us: 4,
    bar_to_signal_us: 1067 - 900,
    bar_to_us: { websocket: 1065 - 900, redis: 1067 - 900, file: 1207 - 900 },
  });
});

it('a transport that is off has no time, in the next batch either', () => {
  const { watch, pass } = open();
  watch.arrived(1000);
  expect(watch.timing(0).bar_to_us).toEqual(byTransport(() => null));
  pass(5);
  watch.handed('file');
  const first = watch.timing(1);
  watch.arrived(1005);
  expect(watch.timing(1).bar_to_us.file).toBeNull();
  expect(first.bar_to_us.file).toBe(5);
});

it('a station that comes several times in a batch counts them all, and in the next batch only that', () => {
  const { watch, pass } = open();
  for (const times of [3, 1]) {
    watch.arrived(1000);
    watch.start();
    for (let piece = 0; piece < times; piece++) {
      pass(20);
      watch.add('decide');
      pass(7);
      watch.add('publish');
    }
    expect(watch.timing(1)).toMatchObject({ decide_us: 20 * times, publish_us: 7 * times });
  }
});
