import { createHash } from 'node:crypto';
import { STYLE } from '../../../learning/backtest/report/style.ts';
import { reportPage } from '../../report/report_page.ts';
import type { Api, ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { reportRoutes } from '../../schema/reports.ts';

/** Generated pages have one style sheet, no scripts and no external URLs. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** `GET /api/reports`. */
export function addReportRoutes(api: Api, { reads, clock }: ApiContext): void {
  api.route({
    ...reportRoutes['GET /api/reports'],
    async handler({ query: { from, to, format } }, reply) {
      const asked = { nowMs: clock.nowMs(), fromMs: Date.parse(from), toMs: Date.parse(to) };
      const report = await reads.ask('report', asked, clientLeft(reply.raw));
      if (format === 'json') return report;
      void reply.header('content-security-policy', PAGE_POLICY).type('text/html; charset=utf-8');
      return reportPage(report);
    },
  });
}
