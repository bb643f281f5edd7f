import { useEffect } from 'preact/hooks';
import { isConnected, openAlerts, session, status } from './live.ts';
import { Login } from './pages/login.tsx';
import { Overview } from './pages/overview.tsx';
import { named } from './named.ts';
import { decoded, PAGES, pathKeeping, pathOf, place, type PageName } from './router.ts';
import { setTheme, theme } from './theme.ts';
import { loadedPage } from './parts/loaded_page.tsx';
import { NameUnknown } from './parts/unknown_name.tsx';
import { ModelBanner } from './parts/model_banner.tsx';
import { StopBanner, StopButton } from './parts/stops.tsx';
import { language, setLanguage, t } from './text/text.ts';
import { api } from './api.ts';

const SubjectPage = loadedPage(() => import('./pages/subject.tsx'));
const ModelsPage = loadedPage(() => import('./pages/models.tsx'));
const RunsPage = loadedPage(() => import('./pages/runs.tsx'));
const StrategiesPage = loadedPage(() => import('./pages/strategies.tsx'));
const FormulasPage = loadedPage(() => import('./pages/formulas.tsx'));
const JobsPage = loadedPage(() => import('./pages/jobs.tsx'));
const FleetPage = loadedPage(() => import('./pages/fleet.tsx'));
const BacktestsPage = loadedPage(() => import('./pages/backtests.tsx'));
const MonitorPage = loadedPage(() => import('./pages/monitor.tsx'));
const PolicyPage = loadedPage(() => import('./pages/policy.tsx'));
const ChangesPage = loadedPage(() => import('./pages/changes.tsx'));
const DataPage = loadedPage(() => import('./pages/data.tsx'));
const PerformancePage = loadedPage(() => import('./pages/performance.tsx'));
const TradesPage = loadedPage(() => import('./pages/trades.tsx'));
const AuditPage = loadedPage(() => import('./pages/audit.tsx'));
const GoLivePage = loadedPage(() => import('./pages/golive.tsx'));
const AlertsPage = loadedPage(() => import('./pages/alerts.tsx'));

const ICONS: Readonly<Record<PageName, string>> = {
  overview: 'M3 3h7v7H3zM14 3h7v7h-7zM3 14h7v7H3zM14 14h7v7h-7z',
  subjects: 'M3 20V4M3 20h18M7 15l4-5 3 3 6-8',
  models: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5',
  runs: 'M6 4l13 8-13 8z',
  strategies: 'M6 3v5M6 8c0 5 12 3 12 8v5M18 3v5c0 5-12 3-12 8v5',
  formulas: 'M17 4h-3c-2 0-2.6 1.4-3 3L9 17c-.4 1.6-1 3-3 3H4M7 10h8M14 13l6 7M20 13l-6 7',
  jobs: 'M5 6h2M10 6h9M5 12h2M10 12h9M5 18h2M10 18h9',
  fleet: 'M4 4h16v5H4zM4 15h16v5H4zM7 6.5h2M7 17.5h2M12 9v6',
  backtests: 'M4 4v16h16M8 16v-4M12 16V8M16 16v-6M20 16V5',
  monitor: 'M3 12h4l3-8 4 16 3-8h4',
  data: 'M4 6c0-2 16-2 16 0s-16 2-16 0zM4 6v12c0 2 16 2 16 0V6M4 12c0 2 16 2 16 0',
  performance: 'M3 20h18M4 16l5-6 4 3 7-9M15 4h5v5',
  trades: 'M4 8h13l-3-3M20 16H7l3 3',
  policy: 'M4 7h10M18 7h2M4 17h4M12 17h8M16 7a2 2 0 11-4 0 2 2 0 014 0zM10 17a2 2 0 11-4 0 2 2 0 014 0z',
  changes: 'M6 3v12M6 21a3 3 0 100-6 3 3 0 000 6zM18 9a3 3 0 100-6 3 3 0 000 6zM18 9c0 6-12 3-12 9',
  audit: 'M6 3h9l4 4v14H6zM9 12h7M9 16h7M9 8h3',
  golive: 'M4 6l2 2 3-4M4 13l2 2 3-4M4 20l2 2 3-4M12 6h8M12 13h8M12 20h8',
  alerts: 'M12 3a6 6 0 016 6v4l2 3H4l2-3V9a6 6 0 016-6zM10 20h4',
};

/** Keys 1 to 9 open the pages. */
function onKey(event: KeyboardEvent): void {
  const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test((event.target as Element).tagName);
  if (isTyping || event.altKey || event.ctrlKey || event.metaKey) return;
  const page = PAGES[Number(event.key) - 1];
  if (page !== undefined) document.querySelector<HTMLAnchorElement>(`nav a[data-page="${page}"]`)?.click();
}

