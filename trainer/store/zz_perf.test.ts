import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { emptyColumns } from '../../shared/bar_file/bar_file.ts';
import { startPostgres } from './postgres_server.fixture.ts';
import { openStore } from './store.ts';
it('perf', { timeout: 300000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perf-'));
  const server = await startPostgres();
  const n = 1_000_000;
  const { spread, ...c } = emptyColumns(n);
  for (let i = 0; i < n; i++) { c.time[i] = 1546300800 + i * 60; const p = Math.round((1200 + Math.sin(i / 100) * 50) * 1000) / 1000; c.open[i] = p; c.high[i] = p + 0.1; c.low[i] = p; c.close[i] = p; }
  for (const url of [join(folder, 'x.db'), await server!.createDatabase()]) {
    const store = await openStore(url); const backend = async () => { let t = 0; if (store.kind === 'postgres') { const { readdirSync, readFileSync } = await import('node:fs'); for (const d of readdirSync('/proc')) if (/^\d+$/.test(d)) { try { const c = readFileSync('/proc/' + d + '/cmdline', 'utf8'); if (c.includes('minutehand test_')) { const st = readFileSync('/proc/' + d + '/stat', 'utf8').split(') ')[1]!.split(' '); t += (Number(st[11]) + Number(st[12])) / 100; } } catch {} } } return t; };
    const w0 = performance.now();
    let t = (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    await store.bars.put('live', { symbol: 'X', length: n, ...c, spread: null });
    const b1 = await backend(); const put = (process.cpuUsage().user + process.cpuUsage().system) / 1000 - t; t = (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    await store.bars.put('live', { symbol: 'X', length: n, ...c, spread: null });
    const b2 = await backend(); const again = (process.cpuUsage().user + process.cpuUsage().system) / 1000 - t; t = (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    const read = await store.bars.read('live', 'X');
    const b3 = await backend(); const rd = (process.cpuUsage().user + process.cpuUsage().system) / 1000 - t; t = (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    await store.bars.symbols('live');
    const sy = (process.cpuUsage().user + process.cpuUsage().system) / 1000 - t;
    console.log(store.kind, { b1, b2, b3, put, again, rd, sy, n: read.length, wall: performance.now() - w0 });
    await store.close();
  }
  console.log('size', statSync(join(folder, 'x.db')).size / n);
  await server!.stop(); rmSync(folder, { recursive: true });
});
