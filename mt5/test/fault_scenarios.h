/**
 * Scenarios of the fault modes that the terminal's documentation allows (Terminal::faults), one for each.
 */
#pragma once
#include "bar_sink.h"

/** Lines of fills; a truncated line left by a crash is none. */
static std::vector<std::string> fillsOf() {
  std::vector<std::string> fills;
  for (const std::string &line : results())
    if (!line.empty() && line.back() == '}' && line.find("\"schema\"") == 1 && line.find("\"kind\":\"refused\"") == std::string::npos) fills.push_back(line);
  return fills;
}
/** Lots by symbol and side that differ between this program's deals at the broker and result.json. */
static std::string unreconciled() {
  std::map<std::string, double> lots;
  for (ShimDeal &deal : terminal().deals)
    if (deal.magic == settings.magic) lots[deal.symbol + (deal.type == DEAL_TYPE_BUY ? " BUY" : " SELL")] += deal.volume;
  for (const std::string &line : fillsOf())
    lots[BarSink::field(line, "broker_symbol") + " " + BarSink::field(line, "side")] -= atof(BarSink::field(line, "lots").c_str());
  std::string text;
  for (auto &one : lots)
    if (std::fabs(one.second) > 1e-7) text += one.first + " " + std::to_string(one.second) + " ";
  return text;
}
static int ordersOf(const char *symbol) {
  std::set<ulong> orders;
  for (ShimDeal &deal : terminal().deals)
    if (deal.symbol == symbol) orders.insert(deal.order);
  return (int)orders.size();
}
static void startInSync() {
  CHECK(start());
  CHECK(run(11000));
}
/** Publishes an ENTER, then advances time. */
static void startInTrade(long ms) {
  startInSync();
  publish(enter(1));
  CHECK(run(ms));
}
/** The answer to the order of a symbol is lost together with the connection. */
static void disconnectAt(const char *symbol) {
  std::string wanted = symbol;
  terminal().broker = [wanted](const MqlTradeRequest &request, double &volume) -> uint {
    if (request.symbol.utf8() != wanted) return 0;
    MqlTradeResult result = {};
    shimExecute(request, volume, result);
    shimDisconnect();
    return TRADE_RETCODE_TIMEOUT;
  };
}