export function App() {
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  if (session.value === undefined) return <p class="empty">{t('app.loading')}…</p>;
  if (session.value === null) return <Login />;
  const { page } = place.value;
  document.title = page === null ? 'minutehand' : `${t(`page.${page}`)} · minutehand`;
  return (
    <div class="shell">
      <a class="skip" href="#content">
        {t('app.skip')}
      </a>
      <Navigation />
      <div class="body">
        <Header />
        <StopBanner />
        <ModelBanner />
        <main id="content" tabIndex={-1}>
          <Page page={page} />
        </main>
      </div>
    </div>
  );
}

function Page({ page }: { readonly page: PageName | null }) {
  switch (page) {
    case 'overview':
      return <Overview />;
    case 'subjects':
      return <SubjectPage />;
    case 'models':
      return <ModelsPage />;
    case 'runs':
      return <RunsPage />;
    case 'strategies':
      return <StrategiesPage />;
    case 'formulas':
      return <FormulasPage />;
    case 'jobs':
      return <JobsPage />;
    case 'fleet':
      return <FleetPage />;
    case 'alerts':
      return <AlertsPage />;
    case 'backtests':
      return <BacktestsPage />;
    case 'monitor':
      return <MonitorPage />;
    case 'policy':
      return <PolicyPage />;
    case 'changes':
      return <ChangesPage />;
    case 'data':
      return <DataPage />;
    case 'performance':
      return <PerformancePage />;
    case 'trades':
      return <TradesPage />;
    case 'audit':
      return <AuditPage />;
    case 'golive':
      return <GoLivePage />;
    case null:
      return <PageUnknown />;
  }
}

function PageUnknown() {
  const { asked, part } = place.value;
  const own = named(asked, PAGES);
  const near = own.kind === 'known' ? [own.name] : own.kind === 'unknown' ? own.near : [];
  return (
    <NameUnknown
      text="unknown.page"
      own={{ kind: 'unknown', asked: decoded(location.pathname), near }}
      known={PAGES}
      pathTo={(name) => pathKeeping(name as PageName, part)}
      labelOf={(name) => t(`page.${name as PageName}`)}
    />
  );
}

function Navigation() {
  const { page } = place.value;
  const count = openAlerts.value.length;
  // On a phone the links are a strip that is wider than the window.
  useEffect(() => {
    document.querySelector('nav a[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [page]);
  return (
    <nav aria-label={t('app.navigation')}>
      <a class="brand" href="/" aria-label="minutehand">
        <img src="/favicon.svg" alt="" width="24" height="24" />
        <span>minutehand</span>
      </a>
      {PAGES.map((name, index) => (
        <a
          key={name}
          data-page={name}
          href={pathOf(name)}
          aria-current={name === page ? 'page' : undefined}
          title={`${index + 1}`}
        >
          <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
            <path
              d={ICONS[name]}
              fill="none"
              stroke="currentColor"
              stroke-width="1.6"
              stroke-linejoin="round"
              stroke-linecap="round"
            />
          </svg>
          <span>{t(`page.${name}`)}</span>
          {name === 'alerts' && count > 0 && <b class="count">{count}</b>}
        </a>
      ))}
    </nav>
  );
}

function Header() {
  const { page } = place.value;
  const market = status.value?.market;
  return (
    <header class="top">
      <h1>{page === null ? 'minutehand' : t(`page.${page}`)}</h1>
      {market !== undefined && <span class={`market ${market}`}>{t(`app.${market}`)}</span>}
      <span class={`link-state ${isConnected.value ? 'on' : 'off'}`} role="status">
        {t(isConnected.value ? 'app.connected' : 'app.disconnected')}
      </span>
      <abbr class="zone" title={t('app.zone')}>
        UTC
      </abbr>
      <div class="controls">
        <StopButton />
        <select
          aria-label={t('app.language')}
          value={language.value}
          onChange={(event) => setLanguage(event.currentTarget.value as 'en' | 'ja')}
        >
          <option value="en">English</option>
          <option value="ja">日本語</option>
        </select>
        <select
          aria-label={t('app.theme')}
          value={theme.value}
          onChange={(event) => setTheme(event.currentTarget.value as 'dark' | 'light')}
        >
          <option value="dark">{t('app.theme.dark')}</option>
          <option value="light">{t('app.theme.light')}</option>
        </select>
        <button
          type="button"
          class="link"
          title={`${session.value?.name} (${session.value?.role})`}
          onClick={() => void logOut()}
        >
          {t('app.logout')}
        </button>
      </div>
    </header>
  );
}

async function logOut(): Promise<void> {
  await api.delete('/api/session');
  location.assign('/');
}
