import { it } from 'vitest';
import { runSeed } from './sim.ts';
it('drive', async () => {
  const [from, to] = (process.env.SEEDS ?? '1..1').split('..').map(Number) as [number, number];
  const t = performance.now();
  let hours = 0, bad = 0;
  for (let seed = from; seed <= to; seed++) {
    const r = await runSeed({ seed, ...(process.env.TRACE ? { trace: (l: string) => console.log(l) } : {}), planted: (process.env.PLANTED ?? null) as never });
    hours += r.simulatedHours;
    if (process.env.SHOW) console.log(JSON.stringify({ ...r, violations: r.violations.length }));
    const ignore = process.env.IGNORE ? new RegExp(process.env.IGNORE) : null; const vs = r.violations.filter(v => !ignore?.test(v.rule + ': ' + v.what));
    if (vs.length) { bad++; console.log('SEED', seed, vs.slice(0, Number(process.env.MAX ?? 2)).map(v => `${v.rule}: ${v.what}`.slice(0, 1500)).join('\n   ')); }
  }
  const s = (performance.now() - t) / 1000;
  console.log(`${to - from + 1} seeds, ${bad} bad, ${s.toFixed(1)} s, ${(hours / s).toFixed(1)} h/s`);
}, 3_600_000);