/** The history is not updated while disconnected, and for some time after. */
static void orderBeforeDisconnect(bool hedging, const char *symbol) {
  world(hedging);
  terminal().faults.syncMs = 8000;
  disconnectAt(symbol);
  startInTrade(50000);
  terminal().broker = nullptr;
  shimConnect();
  CHECK(run(60000));
  EQUAL(ordersOf(symbol), 1);
  publish(leave(1));
  CHECK(run(60000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(unreconciled(), "");
}
/** The same for an order to close. */
static void closeBeforeDisconnect(bool hedging) {
  world(hedging);
  terminal().faults.syncMs = 8000;
  startInTrade(10000);
  disconnectAt("GBPUSD.m");
  publish(leave(1));
  CHECK(run(50000));
  terminal().broker = nullptr;
  shimConnect();
  CHECK(run(60000));
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(unreconciled(), "");
}
/** The order stays live at the broker beyond the time limit of the search. */
static void orderThatStaysLive(bool hedging, long dealLagMs) {
  world(hedging);
  terminal().faults.executionMs = 50000;
  terminal().faults.dealLagMs = dealLagMs;
  startInSync();
  publish(enter(1));
  terminal().answerLost = true;
  CHECK(run(250));
  terminal().answerLost = false;
  CHECK(run(60000));
  EQUAL(ordersOf("EURUSD.m"), 1);
  EQUAL(net("EURUSD.m"), 0.3);
  publish(leave(1));
  CHECK(run(200000));
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(unreconciled(), "");
}
/** The position is listed before its deal. */
static void positionBeforeItsDeal(bool keepsComments) {
  world(true);
  terminal().dropsComments = !keepsComments;
  terminal().faults.dealLagMs = 50000;
  startInSync();
  publish(enter(1));
  terminal().answerLost = true;
  CHECK(run(250));
  terminal().answerLost = false;
  CHECK(run(60000));
  EQUAL(ordersOf("EURUSD.m"), 1);
  CHECK(run(60000));
  publish(leave(1));
  CHECK(run(300000));
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(unreconciled(), "");
}
/** The program crashes during its order and restarts while the terminal is disconnected. */
static void restartsOffline() {
  world(true);
  terminal().faults.syncMs = 8000;
  disconnectAt("EURUSD.m");
  startInTrade(250);
  killAgent();
  shimRestartTerminal();
  CHECK(start());
  CHECK(run(40000));
  terminal().broker = nullptr;
  terminal().loggedIn = true;
  shimConnect();
  CHECK(run(60000));
  EQUAL(ordersOf("EURUSD.m"), 1);
  publish(leave(1));
  CHECK(run(20000));
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(unreconciled(), "");
}

/**
 * On a netting account a position has the number of the order that opened it, and another pair may change it before
 * that order is found.
 */
static void anotherPairInThePosition() {
  world(false);
  bool isFirst = true;
  terminal().broker = [&](const MqlTradeRequest &request, double &volume) {
    if (!isFirst) return 0u;
    isFirst = false;
    MqlTradeResult result = {};
    shimExecute(request, volume, result);
    return (uint)TRADE_RETCODE_TIMEOUT;
  };
  startInSync();
  publish(enter(1, -1));
  publish(enter(2, 1, 0.8, "EURUSD_USDCHF"));
  CHECK(run(60000));
  EQUAL(ordersOf("EURUSD.m"), 2);
  EQUAL(net("EURUSD.m"), 0);
  publish(leave(1));
  publish(leave(2, "EURUSD_USDCHF"));
  CHECK(run(60000));
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(unreconciled(), "");
}
/** The PC sleeps during the search for an order: the time asleep does not count as search. */
static void sleepsInASearch(bool hedging, bool closes) {
  world(hedging);
  FaultModes &modes = terminal().faults;
  modes.dealLagMs = modes.positionLagMs = modes.syncMs = 5000;
  startInSync();
  if (closes) publish(enter(1));
  CHECK(run(20000));
  publish(closes ? leave(1) : enter(1));
  terminal().answerLost = true;
  CHECK(run(250));
  terminal().answerLost = false;
  CHECK(run(2000));
  shimSleepPc(60000, 2000);
  CHECK(run(60000));
  EQUAL(ordersOf("EURUSD.m"), closes ? 2 : 1);
  EQUAL(net("EURUSD.m"), closes ? 0 : 0.3);
  publish(leave(1));
  CHECK(run(60000));
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(unreconciled(), "");
}
/** A short sleep is shorter than the pause after which the terminal counts as out of sync. */
static void sleepsAShortTime() {
  world(true);
  terminal().faults.dealLagMs = terminal().faults.positionLagMs = 15000;
  startInSync();
  publish(enter(1));
  terminal().answerLost = true;
  CHECK(run(250));
  terminal().answerLost = false;
  CHECK(run(2000));
  shimSleepPc(29000, 2000);
  CHECK(run(30000));
  EQUAL(ordersOf("EURUSD.m"), 1);
  EQUAL(net("EURUSD.m"), 0.3);
}
/** A pair is closed by hand while the PC sleeps: it is not closed again from a stale list of positions. */
static void closedByHandWhileAsleep(bool hasJustStarted) {
  world(false);
  terminal().faults.syncMs = 5000;
  startInTrade(20000);
  if (hasJustStarted) {
    killAgent();
    CHECK(start());
  }
  shimSleepPc(300000, 2000);
  byHand("EURUSD.m", -0.3);
  byHand("GBPUSD.m", 0.21);
  publish(leave(1));
  CHECK(run(30000));
  EQUAL(terminal().ordersSent, 2);
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(counted("\"reason\":\"Z_EXIT\""), 2);
}

/** The chart's symbol, period or inputs change; the same object stops and starts. */
static void barsAfterAChangeOfChart() {
  world(true);
  takeBars();
  long first = nowMs / 60000 * 60;
  for (int minute = -30; minute < 10; minute++)
    for (const char *symbol : {"EURUSD", "GBPUSD", "USDCHF"}) putBar(symbol, first + minute * 60, 1 + minute * 0.001);
  terminal().faults.charts = true;
  CHECK(start());
  CHECK(run(100000));
  EQUAL(sink.last["GBPUSD"], first);
  agent->Stop();
  CHECK(agent->Start(settings));
  CHECK(run(180000));
  EQUAL(sink.last["GBPUSD"], first + 180);
  EQUAL(wrongBars("GBPUSD", first - 1800, first + 240), 0);
}
static void lossOfAnotherAccount() {
  world(true);
  settings.stopPercent = 0;
  startInTrade(1000);
  terminal().symbols["EURUSD.m"].bid = 1.0925;
  terminal().symbols["EURUSD.m"].ask = 1.0926;
  CHECK(run(3000));
  EQUAL(counted("\"reason\":\"DAILY_LOSS\""), 2);
  agent->Stop();
  terminal().login = 2;
  CHECK(agent->Start(settings));
  CHECK(run(11000));
  SignalFields fields = enter(2);
  fields.priceA = 1.09255;
  publish(fields);
  CHECK(run(3000));
  EQUAL(PositionsTotal(), 2);
}

/** Equity is unknown before the log-in. */
static void equityIsNotKnown() {
  world(true);
  startInTrade(5000);
  killAgent();
  terminal().equity = terminal().balance = 0;
  shimDisconnect();
  CHECK(start());
  CHECK(run(5000));
  terminal().equity = terminal().balance = 10000;
  shimConnect();
  CHECK(run(20000));
  EQUAL(PositionsTotal(), 2);
  EQUAL(counted("\"kind\":\"close\""), 0);
  publish(leave(1));
  CHECK(run(5000));
  EQUAL(counted("\"reason\":\"Z_EXIT\""), 2);
}

/** Prices are there, and the account still says 0: any loss would be more than any share of it. An ENTER waits. */
static void equityComesLater() {
  world(true);
  startInTrade(5000);
  ShimSymbol &a = terminal().symbols["EURUSD.m"];
  a.bid = 1.0995, a.ask = 1.0996;
  terminal().equity = 0;
  CHECK(run(5000));
  EQUAL(PositionsTotal(), 2);
  EQUAL(counted("\"kind\":\"close\""), 0);
  SignalFields fields = enter(2, 1, 0.8, "EURUSD_USDCHF");
  fields.priceA = 1.09955;
  publish(fields);
  CHECK(run(3000));
  EQUAL(PositionsTotal(), 2);
  EQUAL(counted("\"kind\":\"refused\""), 0);
  terminal().equity = 10000;
  CHECK(run(5000));
  EQUAL(PositionsTotal(), 4);
}

/** One leg's loss is the other's gain, and the other has no price yet. */
static void oneLegHasNoPrice() {
  world(true);
  startInTrade(5000);
  ShimSymbol &a = terminal().symbols["EURUSD.m"], &b = terminal().symbols["GBPUSD.m"];
  a.bid = 1.0900, a.ask = 1.0901;
  b.bid = b.ask = 0;
  CHECK(run(5000));
  b.bid = 1.2355, b.ask = 1.2356;
  CHECK(run(5000));
  EQUAL(PositionsTotal(), 2);
  EQUAL(counted("\"kind\":\"close\""), 0);
}

/** The program starts before the terminal has logged in. */
static void startsBeforeTheLogin() {
  world(true);
  startInTrade(5000);
  killAgent();
  shimRestartTerminal();
  CHECK(start());
  CHECK(run(5000));
  bool isShown = false;
  for (int line = 0; line < agent->PanelLines(); line++) isShown = isShown || agent->PanelLine(line).utf8().find("NO_ACCOUNT") != std::string::npos;
  CHECK(isShown);
  agent->SwitchKill();
  CHECK(agent->IsKilled());
  agent->SwitchKill();
  terminal().loggedIn = true;
  shimConnect();
  CHECK(run(20000));
  EQUAL((int)terminal().positions.size(), 2);
  publish(leave(1));
  CHECK(run(20000));
  EQUAL((int)terminal().positions.size(), 0);
  EQUAL(unreconciled(), "");
  CHECK(access((terminal().commonFolder + "/minutehand/ea/0_trade").c_str(), F_OK) != 0);
}
/** Another program still holds the folder for a moment. */
static void waitsForTheLock() {
  world(true);
  startInTrade(5000);
  MhAgent second;
  second.Start(settings);
  for (int turn = 0; turn < 20; turn++) nowMs += 250, second.Timer();
  EQUAL(terminal().ordersSent, 2);
  agent->Stop();
  publish(leave(1));
  for (int turn = 0; turn < 80; turn++) nowMs += 250, second.Timer();
  EQUAL(PositionsTotal(), 0);
  second.Stop();
}
/** Another account is selected in the terminal without an event for the program. */
static void anotherAccount() {
  world(true);
  startInTrade(5000);
  std::vector<ShimPosition> positions = terminal().positions;
  publish(inside(1));
  CHECK(run(1000));
  terminal().positions.clear();
  terminal().login = 2;
  CHECK(run(30000));
  publish(enter(2, -1));
  CHECK(run(5000));
  EQUAL(net("EURUSD.m"), -0.3);
  publish(leave(2));
  CHECK(run(5000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"kind\":\"close\""), 2);
  terminal().positions = positions;
  terminal().login = 1;
  CHECK(run(30000));
  EQUAL(counted("\"kind\":\"close\""), 2);
  EQUAL(counted("\"reason\":\"EXTERNAL\""), 0);
  EQUAL(PositionsTotal(), 0);
}

/** Several deals of an order arrive after the answer. */
static void severalDeals(bool hedging, long lagMs) {
  world(hedging);
  terminal().faults.dealsPerOrder = 3;
  terminal().faults.bareAnswers = true;
  terminal().faults.dealLagMs = lagMs;
  terminal().faults.dealFee = 0.5;
  // Leg A is filled in part.
  terminal().broker = [](const MqlTradeRequest &request, double &volume) {
    if (request.symbol == "EURUSD.m" && request.type == ORDER_TYPE_BUY) volume = 0.1;
    return 0u;
  };
  startInTrade(20000);
  EQUAL(net("EURUSD.m"), 0.1);
  EQUAL(net("GBPUSD.m"), -0.07);
  EQUAL(counted("\"kind\":\"open\""), 2);
  // 0.03 at 1.1001, 0.03 one point higher and 0.04 two points higher.
  EQUAL(counted("\"filled_price\":1.100111"), 1);
  CHECK(run(11000));
  publish(leave(1));
  CHECK(run(20000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(unreconciled(), "");
  double pnl = 0;
  for (const std::string &line : results())
    if (line.find("\"leg\":\"A\"") != std::string::npos && line.find("\"kind\":\"close\"") != std::string::npos) pnl += atof(BarSink::field(line, "pnl").c_str());
  // Three deals for 0.5 each, 0.1 lots from 1.100111 to 1.099989.
  CHECK(std::fabs(pnl - (-1.5 - 1.22)) < 0.01);
}
/** The server answers "done" and reports no deal within a second: the volume is unknown, not full. */
static void lateDealsAreUnsure() {
  world(true);
  terminal().faults.bareAnswers = true;
  terminal().faults.dealLagMs = 5000;
  terminal().broker = [](const MqlTradeRequest &request, double &volume) {
    if (request.symbol == "EURUSD.m") volume = std::min(volume, 0.1);
    return 0u;
  };
  startInTrade(3000);
  EQUAL(counted("\"kind\":\"open\""), 0);
  CHECK(run(20000));
  EQUAL(net("EURUSD.m"), 0.1);
  EQUAL(net("GBPUSD.m"), -0.07);
  EQUAL(unreconciled(), "");
}

/** A symbol just selected has no price. */
static void firstTickComesLater() {
  world(true);
  terminal().faults.firstTickMs = 4000;
  publish(enter(1));
  CHECK(start());
  CHECK(run(20000));
  EQUAL(PositionsTotal(), 2);
  EQUAL(counted("refused"), 0);
}
static void priceNeverComes() {
  world(true);
  CHECK(start());
  terminal().symbols["GBPUSD.m"].bid = 0;
  publish(enter(1));
  CHECK(run(60000));
  EQUAL(counted("refused"), 0);
  CHECK(run(100000, 1000));
  EQUAL(counted("NO_PRICE GBPUSD.m"), 1);
  terminal().symbols["GBPUSD.m"].bid = 1.25;
  CHECK(run(60000));
  EQUAL(terminal().ordersSent, 0);
  // The end of the signal also ends the waiting entry.
  terminal().symbols["GBPUSD.m"].bid = 0;
  publish(enter(2));
  CHECK(run(2000));
  publish(leave(2));
  CHECK(run(2000));
  terminal().symbols["GBPUSD.m"].bid = 1.25;
  CHECK(run(10000));
  EQUAL(terminal().ordersSent, 0);
  EQUAL(counted("GIVEN_UP"), 1);
  // The machine sleeps until the signal has expired, and wakes with a price.
  terminal().symbols["GBPUSD.m"].bid = 0;
  publish(enter(3));
  CHECK(run(2000));
  terminal().symbols["GBPUSD.m"].bid = 1.25;
  CHECK(run(400000, 400000));
  CHECK(run(10000));
  EQUAL(terminal().ordersSent, 0);
  EQUAL(counted("NO_PRICE GBPUSD.m"), 2);
}
static void missingNameIsReported() {
  world(true);
  terminal().symbols.erase("USDCHF.m");
  CHECK(start());
  CHECK(run(1000));
  bool isTold = false;
  for (const std::string &line : terminal().printed) isTold = isTold || line.find("NO_SYMBOL USDCHF.m") != std::string::npos;
  CHECK(isTold);
}

static const long FIRST = 1795163160;
static void barWorld(long offset = 7200) {
  world(true);
  takeBars();
  terminal().serverOffsetSeconds = offset;
  terminal().faults.charts = true;
  for (int minute = -40; minute < 30; minute++)
    for (const char *symbol : {"EURUSD", "GBPUSD", "USDCHF"}) putBar(symbol, FIRST + minute * 60, 1 + minute * 0.001);
}
/** One symbol has no bar in the requested minutes. */
static void quietSymbol() {
  barWorld();
  auto &rates = terminal().symbols["GBPUSD.m"].rates;
  rates.erase(rates.begin() + 42, rates.begin() + 46);
  CHECK(start());
  CHECK(run(600000));
  EQUAL(wrongBars("GBPUSD", FIRST - 1800, FIRST + 540), 0);
  for (int minute = 2; minute < 6; minute++) EQUAL(sink.taken["GBPUSD"].count(FIRST + minute * 60) ? sink.taken["GBPUSD"][FIRST + minute * 60] : 0, -1);
  EQUAL(sink.conflicts, 0);
}
/** After reconnecting, the charts still lack the bars of the time without a connection. */
static void holeInTheChart() {
  barWorld();
  terminal().faults.syncMs = 45000;
  CHECK(start());
  CHECK(run(60000));
  shimDisconnect();
  CHECK(run(200000));
  shimConnect();
  CHECK(run(300000));
  for (const char *symbol : {"EURUSD", "GBPUSD", "USDCHF"}) EQUAL(wrongBars(symbol, FIRST - 1800, FIRST + 540), 0);
  EQUAL(sink.conflicts, 0);
}
/** Charts lack the minutes during which the PC slept, and the terminal has not noticed. */
static void barsAfterSleep() {
  barWorld();
  terminal().faults.syncMs = 5000;
  CHECK(start());
  CHECK(run(100000));
  shimSleepPc(400000, 2000);
  CHECK(run(200000));
  for (const char *symbol : {"EURUSD", "GBPUSD", "USDCHF"}) EQUAL(wrongBars(symbol, FIRST - 1800, FIRST + 600), 0);
  EQUAL(sink.conflicts, 0);
}
/** The PC's clock is two seconds ahead or behind. */
static void wrongClock(long aheadMs) {
  barWorld();
  terminal().faults.pcAheadMs = aheadMs;
  terminal().faults.lateTickMs = 300;
  CHECK(start());
  CHECK(run(600000));
  for (const char *symbol : {"EURUSD", "GBPUSD", "USDCHF"}) EQUAL(wrongBars(symbol, FIRST - 1800, FIRST + 540), 0);
  EQUAL(sink.conflicts, 0);
}
/** The terminal's time before it has the server's time. */
static void serverTimeIsNone() {
  barWorld(20 * 3600);
  CHECK(start());
  CHECK(run(60000));
  EQUAL((int)sink.taken.size(), 0);
}
/** No symbol ticks: the last minute before a pause is sent nevertheless. */
static void pauseOfAllSymbols() {
  barWorld();
  for (auto &symbol : terminal().symbols) symbol.second.rates.resize(45);
  terminal().faults.lastTickMs = [] { return std::min(nowMs, (FIRST + 299) * 1000); };
  CHECK(start());
  CHECK(run(400000));
  EQUAL(sink.last["EURUSD"], FIRST + 240);
}

/** With market execution no deviation limits the price of an order. */
static void priceRunsAwayWithMarketExecution() {
  world(true);
  for (auto &symbol : terminal().symbols) symbol.second.execution = 2;
  terminal().broker = [](const MqlTradeRequest &request, double &) {
    if (request.symbol == "EURUSD.m") terminal().symbols["GBPUSD.m"].bid = 1.24;
    return 0u;
  };
  CHECK(start());
  bool isTold = false;
  CHECK(run(11000));
  for (const std::string &line : terminal().printed) isTold = isTold || line.find("deviation") != std::string::npos;
  CHECK(isTold);
  publish(enter(1));
  CHECK(run(10000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(ordersOf("GBPUSD.m"), 0);
  EQUAL(counted("CAP_SPREAD GBPUSD.m"), 1);
  EQUAL(unreconciled(), "");
}

/** A whole weekend out of session. */
static void weekend() {
  for (uint code : {(uint)TRADE_RETCODE_MARKET_CLOSED, (uint)TRADE_RETCODE_TOO_MANY_REQUESTS, (uint)TRADE_RETCODE_FIFO_CLOSE}) {
    world(true);
    startInTrade(1000);
    terminal().broker = [code](const MqlTradeRequest &, double &) { return code; };
    publish(leave(1));
    CHECK(run(6 * 3600000, 5000));
    CHECK(terminal().ordersSent < 1000);
    EQUAL(PositionsTotal(), 2);
    terminal().broker = nullptr;
    CHECK(run(70000));
    EQUAL(PositionsTotal(), 0);
    EQUAL(unreconciled(), "");
  }
}
/** One market is closed: the other leg is closed nevertheless. */
static void oneMarketIsClosed() {
  world(true);
  startInTrade(1000);
  terminal().broker = [](const MqlTradeRequest &request, double &) { return request.symbol == "EURUSD.m" ? (uint)TRADE_RETCODE_MARKET_CLOSED : 0u; };
  publish(leave(1));
  CHECK(run(5000));
  EQUAL(net("GBPUSD.m"), 0);
  EQUAL(net("EURUSD.m"), 0.3);
}

/** A scanner holds a file that was just written. */
static void scanner(long ms) {
  world(true);
  terminal().faults.scannerMs = ms;
  startInTrade(10000);
  EQUAL(PositionsTotal(), 2);
  publish(leave(1));
  CHECK(run(10000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(counted("\"reason\":\"Z_EXIT\""), 2);
  EQUAL(unreconciled(), "");
}
/** A scanner holds the state longer during an entry, and at a start. */
static void scannerHoldsTheState() {
  world(true);
  startInSync();
  std::string path = terminal().commonFolder + "/minutehand/ea/1_trade/state_live_EURUSD_GBPUSD.json";
  terminal().broker = [path](const MqlTradeRequest &request, double &) {
    if (request.symbol == "EURUSD.m") terminal().heldFiles[path] = nowMs + 2000;
    return 0u;
  };
  publish(enter(1));
  CHECK(run(10000));
  EQUAL(PositionsTotal(), 2);
  EQUAL(counted("STATE_WRITE"), 0);
  killAgent();
  terminal().heldFiles[path] = nowMs + 5000;
  terminal().broker = nullptr;
  start();
  CHECK(run(20000));
  publish(leave(1));
  CHECK(run(20000));
  EQUAL(PositionsTotal(), 0);
  EQUAL(unreconciled(), "");
}

/** More pairs than an input can hold. */
static void pairsInAFile() {
  world(true);
  mkdir((terminal().commonFolder + "/minutehand").c_str(), 0755);
  std::ofstream(terminal().commonFolder + "/minutehand/pairs.txt") << "EURUSD_GBPUSD\r\nEURUSD_USDCHF\r\n";
  settings.pairs = "@pairs.txt";
  CHECK(start());
  publish(enter(1, 1, 0.8, "EURUSD_USDCHF"));
  CHECK(run(12000));
  EQUAL(PositionsTotal(), 2);
  settings.pairs = "@missing.txt";
  killAgent();
  CHECK(!start());
}
